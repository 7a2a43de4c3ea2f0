// The queues: one per ability, so that tasks without an available slave do not block others.
// A task is due when its wait limit or its backoff is over. Pure.

import type { Monotonic } from '../../shared/data/clock.ts'
import { later } from '../../shared/data/clock.ts'
import type { Heap } from '../../shared/data/heap.ts'
import { createHeap } from '../../shared/data/heap.ts'
import type { Context } from './context.ts'
import type { Task } from './state.ts'

/** A task that all free slaves refused for reasons of their own is offered again after this. */
const UNWILLING_REST_MS = 1000

/** Clients name programs and tags. The queue of each is looked at when a slave becomes free that has them. */
const LINES_MAX = 4096

/** Whether `a` is offered before `b`. */
export const before = (a: Task, b: Task): boolean =>
  a.priority !== b.priority ? a.priority > b.priority : a.number < b.number

/**
 * Queues a task. A new round: every slave may be asked again; but not at once when a free slave has
 * just refused this task.
 */
export function enterLine(core: Context, task: Task, now: Monotonic): void {
  if (task.asked && core.registry.nextFree(task.ability, null, 0) >= 0) {
    return restUnwilling(core, task, now)
  }
  task.asked = null
  task.stage = { is: 'waiting' }
  lineOf(core, task.ability).push(task)
  core.entered.add(task.ability)
  core.waiting++
  if (task.waitUntil !== null) due(core, task, task.waitUntil)
}

/** What the queue has too much of for one more task, with its limit; null: there is room. */
export function fullQueue({ settings, waiting, lines }: Context, task: Task): string | null {
  const most = settings.waitingTasksMax
  if (waiting >= most) return `${most} (--waiting-tasks-max)`
  const isNew = task.ability !== task.kind && !lines.has(task.ability)
  return isNew && lines.size >= LINES_MAX ? `${LINES_MAX} different needs of tasks` : null
}

function lineOf(core: Context, ability: string): Heap<Task> {
  const known = core.lines.get(ability)
  if (known) return known
  const line = createHeap<Task>(before)
  core.lines.set(ability, line)
  return line
}

/** Removes a task from the queue, its pause or doubt. */
export function leaveLine(core: Context, task: Task): void {
  if (task.due) core.dueTasks.remove(task.due)
  task.due = null
  if (task.stage.is === 'waiting' && task.heapIndex >= 0) {
    const line = core.lines.get(task.ability)
    line?.remove(task)
    // Clients name programs: a queue for each that was ever named would fill the memory.
    if (line?.size() === 0 && task.ability !== task.kind) core.lines.delete(task.ability)
    core.waiting--
  }
  if (task.stage.is === 'resting') core.waiting--
}

/** Pauses a task until `until`: after a lost attempt, or when all free slaves were unwilling. */
export function rest(core: Context, task: Task, until: Monotonic): void {
  task.stage = { is: 'resting' }
  task.asked = null
  core.waiting++
  const { waitUntil } = task
  due(core, task, waitUntil !== null && waitUntil < until ? waitUntil : until)
}

/** All free slaves have refused this task for reasons of their own. */
export function restUnwilling(core: Context, task: Task, now: Monotonic): void {
  rest(core, task, later(now, UNWILLING_REST_MS))
}

/** Schedules the next check of a task that is queued, paused or in doubt. */
export function due(core: Context, task: Task, at: Monotonic): void {
  task.due = { at, task, heapIndex: -1 }
  core.dueTasks.push(task.due)
}

/** Number of queued tasks that no live slave is able to run. */
export function waitingUnoffered(core: Context): number {
  let waiting = 0
  for (const [ability, line] of core.lines) {
    if (line.size() > 0 && core.registry.countAlive(ability).able === 0) waiting += line.size()
  }
  return waiting
}
