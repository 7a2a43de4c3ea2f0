// The table of problems (RFC 9457): every error that a client or a peer can get. master/http/README.md lists the same rows, and a test compares the two.
//
// No schema is imported here: threads and commands that only throw a problem start without typebox.

import type { Asked, Mistake } from './asked.ts'

export const PROBLEMS = {
  'invalid-request': [400, 'The request does not match its schema.'],
  'invalid-json': [400, 'The body is not valid JSON in valid UTF-8.'],
  unauthorized: [401, 'Authentication is required.'],
  'join-refused': [403, 'The join token is not valid for this slave.'],
  forbidden: [403, 'The caller is not authorized to do this.'],
  'not-found': [404, 'There is nothing at this path.'],
  'no-such-task': [404, 'There is no task with this id.'],
  'no-such-job': [404, 'There is no job with this id.'],
  'no-such-blob': [404, 'There is no blob with this SHA-256.'],
  'no-such-slave': [404, 'There is no slave with this name.'],
  'method-not-allowed': [405, 'The path does not support this method.'],
  'already-ended': [409, 'The task or job has ended; its outcome cannot change.'],
  'not-ended': [409, 'The task or job has not ended yet.'],
  'no-result': [409, 'The job ended without a result.'],
  'slave-alive': [409, 'The slave is alive and would register again.'],
  'name-taken': [409, 'Another live slave has this name.'],
  'body-too-large': [413, 'The body is too large.'],
  'unsupported-media-type': [415, 'The body must be application/json.'],
  'range-not-satisfiable': [416, 'The file has no such bytes.'],
  'unknown-kind': [422, 'The kind is unknown.'],
  'no-capable-slave': [422, 'No slave can run this.'],
  'key-reused': [422, 'The Idempotency-Key was used before with another body.'],
  'unreachable-slave': [422, 'The master cannot reach the slave at this address.'],
  'too-many-requests': [429, 'The caller exceeds its rate limit.'],
  internal: [500, 'Internal server error.'],
  'store-broken': [500, 'The store of the master is damaged or missing; the master stops.'],
  'at-capacity': [503, 'No slave is available.'],
  'no-slaves': [503, 'No slave is registered and alive.'],
  'queue-full': [503, 'The queue is full.'],
  draining: [503, 'This master or slave is shutting down and accepts no new work.'],
  'too-many-streams': [503, 'Too many event streams are open.'],
  overloaded: [503, 'Too many request bodies are arriving at the same time.'],
  'slave-silent': [504, 'A slave did not answer; whether it started the task is unknown.'],
  'quota-exceeded': [507, 'The storage quota of blobs is used up.'],
  'store-full': [507, 'The disk is full: new tasks are refused until there is space.'],
} as const satisfies Record<string, readonly [status: number, title: string]>

export type ProblemType = keyof typeof PROBLEMS

/** Problems whose reply can have a `Retry-After`. */
export const RETRY_AFTER: ReadonlySet<ProblemType> = new Set<ProblemType>([
  'too-many-requests',
  'at-capacity',
  'queue-full',
  'overloaded',
])

/** With what only V8 has, which browsers' types do not know. */
const v8: ErrorConstructor & { stackTraceLimit?: number | undefined } = Error

/** Who was asked about a task that is refused; which field of a request breaks which rule. */
type Members = { asked?: Asked[]; errors?: Mistake[] }

/**
 * An error with a type of the table. Routes throw it; the server writes it as the reply. It has no stack, as it
 * is an answer to a caller: to collect one took a twelfth of the master's time for a refusal.
 */
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
    const { stackTraceLimit } = v8
    if (type !== 'internal') v8.stackTraceLimit = 0
    super(detail)
    v8.stackTraceLimit = stackTraceLimit
    this.name = 'Problem'
    this.type = type
    this.status = PROBLEMS[type][0]
    this.members = members
    this.headers = headers
  }

  /** The RFC 9457 document. `type` is the code of the table, a relative reference. */
  document() {
    return {
      type: this.type,
      title: PROBLEMS[this.type][1],
      status: this.status,
      detail: this.message,
      ...this.members,
    }
  }
}
