// The life of an attempt on a slave: taken, listed, ended, lost, revoked. Pure.
//
// The first success of any attempt of the task wins; a failure counts only
// from the current attempt. An outcome is written once.

import type { Monotonic, WallTime } from '../../shared/data/clock.ts'
import { later } from '../../shared/data/clock.ts'
import { observe } from '../../shared/data/histogram.ts'
import type {
  Callback,
  CallbacksReply,
  CallbacksRequest,
  Outcome,
} from '../../shared/protocol/wire.ts'
import type { Context } from './context.ts'
import { abilityOf, attemptsMaxOf, dropTask } from './live-tasks.ts'
import { noteFailure, noteFree, noteRun, noteWait } from './measurements.ts'
import type { Waiting } from './messages.ts'
import { enterLine, leaveLine, rest } from './queue.ts'
import { routeTo } from './reach.ts'
import type { LossReason } from './reasons.ts'
import { inWords } from './reasons.ts'
import { mayHave } from './registry.ts'
import type { Failed, RetriedFailure } from './retries.ts'
import { isBlamed, isLost, isMissing, isRetried, isRetriedFailure } from './retries.ts'
import type { EndStatus, Held, OpenOffer, Slave, Task } from './state.ts'
import {
  count,
  countNot,
  currentAttempt,
  hasEnded,
  isCurrent,
  waitFor,
  waitNoMore,
} from './task.ts'
import type { TrailEntry } from './trail.ts'
import { note } from './trail.ts'

/** Restores the tries of a task from its trail after a start of the master. */
export function recall(task: Task): void {
  for (const { event, slave, attempt } of task.trail) {
    const retried = isRetried(event) ? event : null
    if (retried && slave !== undefined && isBlamed(retried)) task.blamed.push(slave)
    if (attempt === undefined) continue
    if (retried) count(task, attempt)
    if (retried ? !isLost(retried) : event === 'old failure') {
      ;(task.failed ??= new Set()).add(attempt)
    }
  }
}

/** The generation of an attempt that may not have arrived: no list is newer. */
export const NOT_ARRIVED = Number.POSITIVE_INFINITY

/**
 * A slave has the attempt, according to its answer, its list, or an outcome that arrived before both. `offer`:
 * the one that it has accepted.
 */
export function hold(
  core: Context,
  task: Task,
  slave: Slave,
  attempt: string,
  generation: number,
  now: Monotonic,
  offer?: OpenOffer,
): void {
  if (task.stage.is === 'running' && task.stage.attempt === attempt) return
  if (task.stage.is === 'running' || hasEnded(task)) return revoke(core, slave, [attempt])
  task.unsure?.delete(attempt)
  leaveLine(core, task)
  task.stage = { is: 'running', slave, attempt, since: now }
  if (count(task, attempt)) task.tries++
  if (task.startedAt === null && task.tries === 1) noteFirst(core, task, now)
  task.startedAt = core.wall
  waitNoMore(task)
  core.running++
  slave.taken++
  const onItsWay = generation === NOT_ARRIVED
  const boot = offer?.boot ?? null
  const held = { attempt, task, since: now, generation, confirmedAt: now, boot, onItsWay }
  slave.held.set(attempt, held)
  const { wall: at } = core
  const { name } = slave
  note(
    task,
    offer === undefined
      ? { at, event: 'taken', slave: name }
      : { at, event: 'taken', slave: name, ms: now - offer.at },
  )
  core.effects.push({ do: 'save', task })
  accept(core, task)
}

/** Accepts the task: from now on it must end. */
export function accept(core: Context, task: Task): void {
  if (task.accepted) return
  task.accepted = true
  core.effects.push({ do: 'accept', task })
}

/** Measures the time until the first slave, and the number of slaves asked. */
function noteFirst({ figures }: Context, task: Task, now: Monotonic): void {
  noteWait(figures, task.kind, now - task.since)
  observe(figures.asksPerTask, task.asks)
}

/**
 * Revokes attempts: the slave drops them and does not accept them later. A slave that does not poll now is told
 * when it lists them; a simple slave is never told. `when`: a crash may undo the end that is the reason, but not
 * what was never saved.
 */
export function revoke(
  core: Context,
  slave: Slave,
  attempts: string[],
  when: 'revoke' | 'revoke-now' = 'revoke',
): void {
  const route = routeTo(slave)
  if (route === null || slave.reach.by === 'simple-poll') return
  core.effects.push({ do: when, slave: slave.name, route, attempts })
}

