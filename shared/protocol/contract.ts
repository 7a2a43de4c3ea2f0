// The contract of an endpoint: method, address, who may call it, what it takes, what it replies and what
// a reader must know. Each is defined once, in api/, a file per noun. From it come the route with its
// types and checks (shared/http/serve.ts), the permissions, the OpenAPI document and the client's types.

import type { TObject, TRecord, TSchema } from 'typebox'
import type { ProblemType } from './problems.ts'

/** What a client's key may do. `admin` may do everything. */
export const SCOPES = ['submit', 'read', 'cancel', 'admin'] as const
export type Scope = (typeof SCOPES)[number]

/**
 * Who may call an endpoint. `open`: any caller. `key`: a client whose key has this scope; with
 * `all`, only a client that sees the tasks of all clients. `slave`: a slave, in its own name.
 * `master`: the master.
 */
export type Access =
  | { open: true }
  | { open?: false; key?: Scope; all?: true; slave?: true; master?: true }

/** For an endpoint that shows no client's work, or whose body carries the credential. */
export const OPEN = { open: true } as const satisfies Access
export const SLAVE = { slave: true } as const satisfies Access
export const MASTER = { master: true } as const satisfies Access
export const ADMIN = { key: 'admin' } as const satisfies Access
export const SUBMIT = { key: 'submit' } as const satisfies Access
export const READ = { key: 'read' } as const satisfies Access
export const READ_ALL = { key: 'read', all: true } as const satisfies Access
export const CANCEL = { key: 'cancel' } as const satisfies Access

/** Checked before the handler runs; the handler gets the types of these schemas. */
export type Checked = { params?: TObject | TRecord; querystring?: TObject; body?: TSchema }

/** What a kind of tasks or jobs tells clients about itself. */
export type AboutKind = {
  name: string
  /** One sentence. */
  summary: string
  input: TSchema
  output: TSchema
  examples: readonly { input: unknown }[]
  /** It works on files: a task of it needs `files`, or is a part of a job. */
  files?: boolean
  /** It runs programs of the slave. */
  program?: boolean
  /** The fields of its input may stand at the top of `POST /tasks`. */
  shorthand?: boolean
}

/** What the master loads when it starts; some request bodies depend on it. */
export type Loaded = {
  kinds: readonly AboutKind[]
  jobKinds: readonly AboutKind[]
  batchTasksMax: number
}

/**
 * Content that the handler checks itself. `json`: by rules that a schema cannot express, or that depend
 * on the loaded kinds; the schema is for readers. `optional`: it may be left out. `examples`: bodies by
 * name; a test sends each, and expects the first reply. `bytes`: any media type, as a stream.
 */
export type Content =
  | {
      form: 'json'
      schema: (loaded: Loaded) => TSchema
      optional?: true
      examples?: (loaded: Loaded) => Record<string, unknown>
    }
  | { form: 'bytes' }

/** The forms of one reply: a schema, or a media type. */
export type Form = TSchema | string
/** By status: the form or forms of the body; null for none. */
export type Replies = { readonly [status: number]: Form | readonly Form[] | null }

export type Contract<C extends Checked = Checked, R extends Replies = Replies> = {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  /** As Fastify writes it: `/tasks/:id`. */
  path: string
  access: Access
  /** One sentence, an imperative without its subject. */
  summary: string
  description?: string
  /** `wire`: between slaves and the master. `hidden`: not in the OpenAPI document. */
  tag: Tag | 'hidden'
  operationId: string
  checked: C
  content?: Content
  /** Headers that the handler reads. */
  headers?: readonly (keyof typeof HEADERS)[]
  /** Accepts unknown query parameters, because monitors and proxies add some. */
  anyQuery?: true
  replies: R
  /** Besides those of ALWAYS and OF_BODIES. */
  problems?: readonly ProblemType[]
}

/** What `contract` takes by name. */
type Rest<R extends Replies> = Omit<
  Contract<Checked, R>,
  'operationId' | 'method' | 'path' | 'access' | 'checked'
>
type Head = [operationId: string, method: Contract['method'], path: string, access: Access]

/** A contract, with the exact types of its schemas. */
export function contract<const C extends Checked, const R extends Replies>(
  ...given: [...Head, Rest<R> & { checked: C }]
): Contract<C, R>
export function contract<const R extends Replies>(
  ...given: [...Head, Rest<R>]
): Contract<Record<never, never>, R>
export function contract(
  ...[operationId, method, path, access, rest]: [...Head, Rest<Replies>]
): Contract {
  return { operationId, method, path, access, checked: {}, ...rest }
}

export const TAGS = {
  tasks: 'Units of work that one slave runs.',
  jobs: 'Requests that the master splits into tasks and combines; blobs for large inputs and results.',
  slaves: 'The processes that compute.',
  watching: 'For people and monitors.',
  wire: 'Messages from slaves to the master; slave/PROTOCOL.md has the rules.',
} as const
export type Tag = keyof typeof TAGS

export const HEADERS = {
  prefer: {
    description:
      '`wait=N`: hold the request for up to N seconds, first for a slave, then for the result.',
    example: 'wait=10',
    pattern: undefined,
  },
  'idempotency-key': {
    description: 'Repeat a request that got no response with the same key to get the same task.',
    example: '4f1c',
    pattern: '^[ -~]{1,255}$',
  },
  traceparent: {
    description: 'W3C Trace Context: the trace of the request. Stored, logged and passed on.',
    example: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
    pattern: undefined,
  },
} as const

/** Problems of every endpoint. */
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

/** Problems of every endpoint whose method may have a body. */
export const OF_BODIES = [
  'invalid-json',
  'body-too-large',
  'unsupported-media-type',
  'overloaded',
] as const satisfies ProblemType[]
