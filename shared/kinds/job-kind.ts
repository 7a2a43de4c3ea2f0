// A job kind: how a big request is split into parts and how their outcomes are combined. It stands
// beside the kinds of its parts, in the same file or folder of kinds/. Everything here is a pure
// function of the input and of stored outcomes, so that a restarted master goes on where it was.
//
//   input --> stage 1: parts --> stage 2: parts --> ... --> combine --> result
//             (side by side)     (after all of 1)
//
// It runs in the master, on the thread that answers everybody: it may cut lists and add up numbers,
// and must not compute. No call may take longer than some 50 ms, whatever the input and whatever the
// parts gave: `combine` yields where all together may take longer, and refuses by length, before it
// parses, what it could not handle in such steps.

import type { TSchema } from 'typebox'
import type { Mistake } from '../protocol/asked.ts'
import type { Result } from './kind.ts'

/** A stage has no more parts. */
export const PARTS_MAX = 10_000

export type JobKind<Input = never> = {
  /** The file's or folder's name. */
  name: string
  /** One sentence for people. */
  summary: string
  /** Of the job's input. Objects in it are strict: unknown fields are refused. */
  input: TSchema
  /** Of the job's `result`. */
  output: TSchema
  /** What the schema cannot say: an empty list when the input is right. */
  mistakes?(input: Input): Mistake[]
  /** SHA-256 of blobs that this input names, to be refused at once when one is not there. */
  blobs?(input: Input): string[]
  /** Kinds of parts that this input needs, to be refused at once when no slave offers one. */
  needs(input: Input): string[]
  /**
   * Kinds that are worth using only where every slave offers all of them or none: `together` of the job
   * so far says whether that was so.
   */
  together?(input: Input): string[]
  /** In order. Each waits for all parts of the one before. */
  stages: Stage<Input>[]
  /** Gives the job's result from the parts of all stages; step by step where that takes long. */
  combine(job: JobSoFar<Input>): Combining
  /** Small ones: each is run by the contract test, cut into 1 to 7 parts. */
  examples: { input: unknown; output: unknown }[]
}

export type Stage<Input> = {
  name: string
  /**
   * The parts of this stage; none is right, too. The same for the same job so far, always.
   * Throws TaskFailure to end the job as failed, with words.
   */
  parts(job: JobSoFar<Input>): Part[]
}

/** What stages and `combine` are functions of. */
export type JobSoFar<Input> = {
  input: Input
  /** How many parts the client asked for; null when it left that to the kind. */
  parts: number | null
  /** How many slots the slaves that offer the needed kinds had together when the job came; 1 at least. */
  slots: number
  /** How many slaves that was; 1 at least. */
  slaves: number
  /** When the job came, each slave offered all of the kinds that `together` names, or none of them. */
  together: boolean
  /** How long each part may run. A stage that cuts by length cuts so that its parts fit. In milliseconds. */
  runLimitMs: number
  /** The outcomes of the stages before, part by part, in the order of `parts`. */
  done: PartDone[][]
}

export type PartDone = {
  result: unknown
  resultType?: string
  /** Output files of the part. */
  files: { name: string; bytes: number; sha256?: string; type?: string }[]
  /** Who gave it. */
  slave: string
}

export type Part = {
  /** The kind of task that it is. */
  kind: string
  input: unknown
  /** Files that the slave fetches before it runs the part. */
  files?: PartFile[]
  /**
   * Where the output files go: `master`: blobs, read by clients and by any later part; `slave`:
   * partitions, kept where they were made and fetched by peers. Needed when the kind writes any.
   */
  keep?: 'master' | 'slave'
}

/** A file for a part, by the name that `Work.files` gives it. */
export type PartFile =
  | { name: string; blob: string }
  /** The output file `file` of an earlier part, wherever it was kept. */
  | { name: string; stage: number; part: number; file: string }

/** A result, or the steps to one: between two of them the master answers whoever asks. */
export type Combining = JobResult | Steps
type Steps = { next(): IteratorResult<undefined, JobResult> }

/** Those of what is combined at once are one step. */
export const stepsOf = (made: Combining): Steps =>
  'next' in made ? made : { next: () => ({ done: true, value: made }) }

export type JobResult = Result & {
  /**
   * Blobs that are the result when it is a file: `GET /jobs/{id}/result` gives them one after the
   * other. `result` is then what `GET /jobs/{id}` shows of it.
   */
  file?: { blobs: string[]; type: string; name: string }
}
