// A kind: what a task does. One file in kinds/, or one folder with a kind.ts, is all it takes:
// from it come the request's schema and its 400s, the slave's list of abilities and a contract
// test. A file may hold several kinds, of its own name and of names under it (`image-filter.sepia`
// in `image-filter`), and a job kind (job-kind.ts). Must not know master or slave.

import type { TSchema } from 'typebox'
import type { FailureType } from '../protocol/wire.ts'

/** What a run gives: JSON, and what it stands for where JSON alone does not say it. */
export type Result = { result: unknown; resultType?: string; resultText?: string }

/** The files of a run, in a folder of its own that is removed afterwards. */
export type Work = {
  /** Paths of the files that came with the task, by name. To be read only. */
  files: Record<string, string>
  /** An empty folder: what a run writes here, under plain names, are its output files. */
  out: string
  /** The slave's own folder of files (`--files`), the same on every slave; null when it has none. */
  shared: string | null
}

export type Kind<Input = never> = {
  /** One word for people and wire: the file's or folder's name, or that, a dot, and one more. */
  name: string
  /** One sentence for people. */
  summary: string
  /** Of the task's input. Objects in it are strict: unknown fields are refused. */
  input: TSchema
  /** Of `result`. */
  output: TSchema
  /** Its input's fields may stand at the top of `POST /tasks` in place of `kind` and `input`. */
  shorthand?: boolean
  /**
   * It reads or writes files or uses a native library: it runs in executors of its own, which may
   * do that and share nothing with those of other kinds. It cannot be asked for by `POST /tasks`
   * alone when it needs files that only a job gives it.
   */
  files?: boolean
  /** It runs programs: the agent starts them, no executor runs it, and only a slave with --commands offers it. */
  program?: boolean
  /** Peers fetch what it gives: only slaves that can be reached offer it. */
  peers?: boolean
  /**
   * Imports libraries that are too heavy for the top of the module. Called once when an executor
   * starts; after that an executor loads no modules but built-in ones that only compute.
   */
  load?(): Promise<void>
  /**
   * Gives the result of one input. Runs in an executor, alone, after load() and the first example
   * (of a kind without files): what they import is there. Throws TaskFailure for a failure with a type; anything else it throws is `evaluation`.
   */
  run(input: Input, work: Work): Result | Promise<Result>
  /**
   * The one field of its result that may stand for all of it, where a simple slave hands in a number by
   * itself: `7` for `{"words": 7}`.
   */
  bare?: string
  /** Each is run by the contract test; the first also when an executor starts, to be warm. */
  examples: { input: unknown; output: Result }[]
}

/** A failure of a task, which is data: it ends the task or the attempt and nothing else. */
export class TaskFailure extends Error {
  readonly type: FailureType
  constructor(type: FailureType, message: string) {
    super(message)
    this.name = 'TaskFailure'
    this.type = type
  }
}