/** Handles outcomes from a slave. Each is acknowledged, even if it has no effect. */
export function takeCallbacks(
  core: Context,
  { state, callbacks }: CallbacksRequest,
  token: Waiting<CallbacksReply>,
  now: Monotonic,
): void {
  const slave = core.registry.byName.get(state.slave)
  for (const callback of callbacks) settle(core, state.slave, slave, callback, now)
  if (slave) core.registry.hear(slave, state, now)
  const acknowledged = callbacks.map(({ attempt }) => attempt)
  core.effects.push({ do: 'acknowledge', token, reply: { acknowledged } })
}

/** Handles one outcome from the slave of that name, which may have deregistered. */
export function settle(
  core: Context,
  name: string,
  slave: Slave | undefined,
  { attempt, task: id, outcome, ranMs }: Callback,
  now: Monotonic,
): void {
  const task = core.live.get(id)
  const current = task !== undefined && isCurrent(task, attempt, name)
  if (task && !current && !core.ids.made(attempt, id, name)) {
    core.counters.callbacksForged++
    return
  }
  const counts = current || outcome.status === 'done'
  if (task && slave && counts && task.stage.is !== 'running') {
    hold(core, task, slave, attempt, slave.generation, now)
  }
  if (task && slave && isMissing(task, outcome)) disableSince(core, slave, task, attempt)
  if (slave) forget(core, slave, attempt, now)
  if (!task) {
    core.counters.callbacksUnattached++
    core.effects.push({ do: 'unattached', slave: name, attempts: [{ attempt, task: id }] })
  } else if (!counts) {
    core.counters.callbacksStale++
    task.failed = (task.failed ?? new Set()).add(attempt)
    note(task, { at: core.wall, event: 'old failure', slave: name, attempt, ...whyOf(outcome) })
  } else {
    if (slave) core.runTimes.add(task.kind, slave, ranMs)
    task.ranMs = ranMs
    noteRun(core.figures, task.kind, ranMs)
    conclude(core, task, name, outcome, now)
  }
}

const whyOf = (outcome: Outcome | null): Pick<TrailEntry, 'why'> =>
  outcome?.status === 'failed'
    ? { why: { is: 'failure', type: outcome.type, message: outcome.message } }
    : {}

/** The slave has reported the end of this attempt. */
function forget(core: Context, slave: Slave, attempt: string, now: Monotonic): void {
  if (slave.held.delete(attempt)) {
    slave.ended++
    noteFree(core.figures, slave.kinds, now)
  }
  core.registry.takeOffer(slave, attempt)
}

/** Applies the outcome that counts: it ends the task, or only this try. */
function conclude(
  core: Context,
  task: Task,
  slave: string,
  outcome: Outcome,
  now: Monotonic,
): void {
  if (isMissing(task, outcome)) tryElsewhere(core, task, slave, outcome, now)
  else if (isRetriedFailure(task, outcome)) fail(core, task, slave, outcome, now)
  else end(core, task, outcome.status, outcome, slave)
}

/**
 * A try failed in a way that another try may not: pause and retry, or end the task. `why`: the master's own
 * reason, when the failure was not reported by the slave.
 */
function fail(
  core: Context,
  task: Task,
  slave: string,
  outcome: RetriedFailure,
  now: Monotonic,
  why?: LossReason,
): void {
  const { type } = outcome
  const attempt = currentAttempt(task)
  const reason = why === undefined ? { reason: outcome.message } : { why }
  const about = { slave, ...(attempt === null ? {} : { attempt }), ...reason }
  note(task, { at: core.wall, event: type, ...about })
  if (isBlamed(type)) task.blamed.push(slave)
  if (task.tries >= attemptsMaxOf(core, task)) {
    return end(core, task, 'failed', lastWord(task, outcome), slave)
  }
  if (attempt !== null && !isLost(type)) (task.failed ??= new Set()).add(attempt)
  release(core, task)
  waitFor(task, core.settings.waitLimitMs, now, core.wall)
  const until = later(now, core.settings.retryBackoffMs * 2 ** (task.tries - 1))
  note(task, { at: core.wall, event: 'retry', why: { is: 'after try', tries: task.tries } })
  rest(core, task, until)
  core.effects.push({ do: 'save', task })
}

/** The process that could not start the program is not asked for such tasks again. */
function disableSince(core: Context, slave: Slave, task: Task, attempt: string): void {
  const known = slave.offers.get(attempt) ?? slave.held.get(attempt)
  // Another process of the slave may have the program: the outcome may be of one that was replaced.
  if (known?.boot === slave.boot) core.registry.disable(slave, task.ability)
}

