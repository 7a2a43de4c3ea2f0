// One row of the documentation: what OpenAPI calls an operation. Its parameters and the bodies of
// slaves come from the route's own schemas; what else a reader must know is here. A test holds the
// rows against the routes, both ways, and runs every example.

import type { TSchema } from 'typebox'
import type { ProblemType } from '../../../shared/protocol/problems.ts'

/** The names under which schemas stand in the document's components. */
export type Named = Record<string, TSchema>

export type Operation = {
  /** One sentence, an imperative without its subject. */
  summary: string
  description?: string
  /** For clients; `slaves` marks what slaves say. */
  tag: 'tasks' | 'jobs' | 'slaves' | 'watching' | 'wire'
  operationId: string
  /** Its body, where the route itself does not say: a schema, or a media type. */
  takes?: TSchema | string
  /** The body may be left out. */
  optional?: true
  /** Further headers that it reads. */
  headers?: (keyof typeof HEADERS)[]
  /** Its answers: a schema, a media type, or null for none; by status. */
  gives: Record<number, TSchema | string | null | (TSchema | string)[]>
  problems?: readonly ProblemType[]
  /** Bodies that are taken, by name. Each is run by a test, and gives the first of `gives`. */
  examples?: Record<string, unknown>
}

/** By method and path, such as `POST /tasks`; paths as Fastify has them. */
export type Operations = Record<string, Operation>

export const HEADERS = {
  prefer: {
    description:
      '`wait=N`: hold the request up to N seconds, first for a slave, then for the result.',
    example: 'wait=10',
    pattern: undefined,
  },
  'idempotency-key': {
    description: 'Repeat a request that had no answer with the same key, and get the same task.',
    example: '4f1c',
    pattern: '^[ -~]{1,255}$',
  },
  traceparent: {
    description: 'W3C Trace Context: the trace that it belongs to. Kept, logged, and passed on.',
    example: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
    pattern: undefined,
  },
} as const

/** What any request may hear. */
export const ALWAYS = [
  'invalid-request',
  'unauthorized',
  'forbidden',
  'too-many-requests',
  'not-found',
  'method-not-allowed',
  'internal',
  'store-broken',
] as const satisfies ProblemType[]

/** What any request with a method that has a body may hear. */
export const OF_BODIES = [
  'invalid-json',
  'body-too-large',
  'unsupported-media-type',
  'overloaded',
] as const satisfies ProblemType[]
