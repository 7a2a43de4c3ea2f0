// Refusals: the problem that a client gets when no slave has its task, and when it should try again. Pure.

import type { Monotonic } from '../../shared/data/clock.ts'
import { observe } from '../../shared/data/histogram.ts'
import { Problem } from '../../shared/protocol/problems.ts'
import { revoke } from './attempts.ts'
import type { Context } from './context.ts'
import { knownReason } from './known-reason.ts'
import { abilityOf, dropTask } from './live-tasks.ts'
import { noteTold } from './measurements.ts'
import { lackInWords, lackOf } from './needs.ts'
import { isElsewhere, mayHave } from './registry.ts'
import type { Slave, Task } from './state.ts'
import { reasonOf } from './trail.ts'

/** A refusal names at most so many different things that slaves lack. */
const LACKS_MAX = 4

/** The only refusal after which the task may be running: the silent slave may have started it. */
export function refuseInDoubt(core: Context, task: Task): void {
  const silent = [...new Set([...(task.unsure?.values() ?? [])].map((slave) => slave.name))]
  for (const [attempt, slave] of task.unsure ?? []) revoke(core, slave, [attempt])
  const detail =
    `${silent.join(', ')} did not answer and may have started the task; the master tells it to drop the task. ` +
    'Repeat the request with the same Idempotency-Key: the task is then accepted once.'
  refuseWith(core, task, new Problem('slave-silent', detail))
}

/** Ends a task that was not accepted. Nothing was stored. */
export function refuseWith(core: Context, task: Task, problem: Problem): void {
  task.stage = { is: 'refused' }
  dropTask(core, task)
  observe(core.figures.asksPerTask, task.asks)
  core.effects.push({ do: 'refuse', task, problem })
}

/** Why no slave has the task. */
export function refusal(core: Context, task: Task, now: Monotonic): Problem {
  if (core.draining) return new Problem('draining', 'the master is shutting down')
  const { alive, able } = core.registry.countAlive(task.ability)
  if (alive === 0) {
    return new Problem('no-slaves', whyNoSlaves(core.registry.all()))
  }
  if (able === 0) {
    const detail = whyNoneIsAble(core, task, alive)
    const ability = abilityOf(task)
    const absent = core.registry.all().filter((slave) => mayHave(slave, ability)).length
    if (absent === 0) return new Problem('no-capable-slave', detail)
    return new Problem(
      'at-capacity',
      `${detail}; ${absent} of the slaves that do not answer, or have not registered yet, may offer it`,
    )
  }
  const which = able === 1 ? '1 live slave offers' : `${able} live slaves offer`
  const detail = `no slave is available for this task: ${which} its kind`
  return new Problem('at-capacity', detail, {}, retryAfter(core, task, now))
}

function whyNoneIsAble(core: Context, task: Task, alive: number): string {
  const lacks = lacksOf(core, task)
  if (lacks.size === 0) {
    const none =
      alive === 1
        ? 'the only slave that answers does not offer'
        : `none of the ${alive} slaves that answer offers`
    return `${none} the kind "${task.kind}"`
  }
  const none =
    alive === 1
      ? 'the only slave that answers cannot'
      : `none of the ${alive} slaves that answer can`
  return `${none} run this task: ${[...lacks].join('; ')}`
}

/** Of a task that needs more than its kind: what the slaves lack that offer its kind. */
function lacksOf(core: Context, task: Task): Set<string> {
  const lacks = new Set<string>()
  for (const slave of core.registry.all()) {
    const lack = slave.standing === 'alive' ? lackOf(slave, abilityOf(task)) : null
    if (lack?.is === 'no need') lacks.add(lackInWords(lack))
    if (lacks.size === LACKS_MAX) break
  }
  return lacks
}

/** `full`: what there is too much of, from `fullQueue`. */
export function queueFull(core: Context, task: Task, full: string, now: Monotonic): Problem {
  const detail = `the queue has its maximum of ${full}; try again later`
  return new Problem('queue-full', detail, {}, retryAfter(core, task, now))
}

function whyNoSlaves(known: Slave[]): string {
  if (known.length === 0) return 'no slave is registered'
  const elsewhere = known.find((slave) => slave.standing === 'alive' && isElsewhere(slave))
  if (elsewhere) {
    const { length } = known.filter(isElsewhere)
    const more = length === 1 ? '' : `, and so do ${length - 1} more`
    return `${elsewhere.name} ${reasonOf(knownReason(elsewhere))}${more}`
  }
  if (known.length === 1) return 'the only slave does not answer'
  return `none of the ${known.length} slaves answers`
}

/** The header, in whole seconds, from measured run times; without it where nothing is known. */
function retryAfter(core: Context, task: Task, now: Monotonic): Record<string, string> {
  const ms = core.runTimes.comeBackMs(task.kind, core.registry.all, now)
  if (ms === null) return {}
  const seconds = Math.max(1, Math.ceil(ms / 1000))
  noteTold(core.figures, task.kind, now + 1000 * seconds)
  return { 'retry-after': String(seconds) }
}