/**
 * The slave could not start the program. A slave that polls accepts before it looks: this is a refusal, not a
 * try. The task ends when no slave is left that may have the program.
 */
function tryElsewhere(
  core: Context,
  task: Task,
  slave: string,
  outcome: RetriedFailure,
  now: Monotonic,
): void {
  const { registry } = core
  const ability = abilityOf(task)
  const isLeft = registry.some((each) => registry.has(each, task.ability) || mayHave(each, ability))
  if (!isLeft) return end(core, task, 'failed', outcome, slave)
  const attempt = currentAttempt(task)
  const { type, message: reason } = outcome
  const about = attempt === null ? {} : { attempt }
  note(task, { at: core.wall, event: type, slave, ...about, reason })
  if (attempt !== null) {
    ;(task.failed ??= new Set()).add(attempt)
    countNot(task, attempt)
  }
  release(core, task)
  waitFor(task, core.settings.waitLimitMs, now, core.wall)
  enterLine(core, task, now)
  core.effects.push({ do: 'save', task })
}

function lastWord(task: Task, outcome: Failed): Outcome {
  if (task.blamed.length === 0 || outcome.type === 'exit-code') {
    return { ...outcome, message: `${outcome.message}; ${task.tries} tries` }
  }
  const message =
    `${task.tries} tries are used up; the task may have crashed ${task.blamed.join(', ')}; ` +
    `last: ${outcome.type}: ${outcome.message}`
  return { status: 'failed', type: 'poison', message }
}

/**
 * The slave no longer holds the attempt and sent no outcome. `outcome-lost`: the slave
 * is alive, so the task has not crashed it.
 */
export function lose(
  core: Context,
  slave: Slave,
  held: Held,
  why: LossReason,
  now: Monotonic,
  type: 'slave-lost' | 'outcome-lost' = 'slave-lost',
): void {
  slave.held.delete(held.attempt)
  const { task, attempt } = held
  if (task.stage.is !== 'running' || task.stage.attempt !== attempt) return
  core.counters.attemptsLost++
  const outcome: RetriedFailure = { status: 'failed', type, message: inWords(why) }
  fail(core, task, slave.name, outcome, now, why)
}

/** The response to a poll that carried the attempt was lost: this does not count as a try. */
export function miss(core: Context, slave: Slave, { task, attempt }: Held, now: Monotonic): void {
  slave.held.delete(attempt)
  if (task.stage.is !== 'running' || task.stage.attempt !== attempt) return
  core.counters.attemptsLost++
  const why = { is: 'poll lost' } as const
  note(task, { at: core.wall, event: 'not arrived', slave: slave.name, why })
  countNot(task, attempt)
  task.misses++
  release(core, task)
  waitFor(task, core.settings.waitLimitMs, now, core.wall)
  enterLine(core, task, now)
  core.effects.push({ do: 'save', task })
}

/** No slave runs the task now. */
function release(core: Context, task: Task): void {
  if (task.stage.is === 'running') {
    core.running--
    task.stage.slave.held.delete(task.stage.attempt)
  }
  task.startedAt = null
}

/** Ends the task, and revokes it on every other slave that may still run it. */
export function end(
  core: Context,
  task: Task,
  status: EndStatus,
  outcome: Outcome | null,
  by?: string,
): void {
  const { stage } = task
  if (stage.is === 'running') core.running--
  leaveLine(core, task)
  // Most tasks end by the word of the one slave that had them.
  let unwanted = task.unsure === null ? null : new Map(task.unsure)
  if (stage.is === 'running' && stage.slave.held.delete(stage.attempt)) {
    unwanted = (unwanted ?? new Map()).set(stage.attempt, stage.slave)
  }
  note(task, endEntry(core.wall, status, outcome, by))
  task.stage = { is: 'ended', status, outcome, at: core.wall }
  dropTask(core, task)
  if (outcome?.status === 'failed') noteFailure(core.figures, outcome.type)
  core.counters.ended[status] = (core.counters.ended[status] ?? 0) + 1
  core.effects.push({ do: 'save', task })
  accept(core, task)
  core.effects.push({ do: 'end', task })
  for (const [attempt, slave] of unwanted ?? []) revoke(core, slave, [attempt])
}

function endEntry(
  at: WallTime,
  event: EndStatus,
  outcome: Outcome | null,
  by: string | undefined,
): TrailEntry {
  if (by === undefined) return { at, event, ...whyOf(outcome) }
  return event === 'done' ? { at, event, slave: by } : { at, event, slave: by, ...whyOf(outcome) }
}
