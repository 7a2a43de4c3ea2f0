// The seam between the jobs and what stores them. Their parts are ordinary tasks in the tasks' store
// (store.ts). Rules that hold for every driver, and for the blob index beside it (blob-index.ts); one
// contract suite (test/master/store/jobs/contract.ts) checks them:
//   - a write is durable, all of it or nothing, when its promise resolves;
//   - calls take effect in the order in which they are made, so a read sees every earlier write;
//   - the end of a job is written once;
//   - a job uses the blobs that its texts name (blob-names.ts) until it is removed.
//
// Every write rejects with StoreFullError when the disk is full: nothing of it is written, and it may
// be tried again. Any call rejects with StoreBrokenError when the store is damaged or gone.

import type { WallTime } from '../../../shared/data/clock.ts'
import type { JobResult } from '../../../shared/kinds/job-kind.ts'
import type { JOB_STATUSES } from '../../../shared/protocol/statuses.ts'
import type { JobFailure } from '../../core/job.ts'

export type JobStatus = (typeof JOB_STATUSES)[number]

/** A job as it is stored. The texts are JSON. */
export type JobRecord = {
  /** A UUIDv7: ids sort by time of acceptance. */
  id: string
  kind: string
  /** Null when it is long (LISTED_BYTES_MAX): then `text` reads it. */
  input: string | null
  inputBytes: number
  /** How many parts the client asked for. */
  parts: number | null
  slots: number
  slaves: number
  /** 1: as JobSoFar has it; 0 otherwise. */
  together: 0 | 1
  priority: number
  runLimitMs: number
  tags: string
  ticket: string
  /** The trace that the client named (shared/protocol/trace.ts). */
  trace: string | null
  idempotencyKey: string | null
  /** SHA-256 of the request's body, base64url. */
  requestHash: string | null
  /** The client whose job it is; null where clients are not authenticated. */
  client: string | null
  status: JobStatus
  createdAt: WallTime
  endedAt: WallTime | null
  /** A JobOutcome, from the end on; null when it is long: then `text` reads it. */
  outcome: string | null
  outcomeBytes: number | null
  /** Its stages as clients read them, without parts, from the end on. */
  stages: string | null
}

/** The result of a job, or why it has none. */
export type JobOutcome = { result: JobResult } | { failure: JobFailure }

/** The texts of a job that may be long. */
export type TextName = 'input' | 'outcome' | 'parts'

/** How a job ended. `parts`: the parts of each stage, as clients read them. */
export type JobEnd = Pick<JobRecord, 'id' | 'status' | 'endedAt' | 'stages'> & {
  outcome: string | null
  parts: string
}

/** Whether a job was stored, or its client has another one with the same Idempotency-Key. */
export type Inserted = { is: 'new' } | { is: 'repeated'; id: string; requestHash: string | null }

export type JobQuery = {
  /** Only jobs accepted before the job of this id. */
  before?: string
  limit: number
  /** Only jobs of this client; null: of all. */
  client: string | null
}

/** A longer input or outcome is not in the record of its job, and not in lists. In bytes. */
export const LISTED_BYTES_MAX = 2_000

export type JobStore = {
  /** What a master needs to carry on: the jobs that have not ended, oldest first. */
  load(): Promise<{ live: JobRecord[]; newestId: string | null }>
  /** Stores a job with its whole input, however long. */
  insert(job: JobRecord, input: string): Promise<Inserted>
  /** Writes the end of a job. Changes nothing when it has ended or is not there. */
  end(end: JobEnd): Promise<void>
  /** The job with this id, or the one that came with this Idempotency-Key. */
  get(by: { id: string } | { key: string }): Promise<JobRecord | undefined>
  /** Newest first. */
  list(query: JobQuery): Promise<JobRecord[]>
  /** One text of a job, however long; null when there is none. */
  text(id: string, name: TextName): Promise<string | null>
  /**
   * Removes some jobs that ended before a time, with their texts; gives how many. It never takes long.
   * A job that stands among younger or live ones is found after several calls.
   */
  trim(endedBefore: WallTime): Promise<number>
}

/** The part of a record that depends on its input. */
export function inRow(input: string): Pick<JobRecord, 'input' | 'inputBytes'> {
  const inputBytes = Buffer.byteLength(input)
  return { input: inputBytes <= LISTED_BYTES_MAX ? input : null, inputBytes }
}
