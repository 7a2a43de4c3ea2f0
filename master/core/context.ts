// The state that the parts of the core share. Only core.ts creates one; the parts are functions on it.

import type { Monotonic, WallTime } from '../../shared/data/clock.ts'
import type { Heap } from '../../shared/data/heap.ts'
import type { Random } from '../../shared/data/random.ts'
import type { Policy } from '../policies/policy.ts'
import type { Figures } from './measurements.ts'
import type { Effect } from './messages.ts'
import type { Registry } from './registry.ts'
import type { RunTimes } from './run-times.ts'
import type { Due, Slave, Task } from './state.ts'

/** The settings that the core decides by. Times in milliseconds. */
export type CoreSettings = {
  ask: 'known' | 'always'
  heartbeatMs: number
  askTimeoutMs: number
  attemptsMax: number
  retryBackoffMs: number
  waitingTasksMax: number
  waitLimitMs: number
}

/** Creates and verifies the unguessable ids of attempts. */
export type AttemptIds = {
  /** Identifies the store of this master. Not a secret. */
  issuer: string
  /** A new id for an attempt of this task on this slave. */
  make(task: string, slave: string): string
  /** Whether this id was created here for this task and this slave. */
  made(attempt: string, task: string, slave: string): boolean
}

export type Counters = {
  /** Counted when clients are answered, by dispatch/effects.ts and dispatch/refusals.ts, as is `refused`. */
  accepted: number
  asks: number
  answers: Record<string, number>
  refused: Record<string, number>
  ended: Record<string, number>
  attemptsLost: number
  /** Outcomes without effect: of ended or unknown tasks, old failures, or forged. */
  callbacksUnattached: number
  callbacksStale: number
  callbacksForged: number
}

export type Context = {
  readonly settings: CoreSettings
  readonly policy: Policy
  /** The policy asks in the order of the registry. */
  readonly inOrder: boolean
  readonly ids: AttemptIds
  readonly random: Random
  readonly registry: Registry
  /** Every task that has not ended, by id. */
  readonly live: Map<string, Task>
  /** Tasks that a silent slave may have, and former ones until `unsureTasks` removes them. */
  readonly unsure: Set<Task>
  /** The queues by ability: highest priority first, then in order of arrival. */
  readonly lines: Map<string, Heap<Task>>
  /** Abilities whose queues got a task in this step (serve-lines.ts). */
  readonly entered: Set<string>
  /** Tasks by the time at which something is due for them; and slaves. */
  readonly dueTasks: Heap<Due>
  readonly dueSlaves: Heap<Slave>
  readonly runTimes: RunTimes
  readonly counters: Counters
  readonly figures: Figures
  /** Number of tasks that are queued or pause before a retry. */
  waiting: number
  running: number
  tasksSoFar: number
  /** Number of restored tasks; their numbers are below this. */
  restored: number
  /** Restored tasks are not offered before every known slave was probed, or before this time. */
  graceUntil: Monotonic
  /** Every slave before this place was probed, as far as was looked. */
  unaskedFrom: number
  /** The wall clock of this step, for trails and records only. No decision uses it. */
  wall: WallTime
  /** Shutting down: new tasks are refused. */
  draining: boolean
  effects: Effect[]
}

/** A silent slave gets no offers after this many heartbeat intervals ... */
export const SUSPECT_BEATS = 2
/** ... and its attempts are lost after this many. */
export const LEASE_BEATS = 4
