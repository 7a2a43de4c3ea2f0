// What the parts of the master's core share. Only core.ts makes one; the parts are functions on it.

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

/** Makes and knows again the unguessable names of attempts. */
export type AttemptIds = {
  /** Names this master, for as long as it keeps its store. No secret. */
  issuer: string
  /** A new name for handing this task to this slave. */
  make(task: string, slave: string): string
  /** Whether this name was made here for this task and this slave. */
  made(attempt: string, task: string, slave: string): boolean
}

export type Counters = {
  /** Counted where clients are told of it, as `refused` is: by dispatch/effects.ts and dispatch/refusals.ts. */
  accepted: number
  asks: number
  answers: Record<string, number>
  refused: Record<string, number>
  ended: Record<string, number>
  attemptsLost: number
  /** Outcomes that changed nothing: of ended or unknown tasks, old failures, or forged. */
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
  /** Tasks that a silent slave may have; and some that were, until they are looked through. */
  readonly unsure: Set<Task>
  /** The waiting lines, by kind: highest priority first, then first come. */
  readonly lines: Map<string, Heap<Task>>
  /** Tasks by the time at which something is due for them; and slaves. */
  readonly dueTasks: Heap<Due>
  readonly dueSlaves: Heap<Slave>
  readonly serviceTimes: RunTimes
  readonly counters: Counters
  readonly figures: Figures
  /** How many tasks wait in all lines or rest. */
  waiting: number
  running: number
  tasksSoFar: number
  /** How many tasks came from the store; their numbers are below this. */
  restored: number
  /** Restored tasks are not offered before every known slave was asked, or before this time. */
  graceUntil: Monotonic
  /** The wall clock at this step: what trails and records say. Nothing is decided by it. */
  wall: WallTime
  /** Shutting down: nothing new is accepted. */
  draining: boolean
  effects: Effect[]
}

/** A silent slave is not offered work after this many beats ... */
export const SUSPECT_BEATS = 2
/** ... and its attempts are lost after this many. */
export const LEASE_BEATS = 4
