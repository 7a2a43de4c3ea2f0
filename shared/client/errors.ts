// What a client of a master can meet: a problem that the master answered, a master that cannot be
// reached, and a task or job that ended without a result.

import type { Asked } from '../protocol/asked.ts'
import type { ProblemDocument as Document } from '../protocol/problem-document.ts'
import type { ProblemType } from '../protocol/problems.ts'

export type { Asked } from '../protocol/asked.ts'

/** The document of a problem. What answers in place of a master may leave fields out. */
export type ProblemDocument = Partial<Omit<Document, 'type'>> & {
  type: ProblemType | (string & {})
  status: number
}

/** The master answered with a problem. A refusal (503) has stored nothing, and nothing runs. */
export class ProblemError extends Error {
  override name = 'ProblemError'
  readonly type: ProblemDocument['type']
  readonly status: number
  readonly document: ProblemDocument
  /** When to come back, where the master knows; in milliseconds. */
  readonly retryAfterMs: number | null
  constructor(document: ProblemDocument, retryAfterMs: number | null = null) {
    super(document.detail ?? document.title ?? document.type)
    this.type = document.type
    this.status = document.status
    this.document = document
    this.retryAfterMs = retryAfterMs
  }

  /** Who was asked, and what each answered; none when the problem is not about that. */
  get asked(): Asked[] {
    return this.document.asked ?? []
  }
}

/** Whether it is a problem that a master answered, of this type when one is given. */
export const isProblem = (error: unknown, type?: ProblemType): error is ProblemError =>
  error instanceof ProblemError && (type === undefined || error.type === type)

/** No master answered, for as long as the client was patient. */
export class UnreachableError extends Error {
  override name = 'UnreachableError'
  readonly url: string
  /** Why, in words. */
  readonly reason: string
  /** False: the request cannot have reached the master. */
  readonly delivered: boolean
  constructor(url: string, reason: string, delivered: boolean) {
    super(`the master at ${url} cannot be reached: ${reason}`)
    this.url = url
    this.reason = reason
    this.delivered = delivered
  }
}

/** The task or job ended, and not well: it failed, was cancelled, or expired. */
export class NoResultError<Ended extends NotDone = NotDone> extends Error {
  override name = 'NoResultError'
  /** The task or job as it ended. */
  readonly ended: Ended
  constructor(ended: Ended) {
    const why = ended.failure ? `: ${ended.failure.type}: ${ended.failure.message}` : ''
    super(`${ended.id} is ${ended.status}${why}`)
    this.ended = ended
  }
}

type NotDone = { id: string; status: string; failure?: { type: string; message: string } }
