// The table of problems (RFC 9457): every error that a client or a peer can get. master/http/README.md lists the same rows, and a test compares the two.

import type { Static } from 'typebox'
import { Type } from 'typebox'
import { Name } from './wire.ts'
import { words } from './words.ts'

export const PROBLEMS = {
  'invalid-request': [400, 'The request is not what the schema asks for.'],
  'invalid-json': [400, 'The body is not valid JSON in valid UTF-8.'],
  unauthorized: [401, 'Who asks is not known here.'],
  'join-refused': [403, 'This join token does not let this slave in.'],
  forbidden: [403, 'Who asks is known, and may not do this.'],
  'not-found': [404, 'There is nothing at this address.'],
  'no-such-task': [404, 'There is no task with this id.'],
  'no-such-job': [404, 'There is no job with this id.'],
  'no-such-blob': [404, 'There is no blob of this SHA-256.'],
  'no-such-slave': [404, 'There is no slave of this name.'],
  'method-not-allowed': [405, 'This address does not take this method.'],
  'already-ended': [409, 'The task or job has ended, and an outcome never changes.'],
  'not-ended': [409, 'The task or job has not ended yet.'],
  'no-result': [409, 'The job has ended without a result.'],
  'slave-alive': [409, 'The slave is alive, and would register again.'],
  'name-taken': [409, 'Another slave that is alive has this name.'],
  'body-too-large': [413, 'The body is larger than this address takes.'],
  'unsupported-media-type': [415, 'The body must be application/json.'],
  'unknown-kind': [422, 'No such kind is known here.'],
  'no-capable-slave': [422, 'No slave offers this kind.'],
  'key-reused': [422, 'This Idempotency-Key came before with another body.'],
  'unreachable-slave': [422, 'The master cannot reach a slave at this address.'],
  'too-many-requests': [429, 'More requests than one caller may make.'],
  internal: [500, 'A mistake of ours.'],
  'store-broken': [500, 'The store of the master is damaged or gone, and the master stops.'],
  'at-capacity': [503, 'No slave is available.'],
  'no-slaves': [503, 'No slave is registered and alive.'],
  'queue-full': [503, 'The waiting line is full.'],
  draining: [503, 'This master or slave is shutting down and takes nothing new.'],
  'too-many-streams': [503, 'As many streams of events are open as this master serves.'],
  overloaded: [503, 'More request bodies are arriving than this server has room for.'],
  'slave-silent': [504, 'A slave did not answer; whether it started the task is not known.'],
  'quota-exceeded': [507, 'Blobs take as many bytes as they may.'],
  'store-full': [507, 'The disk is full: no new tasks until there is room.'],
} as const satisfies Record<string, readonly [status: number, title: string]>

export type ProblemType = keyof typeof PROBLEMS

/** What one slave answered to the offer of a task. */
export const Asked = Type.Object(
  {
    slave: Type.Optional(Name),
    answer: words(['available', 'not available', 'no answer']),
    reason: Type.String({ description: "in the slave's own words" }),
    /** Until the answer arrived. */
    ms: Type.Optional(Type.Number({ minimum: 0, description: 'milliseconds' })),
    /** The age of the earlier answer that the master reused, in milliseconds. */
    knownMs: Type.Optional(
      Type.Number({
        minimum: 0,
        description: 'not asked: its last word is so old, and still held',
      }),
    ),
  },
  { additionalProperties: false },
)
export type Asked = Static<typeof Asked>

/** A field of a request, and the rule that it breaks. */
export const Mistake = Type.Object(
  { field: Type.String(), rule: Type.String() },
  { additionalProperties: false },
)
export type Mistake = Static<typeof Mistake>

/** The document of a problem. Other members may follow in later versions. */
export const ProblemDocument = Type.Object(
  {
    type: Type.Unsafe<ProblemType>(words(Object.keys(PROBLEMS))),
    title: Type.String(),
    status: Type.Integer(),
    detail: Type.String(),
    /** Of a refusal: who was asked, and what each answered. */
    asked: Type.Optional(Type.Array(Asked)),
    /** Of an invalid request: which field breaks which rule. */
    errors: Type.Optional(Type.Array(Mistake)),
  },
  { description: 'A problem (RFC 9457).' },
)
export type ProblemDocument = Static<typeof ProblemDocument>
type Members = Pick<ProblemDocument, 'asked' | 'errors'>

/** An error with a type of the table. Routes throw it; the server writes it as the reply. */
export class Problem extends Error {
  readonly type: ProblemType
  readonly status: number
  readonly members: Members
  readonly headers: Record<string, string>
  constructor(
    type: ProblemType,
    detail: string,
    members: Members = {},
    headers: Record<string, string> = {},
  ) {
    super(detail)
    this.name = 'Problem'
    this.type = type
    this.status = PROBLEMS[type][0]
    this.members = members
    this.headers = headers
  }

  /** The RFC 9457 document. `type` is the code of the table, a relative reference. */
  document(): ProblemDocument {
    return {
      type: this.type,
      title: PROBLEMS[this.type][1],
      status: this.status,
      detail: this.message,
      ...this.members,
    }
  }
}
