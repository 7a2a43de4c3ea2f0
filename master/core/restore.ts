// Carrying on after a start of the master, from what the store holds. Pure.
//
// What runs gets one and a half leases. What waits is offered to nobody before every known slave
// was asked what it holds, so that nothing is done twice for want of asking.

import { visit } from './asking.ts'
import { watch } from './care.ts'
import type { Context } from './context.ts'
import { LEASE_BEATS } from './context.ts'
import type { StoredSlave, StoredTask } from './effects.ts'
import { recall } from './holding.ts'
import { enterLine } from './line.ts'
import type { Slave } from './registry.ts'
import { isPull, isSimple } from './registry.ts'
import type { Task } from './task.ts'
import { createTask, note } from './task.ts'

export function restore(
  core: Context,
  tasks: StoredTask[],
  slaves: StoredSlave[],
  now: number,
): void {
  for (const { name, url, position, drained } of slaves) {
    const slave = core.registry.add(name, url, position)
    slave.drained = drained
    slave.saved = true
    slave.askedAt = now
    visit(core, slave, now)
    watch(core, slave, now)
  }
  const lease = LEASE_BEATS * core.settings.heartbeatMs
  core.graceUntil = now + lease / 2
  for (const stored of tasks) restoreTask(core, stored, now, now + lease / 2)
  core.restored = core.tasksSoFar
}

function restoreTask(core: Context, stored: StoredTask, now: number, confirmedAt: number): void {
  const { running, tries, trail, ...given } = stored
  const task: Task = { ...createTask(given, core.tasksSoFar++), tries, trail, accepted: true }
  recall(task)
  core.live.set(task.id, task)
  note(task, { at: now, event: 'master started' })
  if (!running) {
    task.waitUntil ??= now + core.settings.waitLimitMs
    return enterLine(core, task, now)
  }
  const { attempt, startedAt: since } = running
  const slave = core.registry.byName.get(running.slave)
  if (!slave) {
    note(task, { at: now, event: 'lost', slave: running.slave, reason: 'no longer registered' })
    task.waitUntil = now + core.settings.waitLimitMs
    return enterLine(core, task, now)
  }
  task.stage = { is: 'running', slave, attempt, since }
  task.startedAt = since
  task.counted = (task.counted ?? new Set()).add(attempt)
  core.running++
  slave.held.set(attempt, { attempt, task, since: now, generation: -1, confirmedAt })
}

/** Every known slave has answered, or was found not to; whoever pulls has come by itself. */
export function endGrace(core: Context, now: number): void {
  if (core.graceUntil <= now) return
  if (!core.registry.some(isUnasked)) core.graceUntil = Number.NEGATIVE_INFINITY
}

/** What a simple slave holds it never says: there is nothing to wait for. */
function isUnasked(slave: Slave): boolean {
  if (isPull(slave)) return !isSimple(slave) && slave.heardAt === Number.NEGATIVE_INFINITY
  return slave.boot === '' && slave.unanswered === 0
}
