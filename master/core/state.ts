// What the core knows of each task and of each slave: types only. A task refers to its slave and a slave
// to its tasks, so both stand here. Ids, counts and times; no payload.
//
// A task:
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
//
// A slave's standing:
//
//   silent --(answers when asked)--> alive --(nothing for 2 beats)--> suspect --(for 4)--> silent
//                                      ^                                 |
//                                      +----------(any word of it)-------+

import type { Bitset } from '../../shared/data/bitset.ts'
import type { Monotonic, WallTime } from '../../shared/data/clock.ts'
import type { Answer, Outcome, SlaveState } from '../../shared/protocol/wire.ts'
import type { Reach } from './reach.ts'
import type { TrailEntry } from './trail.ts'

export type Stage =
  | { is: 'asking'; slave: Slave; attempt: string; since: Monotonic }
  | { is: 'waiting' }
  | { is: 'resting' }
  | { is: 'doubt' }
  | { is: 'running'; slave: Slave; attempt: string; since: Monotonic }
  | { is: 'ended'; status: EndStatus; outcome: Outcome | null; at: WallTime }
  | { is: 'refused' }

export type EndStatus = 'done' | 'failed' | 'cancelled' | 'expired'
/** The state of a task as clients see it. `pending` and `in progress` are live; the others are final. */
export type TaskStatus = 'pending' | 'in progress' | EndStatus

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

/** An attempt that a slave has taken and whose outcome has not come. */
export type Held = {
  attempt: string
  task: Task
  /** When it was taken, or was last said to wait in the slave's own line: its limit runs from here. */
  since: Monotonic
  /** The slave's generation when it said `taken`, or first listed it. */
  generation: number
  /** When the slave last said that it has it; its lease runs from here. */
  confirmedAt: Monotonic
  /** Handed over as the answer to a poll, and the slave has not yet said that it came. */
  onItsWay?: boolean
  /** The slave lists it as ended. */
  ended?: boolean
}

/** An offer on its way. */
export type OpenOffer = { attempt: string; task: Task; at: Monotonic }

/** Why it is not offered work although it speaks: see backoff.ts. */
export type Trouble = {
  is: 'unusable' | 'declined'
  /** How many answers in a row were so, and what the last one was. */
  count: number
  reason: string
  /** It rests until then, and is not offered anything. */
  resting: boolean
  until: Monotonic
}

/**
 * `here`: it has registered, beaten or polled here, or named this master. `unsaid`: it is of a version
 * that does not say. Else where it reports: it is not offered work, as no outcome would arrive.
 */
export type Reports = 'here' | 'unsaid' | { to: string }

export type Slave = {
  readonly name: string
  /** Its place in the order of asking. */
  place: number
  reach: Reach
  /** Its name and address are in the store: only then is it heard, and offered work. */
  saved: boolean
  standing: 'alive' | 'suspect' | 'silent'
  /** Drained by an operator: not offered work until resumed. */
  drained: boolean
  /** This run of its process; empty until it was first heard. */
  boot: string
  version: string
  kinds: string[]
  tags: string[]
  /** Whether this boot sends its heartbeats and outcomes to this master, as far as is known. */
  reports: Reports
  /** The newest word of it, as of `generation`. */
  generation: number
  slots: number
  free: number
  mode: SlaveState['mode']
  reason: string
  /** When it last said anything, and when it said what is known of its slots. */
  heardAt: Monotonic
  newsAt: Monotonic
  offers: Map<string, OpenOffer>
  held: Map<string, Held>
  /** Milliseconds from taken to outcome, a moving average; 0 until measured. */
  serviceMs: number
  /** How many tasks it has taken and ended in this master's lifetime. */
  taken: number
  ended: number
  /** Its last answer to an offer, and how often it refused for what reason: for people. */
  lastAnswer: { event: Answer; reason: string; ms: number; at: number } | null
  refusals: Map<string, number>
  /** Its last answers to offers could not be used; null: they can. */
  trouble: Trouble | null
  /** When the core must look at it again, and its place in the heap of such times. */
  dueAt: Monotonic
  heapIndex: number
  /** How often it was asked in vain since it was last heard, and when it was last asked. */
  unanswered: number
  askedAt: Monotonic
}
