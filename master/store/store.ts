// The seam between the dispatcher and what keeps its tasks. Three rules hold for every driver, and
// one contract suite (test/master/store/contract.ts) holds them to it:
//   - what `commit` was given is durable, all of it or nothing, before `done` is called;
//   - an ended task never changes again;
//   - reads see every commit whose `done` was called.

import type { WallTime } from '../../shared/data/clock.ts'
import type { TaskStatus } from '../core/state.ts'
import type { TrailEntry } from '../core/trail.ts'

export type { TaskStatus } from '../core/state.ts'
export type { TrailEntry } from '../core/trail.ts'

/** A task as it is stored. */
export type TaskRecord = {
  /** From shared/data/ids.ts: ids sort by time of acceptance, and no two have the same time and counter. */
  id: string
  kind: string
  status: TaskStatus
  /** Higher goes first. */
  priority: number
  createdAt: WallTime
  startedAt: WallTime | null
  endedAt: WallTime | null
  slave: string | null
  attempt: string | null
  /** How often a slave has taken it. */
  tries: number
  runLimitMs: number
  /** Expires when no slave has taken it by then. */
  waitUntil: WallTime | null
  /**
   * For how long it may wait in the queue, in milliseconds, as its client asked; 0 when it was not to
   * be queued; null when it was stored by a version that did not keep this.
   */
  queueMs: number | null
  tags: string[]
  idempotencyKey: string | null
  /** Whose it is; null: nobody's, or everybody's. */
  client: string | null
  /** SHA-256 of the request's body, base64url: the same key with another body is refused. */
  requestHash: string | null
  /** JSON text. */
  input: string
  /** What an offer of it carries besides, as JSON text without its braces. */
  work: string | null
  /** What is unusual about it (core/needs.ts), as JSON text; null: nothing. */
  terms: string | null
  /** Which trace it belongs to, as its client said (shared/protocol/trace.ts). */
  trace: string | null
  /** JSON text of an Outcome, from the end on. */
  outcome: string | null
  trail: TrailEntry[]
}

/** What changes when a live task moves on. */
export type TaskUpdate = Pick<
  TaskRecord,
  | 'id'
  | 'status'
  | 'startedAt'
  | 'endedAt'
  | 'waitUntil'
  | 'slave'
  | 'attempt'
  | 'tries'
  | 'outcome'
  | 'trail'
>

/** A slave as the registry remembers it over a restart. */
export type SlaveRecord = {
  name: string
  url: string
  /** Its place in the order of asking: lowest first. */
  position: number
  /** Drained by an operator: not offered work until resumed. */
  drained: boolean
}

export type Change =
  | { do: 'insert'; task: TaskRecord }
  | { do: 'update'; task: TaskUpdate }
  | { do: 'put-slave'; slave: SlaveRecord }
  | { do: 'drop-slave'; name: string }
  /** A slave offers this kind: it stays known, also when no slave is there that has it. */
  | { do: 'put-kind'; kind: string }

/** What a master needs to carry on: no payloads. Live tasks in order of acceptance. */
export type Loaded = {
  /** Made at the store's first start: what attempt ids are signed with. */
  secret: string
  tasks: Omit<TaskRecord, 'input' | 'work' | 'outcome'>[]
  slaves: SlaveRecord[]
  /** The greatest id of all tasks, ended ones too; null when there are none. */
  newestId: string | null
  /** When that task was accepted. */
  newestAt: WallTime | null
  /** Kinds that slaves have offered, in no order. */
  kinds: string[]
}

export type ListQuery = {
  /** At most this many, 1 to 1000. */
  limit: number
  /** Only tasks accepted before the task of this id (from `next` of the page before). */
  before?: string
  status?: TaskStatus
  kind?: string
  slave?: string
  tag?: string
  client?: string
}

/** A task in a list: payloads only while they are small (`LIST_PAYLOAD_BYTES_MAX`). */
export type TaskSummary = Omit<
  TaskRecord,
  'input' | 'work' | 'outcome' | 'trail' | 'trace' | 'requestHash' | 'queueMs' | 'terms'
> & {
  input: string | null
  outcome: string | null
}

/**
 * Newest first. A filter that matches little is answered in bounded time: a page may hold fewer
 * than `limit` tasks and still have a `next`.
 */
export type Page = { tasks: TaskSummary[]; next: string | null }

/** What to keep: what ended since `endedBefore`, the others in tasks. */
export type TrimLimits = { endedBefore: WallTime; keepMax: number; rowsMax: number }

/** An input or outcome larger than this is left out of lists. In bytes of JSON text. */
export const LIST_PAYLOAD_BYTES_MAX = 512
/** A filtered page looks at no more rows than this. */
export const LIST_SCAN_ROWS_MAX = 10_000

/** One step of trimming looks at no more rows than this for old tasks that stand among newer ones. */
export const TRIM_SCAN_ROWS = 500

/** The disk has no room. Everything that was committed is safe; nothing of this commit is. */
export class StoreFullError extends Error {
  override name = 'StoreFullError'
}

/**
 * Another task has this id or idempotency key already. Nothing of this commit was written, and the
 * store works on. With one master a mistake of the caller; with several it can happen.
 */
export class StoreConflictError extends Error {
  override name = 'StoreConflictError'
}

export type Store = {
  load(): Promise<Loaded>
  /**
   * Makes all changes durable, or none, then calls `done` once: at once in this call, or later.
   * An `update` of a task that has ended or is not there changes nothing.
   * `done(StoreFullError)`: nothing was written, and it may be tried again; while the disk is full
   * every commit with an `insert` is refused, and the room kept back is for commits without one.
   * `done(StoreConflictError)`: nothing was written. Any other error: what is on the disk is
   * unknown, every later call fails too, and the master must stop.
   */
  commit(changes: Change[], done: (error?: Error) => void): void
  get(id: string): Promise<TaskRecord | undefined>
  /** The task that came with this Idempotency-Key. */
  find(idempotencyKey: string): Promise<{ id: string; requestHash: string } | undefined>
  list(query: ListQuery): Promise<Page>
  /** How many tasks there are of each status. */
  counts(): Promise<Record<TaskStatus, number>>
  /**
   * Removes at most `rowsMax` ended tasks, oldest first: those that ended before `endedBefore`,
   * and those beyond the newest `keepMax` tasks. Returns how many. A task that stands after younger
   * ones (the wall clock was set back) is found after as many steps as `TRIM_SCAN_ROWS` needs.
   */
  trim(limits: TrimLimits): Promise<number>
  /** Idempotent. */
  close(): Promise<void>
}
