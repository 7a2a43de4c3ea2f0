// Functions of one task: creation and state. Pure.

import type { Monotonic, WallTime } from '../../shared/data/clock.ts'
import { later } from '../../shared/data/clock.ts'
import type { NewTask, Task, TaskStatus } from './state.ts'

/** `ability`: its name in the registry. */
export const createTask = (
  given: NewTask,
  ability: string,
  number: number,
  now: Monotonic,
): Task => ({
  // Not a spread: every task has the same shape.
  id: given.id,
  kind: given.kind,
  priority: given.priority,
  runLimitMs: given.runLimitMs,
  createdAt: given.createdAt,
  queue: given.queue,
  waitUntil: given.waitUntil,
  expiresAt: given.expiresAt,
  terms: given.terms ?? null,
  ability,
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

/** Removes its wait limit: it has a slave, or its client disconnected. */
export function waitNoMore(task: Task): void {
  task.waitUntil = null
  task.expiresAt = null
}

/** Notes that an attempt is counted in `tries`; false when it was already. */
export function count(task: Task, attempt: string): boolean {
  // An array: most tasks have one attempt, and a Set of one takes ten times its memory.
  const counted = (task.counted ??= [])
  if (counted.includes(attempt)) return false
  counted.push(attempt)
  return true
}

/** The attempt was no try after all. */
export function countNot(task: Task, attempt: string): void {
  const { counted } = task
  if (!counted?.includes(attempt)) return
  task.counted = counted.filter((each) => each !== attempt)
  task.tries--
}

export const hasEnded = (task: Task): boolean =>
  task.stage.is === 'ended' || task.stage.is === 'refused'

/** Whether this is the current attempt, and on this slave: ids can be stolen. */
export const isCurrent = ({ stage }: Task, attempt: string, slave: string): boolean =>
  (stage.is === 'asking' || stage.is === 'running') &&
  stage.attempt === attempt &&
  stage.slave.name === slave

/** The current attempt: the one that is offered or runs. */
export const currentAttempt = (task: Task): string | null =>
  task.stage.is === 'asking' || task.stage.is === 'running' ? task.stage.attempt : null

/** The status for clients: asking, waiting, resting and doubt are `pending`. */
export function statusOf({ stage }: Task): TaskStatus {
  if (stage.is === 'running') return 'in progress'
  return stage.is === 'ended' ? stage.status : 'pending'
}
