// A slave's list of the attempts that it holds: what it confirms, what is adopted, lost, or to be revoked. Pure.

import type { Monotonic } from '../../shared/data/clock.ts'
import type { HeldAttempt } from '../../shared/protocol/wire.ts'
import { hold, lose, miss } from './attempts.ts'
import type { Context } from './context.ts'
import { attemptsMaxOf } from './live-tasks.ts'
import type { Unattached } from './messages.ts'
import type { Held, Slave, Task } from './state.ts'
import { currentAttempt, isCurrent } from './task.ts'
import { note } from './trail.ts'

/**
 * Handles a slave's list of its attempts as of `generation`: a listed attempt is confirmed or adopted,
 * an attempt that is not listed is lost, and attempts to revoke are returned.
 */
export function compare(
  core: Context,
  slave: Slave,
  attempts: HeldAttempt[],
  generation: number,
  now: Monotonic,
): string[] {
  const unwanted: string[] = []
  const unattached: Unattached[] = []
  const listed = new Set<string>()
  for (const { attempt, task: id, status } of attempts) {
    listed.add(attempt)
    const task = core.live.get(id)
    if (!task) unattached.push({ attempt, task: id })
    const held = slave.held.get(attempt)
    if (held?.onItsWay) Object.assign(held, { onItsWay: false, generation })
    if (slave.reach.by === 'poll') slave.reach.handed.delete(attempt)
    if (held) confirmOne(held, status, now)
    else if (task && wants(core, task, slave, attempt)) {
      adopt(core, task, slave, attempt, generation, now)
    } else if (status !== 'ended' && (!task || task.stage.is === 'running')) unwanted.push(attempt)
  }
  for (const held of slave.held.values()) {
    if (held.generation < generation && !listed.has(held.attempt)) {
      if (held.onItsWay && held.task.misses < attemptsMaxOf(core, held.task))
        miss(core, slave, held, now)
      else {
        // Another boot, or an unknown one: a slave that continued to run was not crashed by the task.
        const isReborn = generation === Number.POSITIVE_INFINITY || held.generation < 0
        const type = isReborn ? 'slave-lost' : 'outcome-lost'
        lose(core, slave, held, { is: 'not listed' }, now, type)
      }
    }
  }
  if (unattached.length > 0) {
    core.effects.push({ do: 'unattached', slave: slave.name, attempts: unattached })
  }
  return unwanted
}

/** A list that is older than the newest message no longer shows what is lost, but still what the slave holds. */
export function confirm(slave: Slave, attempts: HeldAttempt[], now: Monotonic): void {
  for (const { attempt, status } of attempts) {
    const held = slave.held.get(attempt)
    if (held) confirmOne(held, status, now)
  }
}

function confirmOne(held: Held, status: HeldAttempt['status'], now: Monotonic): void {
  held.confirmedAt = now
  if (status === 'waiting') held.since = now
  if (status === 'ended') held.ended = true
}

/** No other slave runs the task, and this master created the attempt. */
const wants = (core: Context, task: Task, slave: Slave, attempt: string): boolean =>
  task.stage.is !== 'running' &&
  !task.failed?.has(attempt) &&
  (isCurrent(task, attempt, slave.name) || core.ids.made(attempt, task.id, slave.name))

function adopt(
  core: Context,
  task: Task,
  slave: Slave,
  attempt: string,
  generation: number,
  now: Monotonic,
): void {
  const own = currentAttempt(task) === attempt
  if (!own) note(task, { at: core.wall, event: 'found', slave: slave.name, why: { is: 'adopted' } })
  // Its slot counts once: as taken, and no longer as offered.
  core.registry.takeOffer(slave, attempt)
  hold(core, task, slave, attempt, generation, now)
}
