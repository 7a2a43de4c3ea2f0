// What a task is made of and how it stands: functions of one task. Pure.

import type { Monotonic, WallTime } from '../../shared/data/clock.ts'
import { later } from '../../shared/data/clock.ts'
import type { NewTask, Task, TaskStatus } from './state.ts'

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

/** What a client is told: asking, waiting, resting and doubt are `pending`. */
export function statusOf({ stage }: Task): TaskStatus {
  if (stage.is === 'running') return 'in progress'
  return stage.is === 'ended' ? stage.status : 'pending'
}
