// Restores tasks from the store after a start of the master. Pure.
//
// Running tasks get 1.5 leases. Queued tasks are not offered before every known slave
// was probed, so that no task runs twice without need.

import type { Monotonic } from '../../shared/data/clock.ts'
import { LONG_AGO, later, msBetween } from '../../shared/data/clock.ts'
import { mayBeGiven } from './anonymous-slaves.ts'
import { visit } from './asking.ts'
import { recall } from './attempts.ts'
import type { Context } from './context.ts'
import { LEASE_BEATS } from './context.ts'
import { addTask } from './live-tasks.ts'
import type { StoredSlave, StoredTask } from './messages.ts'
import { enterLine } from './queue.ts'
import { reachAt } from './reach.ts'
import { watch } from './slave-timers.ts'
import type { Slave, Task } from './state.ts'
import { count, waitFor } from './task.ts'
import { note } from './trail.ts'

export function restore(
  core: Context,
  tasks: StoredTask[],
  slaves: StoredSlave[],
  now: Monotonic,
): void {
  for (const { name, address, position, drained } of slaves) {
    const reach = reachAt(address)
    if (reach.by === 'simple-poll') reach.isNameGiven = mayBeGiven(name)
    const slave = core.registry.add(name, reach, position)
    slave.drained = drained
    slave.saved = true
    slave.askedAt = now
    visit(core, slave, now)
    watch(core, slave, now)
  }
  const lease = LEASE_BEATS * core.settings.heartbeatMs
  core.graceUntil = later(now, lease / 2)
  for (const stored of tasks) restoreTask(core, stored, now, core.graceUntil)
  core.restored = core.tasksSoFar
}

function restoreTask(
  core: Context,
  stored: StoredTask,
  now: Monotonic,
  confirmedAt: Monotonic,
): void {
  const { running, tries, trail, ...given } = stored
  const task = addTask(core, { ...given, waitUntil: null }, now)
  Object.assign(task, { tries, trail, accepted: true } satisfies Partial<Task>)
  recall(task)
  // By the last entry before this start.
  const leftMs = patienceLeft(core, stored)
  note(task, { at: core.wall, event: 'master started' })
  if (!running) {
    waitFor(task, leftMs, now, core.wall)
    // Its expiry is stored in terms of the clock as it is now.
    if (task.expiresAt !== stored.expiresAt) core.effects.push({ do: 'save', task })
    return enterLine(core, task, now)
  }
  const { attempt, startedAt } = running
  const slave = core.registry.byName.get(running.slave)
  if (!slave) {
    note(task, {
      at: core.wall,
      event: 'lost',
      slave: running.slave,
      why: { is: 'not registered' },
    })
    waitFor(task, core.settings.waitLimitMs, now, core.wall)
    return enterLine(core, task, now)
  }
  task.stage = { is: 'running', slave, attempt, since: now }
  task.startedAt = startedAt
  count(task, attempt)
  core.running++
  const held = { attempt, task, since: now, generation: -1, confirmedAt, boot: null }
  slave.held.set(attempt, held)
}

/**
 * How long a stored task may still wait, in milliseconds. Only the wall clock measures the time that
 * the master was down, and that clock may have been set, or have been wrong before. So:
 *
 *   - what was left at the task's last entry is the most: with a clock that is behind no time passed;
 *   - a clock that is ahead, or a long downtime, leaves one and a half leases, in which slaves report
 *     and free slots are offered, unless less than that was left.
 *
 * An entry beyond the expiry of a task that still waits was written after the clock had jumped and
 * before that was noticed: it measures nothing.
 */
function patienceLeft(core: Context, { createdAt, expiresAt, trail }: StoredTask): number {
  if (expiresAt === null) return core.settings.waitLimitMs
  const last = trail.findLast(({ at }) => msBetween(at, expiresAt) > 0)
  const mostMs = Math.max(0, msBetween(last?.at ?? createdAt, expiresAt))
  const leastMs = Math.min(mostMs, 1.5 * LEASE_BEATS * core.settings.heartbeatMs)
  return Math.min(mostMs, Math.max(leastMs, msBetween(core.wall, expiresAt)))
}

/**
 * Handles a jump of the wall clock. Queued tasks keep their remaining wait; the stored expiry is
 * adjusted to the new clock, so that the next start does not count the jump.
 */
export function takeClockStep(core: Context, byMs: number, now: Monotonic): void {
  for (const task of core.live.values()) {
    if (task.waitUntil === null) continue
    task.expiresAt = later(core.wall, task.waitUntil - now)
    if (!task.accepted) continue
    note(task, { at: core.wall, event: 'clock set', why: { is: 'clock jumped', byMs } })
    core.effects.push({ do: 'save', task })
  }
}

/** Whether every known slave has answered its probe or failed to; polling slaves have polled. */
export function endGrace(core: Context, now: Monotonic): void {
  if (core.graceUntil <= now) return
  const { registry } = core
  // Each answer looks from the place where the last one stopped: ten thousand slaves answer at a start.
  while (core.unaskedFrom < registry.end) {
    const slave = registry.at(core.unaskedFrom)
    if (slave && isUnasked(slave)) return
    core.unaskedFrom++
  }
  // A slave that came meanwhile may have a place before those.
  if (!registry.some(isUnasked)) core.graceUntil = LONG_AGO
  else core.unaskedFrom = 0
}

function isUnasked(slave: Slave): boolean {
  switch (slave.reach.by) {
    case 'http':
      return slave.boot === '' && slave.unanswered === 0
    case 'poll':
      return slave.heardAt === LONG_AGO
    case 'simple-poll':
      // A simple slave never lists its attempts: there is nothing to wait for.
      return false
  }
}
