// The queues: one per kind, so that tasks without an available slave do not block others.
// A task is due when its wait limit or its backoff is over. Pure.

import type { Monotonic } from '../../shared/data/clock.ts'
import { later } from '../../shared/data/clock.ts'
import type { Heap } from '../../shared/data/heap.ts'
import { createHeap } from '../../shared/data/heap.ts'
import type { Context } from './context.ts'
import type { Task } from './state.ts'

/** A task that all free slaves refused for reasons of their own is offered again after this. */
const UNWILLING_REST_MS = 1000

/** Whether `a` is offered before `b`. */
export const before = (a: Task, b: Task): boolean =>
  a.priority !== b.priority ? a.priority > b.priority : a.number < b.number

/**
 * Waits for a slave. A new round: everybody may be asked again; but when somebody is free who has
 * just refused this very task, not at once.
 */
export function enterLine(core: Context, task: Task, now: Monotonic): void {
  if (task.asked && core.registry.nextFree(task.kind, null, 0) >= 0) {
    return restUnwilling(core, task, now)
  }
  task.asked = null
  task.stage = { is: 'waiting' }
  lineOf(core, task.kind).push(task)
  core.waiting++
  if (task.waitUntil !== null) due(core, task, task.waitUntil)
}

function lineOf(core: Context, kind: string): Heap<Task> {
  const known = core.lines.get(kind)
  if (known) return known
  const line = createHeap<Task>(before)
  core.lines.set(kind, line)
  return line
}

/** Takes a waiting or resting task out of line, rest and doubt. */
export function leaveLine(core: Context, task: Task): void {
  if (task.due) core.dueTasks.remove(task.due)
  task.due = null
  if (task.stage.is === 'waiting' && task.heapIndex >= 0) {
    core.lines.get(task.kind)?.remove(task)
    core.waiting--
  }
  if (task.stage.is === 'resting') core.waiting--
}

/** Out of the line until `until`: after a lost attempt, or when nobody was willing. */
export function rest(core: Context, task: Task, until: Monotonic): void {
  task.stage = { is: 'resting' }
  task.asked = null
  core.waiting++
  const { waitUntil } = task
  due(core, task, waitUntil !== null && waitUntil < until ? waitUntil : until)
}

/** Everybody who is free has refused this task for reasons of their own. */
export function restUnwilling(core: Context, task: Task, now: Monotonic): void {
  rest(core, task, later(now, UNWILLING_REST_MS))
}

/** Sets when the core must look at a task that is in line, at rest or in doubt. */
export function due(core: Context, task: Task, at: Monotonic): void {
  task.due = { at, task, heapIndex: -1 }
  core.dueTasks.push(task.due)
}

/** How many tasks wait in line for kinds that no slave offers now, of those that are alive. */
export function waitingUnoffered(core: Context): number {
  let waiting = 0
  for (const [kind, line] of core.lines) {
    if (line.size() > 0 && core.registry.countAlive(kind).able === 0) waiting += line.size()
  }
  return waiting
}
