// A task as the core knows it: ids, counts and times, no payload. Pure.
//
//            (client waits, or queue)            (backoff over)
//   asking ----------> waiting <------------------- resting
//     |  ^               |  |                          ^
//     |  +---------------+  | wait limit               | attempt lost, tries left
//     | taken               v                          |
//     +---------> running ------------------------------+
//     |              | outcome, cancel, tries used up
//     v              v
//   refused        ended
//
// `doubt`: every slave that could be asked said no, but one did not answer: it may have the task.
// The client sees asking, waiting, resting and doubt as `pending`, running as `in progress`.

import type { Bitset } from '../../shared/data/bitset.ts'
import type { Monotonic, WallTime } from '../../shared/data/clock.ts'
import { later } from '../../shared/data/clock.ts'
import type { Outcome } from '../../shared/protocol/wire.ts'
import type { Slave } from './registry.ts'

export type Stage =
  | { is: 'asking'; slave: Slave; attempt: string; since: Monotonic }
  | { is: 'waiting' }
  | { is: 'resting' }
  | { is: 'doubt' }
  | { is: 'running'; slave: Slave; attempt: string; since: Monotonic }
  | { is: 'ended'; status: EndStatus; outcome: Outcome | null; at: WallTime }
  | { is: 'refused' }

export type EndStatus = 'done' | 'failed' | 'cancelled' | 'expired'

/** One line of a task's trail: who was asked or what befell the task, when, and why. */
export type TrailEntry = {
  at: WallTime
  /** What happened: an answer of a slave (`taken`, `busy` ...), or `lost`, `retry`, `done` ... */
  event: string
  slave?: string
  /** Of what failed or was lost: known again after a start of the master, told to nobody. */
  attempt?: string
  /** In words. */
  reason?: string
  /** Milliseconds until the answer came. */
  ms?: number
  /** Not asked, because known; the answer's age in milliseconds. */
  knownMs?: number
}

/** What the core needs to know of a task that is new. */
export type NewTask = {
  id: string
  kind: string
  priority: number
  runLimitMs: number
  createdAt: WallTime
  /** Accepted into the line (and so durable) before a slave is found. */
  queue: boolean
  /** Until when it may wait for a slave; null: not at all. */
  waitUntil: Monotonic | null
  /** The same as a point in time, to be stored and shown; the core decides by `waitUntil`. */
  expiresAt: WallTime | null
}

/** A place in the heap of what is due. */
export type Due = { at: Monotonic; task: Task; heapIndex: number }

export type Task = NewTask & {
  /** Grows with every task: first come, first served. */
  number: number
  /** When it came. */
  since: Monotonic
  stage: Stage
  tries: number
  /** How many offers of it were made. */
  asks: number
  /** When the running attempt was taken; null while none runs. */
  startedAt: WallTime | null
  /** How long the newest try that was heard of ran in its executor; null before that. */
  ranMs: number | null
  trail: TrailEntry[]
  /** Places of the slaves that refused it in this round of asking. */
  asked: Bitset | null
  /** The trail says of every slave before this place that it was asked or passed over. */
  notedUpTo: number
  /** Attempts offered to a slave that did not answer: unknown until it is heard. */
  unsure: Map<string, Slave> | null
  /** Attempts whose failure has been heard: not taken up again when a list still has them. */
  failed: Set<string> | null
  /** Attempts that are counted in `tries`: one that is lost and found again is one try. */
  counted: Set<string> | null
  /** How often it was handed to a poll and never came; one more is a try like any other. */
  misses: number
  /** Slaves that it may have taken down, in order. */
  blamed: string[]
  /** Promised to the client: it must end. Before that it may be refused. */
  accepted: boolean
  /** Its client hung up before it was told of it, and nobody else can ask for it. */
  unclaimed: boolean
  /** Place in the waiting line of its kind. */
  heapIndex: number
  /** When something is due for it, if anything is. */
  due: Due | null
}

export const createTask = (given: NewTask, number: number, now: Monotonic): Task => ({
  ...given,
  number,
  since: now,
  stage: { is: 'waiting' },
  tries: 0,
  asks: 0,
  startedAt: null,
  ranMs: null,
  trail: [],
  asked: null,
  notedUpTo: 0,
  unsure: null,
  failed: null,
  counted: null,
  misses: 0,
  blamed: [],
  accepted: false,
  unclaimed: false,
  heapIndex: -1,
  due: null,
})

/** From now on it may wait for a slave for so long. */
export function waitFor(task: Task, ms: number, now: Monotonic, wall: WallTime): void {
  task.waitUntil = later(now, ms)
  task.expiresAt = later(wall, ms)
}

/** It waits for no slave: it has one, or its client has gone. */
export function waitNoMore(task: Task): void {
  task.waitUntil = null
  task.expiresAt = null
}

/** A trail keeps its first and its last entries; how many fell out between is said in it. */
export const TRAIL_ENTRIES_MAX = 64
const TRAIL_HEAD = 24

/** Adds one line to a task's trail. */
export function note(task: Task, entry: TrailEntry): void {
  const { trail } = task
  trail.push(entry)
  if (trail.length <= TRAIL_ENTRIES_MAX) return
  const middle = trail[TRAIL_HEAD] as TrailEntry
  const omitted = middle.event === 'omitted' ? Number.parseInt(middle.reason ?? '0', 10) : 1
  const [next] = trail.splice(TRAIL_HEAD + 1, 1) as [TrailEntry]
  trail[TRAIL_HEAD] = { at: next.at, event: 'omitted', reason: `${omitted + 1} entries` }
}

export const hasEnded = (task: Task): boolean =>
  task.stage.is === 'ended' || task.stage.is === 'refused'

/** Whether this is the attempt that decides, and that of this slave: ids can be stolen. */
export const isCurrent = ({ stage }: Task, attempt: string, slave: string): boolean =>
  (stage.is === 'asking' || stage.is === 'running') &&
  stage.attempt === attempt &&
  stage.slave.name === slave

/** The attempt that decides: the one being offered or run. */
export const currentAttempt = (task: Task): string | null =>
  task.stage.is === 'asking' || task.stage.is === 'running' ? task.stage.attempt : null
