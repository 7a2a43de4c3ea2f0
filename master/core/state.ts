// State of tasks and slaves: types only. A task refers to its slave and a slave
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
// `doubt`: every available slave refused, but one did not answer and may have the task.
// The client sees asking, waiting, resting and doubt as `pending`, running as `in progress`.
//
// A slave's standing:
//
//   silent --(answers when asked)--> alive --(nothing for 2 beats)--> suspect --(for 4)--> silent
//                                      ^                                 |
//                                      +----------(any word of it)-------+

import type { Bitset } from '../../shared/data/bitset.ts'
import type { Monotonic, WallTime } from '../../shared/data/clock.ts'
import type {
  Answer,
  Commands,
  FileCache,
  Outcome,
  SlaveState,
} from '../../shared/protocol/wire.ts'
import type { Terms } from './needs.ts'
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

/** What the core needs of a new task. */
export type NewTask = {
  id: string
  kind: string
  priority: number
  runLimitMs: number
  createdAt: WallTime
  /** Accepted into the queue (and so durable) before a slave is found. */
  queue: boolean
  /** Until when it may wait for a slave; null: not at all. */
  waitUntil: Monotonic | null
  /** The same as a point in time, to be stored and shown; the core decides by `waitUntil`. */
  expiresAt: WallTime | null
  /** What is unusual about it; default: nothing. */
  terms?: Terms | null
}

/** A place in the heap of what is due. */
export type Due = { at: Monotonic; task: Task; heapIndex: number }

export type Task = NewTask & {
  terms: Terms | null
  /** What a slave must be able to do for it, by its name in the registry (needs.ts). */
  ability: string
  /** Increases with every task, for the order of arrival. */
  number: number
  /** When it was submitted. */
  since: Monotonic
  stage: Stage
  tries: number
  /** How many offers of it were made. */
  asks: number
  /** When the running attempt was taken; null while none runs. */
  startedAt: WallTime | null
  /** Run time of the newest reported try in its executor; null before that. */
  ranMs: number | null
  trail: TrailEntry[]
  /** Places of the slaves that refused it in this round of asking. */
  asked: Bitset | null
  /** The trail covers every slave before this place, as asked or skipped. */
  notedUpTo: number
  /** Attempts offered to a slave that did not answer: unknown until the slave reports. */
  unsure: Map<string, Slave> | null
  /** Attempts whose failure was reported: not adopted when a list still contains them. */
  failed: Set<string> | null
  /** Attempts that are counted in `tries`: one that is lost and found again is one try. */
  counted: string[] | null
  /** How often a poll response with it was lost; one more counts as a try. */
  misses: number
  /** Slaves that it may have crashed, in order. */
  blamed: string[]
  /** Accepted: it must end. Before that it may be refused. */
  accepted: boolean
  /** Its client disconnected before it got the id, and no other client can read it. */
  unclaimed: boolean
  /** Place in the queue of its kind. */
  heapIndex: number
  /** When something is due for it, if anything is. */
  due: Due | null
}

/** An attempt that a slave accepted and whose outcome has not arrived. */
export type Held = {
  attempt: string
  task: Task
  /** When it was accepted, or last reported as queued on the slave: its limit runs from here. */
  since: Monotonic
  /** The slave's generation when it said `taken`, or first listed it. */
  generation: number
  /** When the slave last said that it has it; its lease runs from here. */
  confirmedAt: Monotonic
  /** Boot id of the process that it was offered to; null where that is not known. */
  boot: string | null
  /** Sent as a response to a poll, and not yet confirmed by the slave. */
  onItsWay?: boolean
  /** The slave lists it as ended. */
  ended?: boolean
}

/** An offer in flight, to the process with this boot id. */
export type OpenOffer = { attempt: string; task: Task; at: Monotonic; boot: string }

/** Why it gets no offers although it is alive: see backoff.ts. */
export type Trouble = {
  is: 'unusable' | 'declined'
  /** Number of consecutive unusable answers, and the last one. */
  count: number
  reason: string
  /** It gets no offers until then. */
  resting: boolean
  until: Monotonic
}

/**
 * `here`: it has registered, beaten or polled here, or named this master. `unsaid`: it is of a version
 * that does not say. Else where it reports: it is not offered work, as no outcome would arrive. `isNew`: it
 * has registered with no master yet.
 */
export type Reports = 'here' | 'unsaid' | { to: string; isNew: boolean }

export type Slave = {
  readonly name: string
  /** Its place in the order of asking. */
  place: number
  reach: Reach
  /** Its name and address are in the store: only then are its messages handled, and offers sent. */
  saved: boolean
  standing: 'alive' | 'suspect' | 'silent'
  /** Drained by an operator: no offers until it is resumed. */
  drained: boolean
  /** Boot id of its process; empty until its first message. */
  boot: string
  version: string
  kinds: string[]
  tags: string[]
  /** What it can do, and the programs that it runs, as its card says. */
  features: readonly string[]
  programs: ReadonlySet<string> | 'any'
  /** How surely the processes of its programs end; null: it runs none. */
  containment: Commands['containment'] | null
  /** As it said last. For people. */
  cache: FileCache | null
  /** Whether this boot sends its heartbeats and outcomes to this master, as far as is known. */
  reports: Reports
  /** Its newest report, as of `generation`. */
  generation: number
  slots: number
  free: number
  mode: SlaveState['mode']
  reason: string
  /** Time of its last message, and of the report of its slots. */
  heardAt: Monotonic
  newsAt: Monotonic
  offers: Map<string, OpenOffer>
  held: Map<string, Held>
  /** Milliseconds from taken to outcome, a moving average; 0 until measured. */
  serviceMs: number
  /** Tasks that it accepted and ended since the master started. */
  taken: number
  ended: number
  /** Its last answer to an offer, and its refusals by answer: for people. */
  lastAnswer: { event: Answer; reason: string; ms: number; at: number } | null
  refusals: Map<string, number>
  /** Its last answers to offers could not be used; null: they can. */
  trouble: Trouble | null
  /** When the core must look at it again, and its place in the heap of such times. */
  dueAt: Monotonic
  heapIndex: number
  /** Failed probes since its last message, and the time of the last probe. */
  unanswered: number
  askedAt: Monotonic
}
