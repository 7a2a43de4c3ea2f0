// The table of problems (RFC 9457): every error that a client or a peer can get. master/http/README.md lists the same rows, and a test compares the two.
//
// No schema is imported here: threads and commands that only throw a problem start without typebox.

import type { Asked, Mistake } from './asked.ts'

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

/** Who was asked about a task that is refused; which field of a request breaks which rule. */
type Members = { asked?: Asked[]; errors?: Mistake[] }

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
