// Asks slaves for one task: selects the next slave, handles its answer, and refuses the task when no slave
// accepts it. Pure.

import assert from 'node:assert/strict'
import { Bitset } from '../../shared/data/bitset.ts'
import type { Monotonic } from '../../shared/data/clock.ts'
import { later } from '../../shared/data/clock.ts'
import type { OfferAnswer, SlaveState } from '../../shared/protocol/wire.ts'
import { inOrder } from '../policies/in-order.ts'
import type { Candidates } from '../policies/policy.ts'
import { accept, end, hold } from './attempts.ts'
import { judgeAnswers, noteTrouble } from './backoff.ts'
import type { Context } from './context.ts'
import type { KnownAnswer } from './known-reason.ts'
import { knownReason } from './known-reason.ts'
import { abilityOf } from './live-tasks.ts'
import { noteAsk } from './measurements.ts'
import type { Input, Unanswered } from './messages.ts'
import { lackOf } from './needs.ts'
import { due, enterLine, fullQueue, leaveLine } from './queue.ts'
import { routeTo } from './reach.ts'
import { queueFull, refusal, refuseWith } from './refusal.ts'
import { roomOf } from './registry.ts'
import type { OpenOffer, Slave, Task } from './state.ts'
import { note } from './trail.ts'

/** What a trail says of an offer without an answer. */
const UNANSWERED = {
  silent: 'no answer',
  undelivered: 'unreachable',
  declined: 'unwilling',
  unsent: 'unreachable',
} as const satisfies Record<Unanswered, string>

/** Maximum number of skipped slaves (known to be busy) that one trail names. */
const TRAIL_KNOWN_MAX = 10

/** Offers the task to the next slave in order; without one the task is queued, in doubt, or refused. */
export function seek(core: Context, task: Task, now: Monotonic): void {
  const place = pick(core, task)
  const slave = place < 0 ? undefined : core.registry.at(place)
  if (slave) {
    if (core.inOrder && place > task.notedUpTo) notePassedOver(core, task, place, now)
    return offer(core, task, slave, now)
  }
  if (task.accepted || mayWait(task, now)) return wait(core, task, now)
  if (task.unsure) return doubt(core, task, now)
  refuse(core, task, now)
}

/** The place of the slave that the policy asks next, among those that `next` returns; -1 when there is none. */
export function pick(core: Context, task: Task, next = core.registry.next): number {
  const { registry } = core
  // The usual policy needs nothing but the first: this runs for every offer.
  if (core.policy === inOrder) return next(task.ability, task.asked, 0)
  const candidates: Candidates = {
    next: (from) => next(task.ability, task.asked, from),
    end: registry.end,
    load: (place) => loadOf(registry.at(place) as Slave),
    serviceMs: (place) => (registry.at(place) as Slave).serviceMs,
  }
  return core.policy(candidates, task.number, core.random)
}

const loadOf = (slave: Slave): number => 1 - roomOf(slave) / Math.max(1, slave.slots)

/** Asks one slave: the offer is the question and the assignment in one. */
export function offer(core: Context, task: Task, slave: Slave, now: Monotonic): void {
  const route = routeTo(slave)
  assert(route !== null, 'a slave that does not poll has no room')
  const attempt = core.ids.make(task.id, slave.name)
  task.stage = { is: 'asking', slave, attempt, since: now }
  slave.offers.set(attempt, { attempt, task, at: now, boot: slave.boot })
  core.registry.refresh(slave)
  core.counters.asks++
  task.asks++
  core.effects.push({ do: 'offer', slave: slave.name, route, boot: slave.boot, task, attempt })
}

/**
 * Adds the slaves before `upTo` that were skipped because their answer is known to the trail, in the
 * order of asking. The first TRAIL_KNOWN_MAX by name, the others as a count.
 */
function notePassedOver(core: Context, task: Task, upTo: number, now: Monotonic): void {
  const { registry } = core
  // Of a task with needs the trail says, too, which slaves lack one.
  const among = task.ability === task.kind ? task.ability : null
  let named = 0
  let place = task.notedUpTo
  while (named < TRAIL_KNOWN_MAX) {
    place = registry.nextAble(among, place)
    if (place < 0 || place >= upTo) break
    const slave = registry.at(place) as Slave
    if (!task.asked?.has(place)) {
      const knownMs = Number.isFinite(slave.newsAt) ? Math.max(0, now - slave.newsAt) : 0
      note(task, { at: core.wall, slave: slave.name, ...whyNot(core, slave, task), knownMs })
      named++
    }
    place++
  }
  const more = place < 0 ? 0 : registry.countAble(among, place, upTo)
  if (more > 0) note(task, { at: core.wall, event: 'busy', why: { is: 'others', count: more } })
  task.notedUpTo = Math.max(task.notedUpTo, upTo)
}

type Refusal = Omit<KnownAnswer, 'event'> & { event: KnownAnswer['event'] | 'unable' }

/** Why this slave is not asked for this task. */
export function whyNot({ registry }: Context, slave: Slave, task: Task): Refusal {
  if (slave.boot === '' || registry.has(slave, task.ability)) return knownReason(slave)
  const lack = lackOf(slave, abilityOf(task)) ?? { is: 'said' }
  return { event: 'unable', why: { is: 'lacks', lack } }
}

function markAsked(task: Task, place: number): void {
  const asked = (task.asked ??= new Bitset())
  asked.set(place)
}

/** Takes a slave's answers to a list of offers. */
export function takeAnswers(
  core: Context,
  name: string,
  state: SlaveState,
  answers: OfferAnswer[],
  now: Monotonic,
): void {
  const slave = core.registry.byName.get(name)
  if (!slave) return
  const attempts = answers.map(({ attempt }) => attempt)
  const offers = core.registry.takeOffers(slave, attempts)
  judgeAnswers(core, slave, state, answers, now)
  if (!core.registry.hear(slave, state, now)) core.registry.refresh(slave)
  if (state.boot !== slave.boot) visit(core, slave, now)
  answers.forEach((answer, i) => {
    const open = offers[i]
    if (!open) return // Its outcome arrived first, or the task is in doubt: the slave's list decides.
    core.counters.answers[answer.answer] = (core.counters.answers[answer.answer] ?? 0) + 1
    const { task } = open
    const ms = now - open.at
    noteAsk(core.figures, answer.answer, ms)
    slave.lastAnswer = { event: answer.answer, reason: answer.reason ?? '', ms, at: now }
    if (answer.answer === 'taken')
      hold(core, task, slave, answer.attempt, state.generation, now, open)
    else refusedBy(core, slave, open, answer, now)
  })
}

function refusedBy(
  core: Context,
  slave: Slave,
  { task, at, boot }: OpenOffer,
  { attempt, answer, reason }: OfferAnswer,
  now: Monotonic,
): void {
  slave.refusals.set(answer, (slave.refusals.get(answer) ?? 0) + 1)
  // A process that has replaced it since may be able.
  if (answer === 'unable' && boot === slave.boot) core.registry.disable(slave, task.ability)
  if (task.stage.is !== 'asking' || task.stage.attempt !== attempt) return
  note(task, { at: core.wall, event: answer, slave: slave.name, reason, ms: now - at })
  markAsked(task, slave.place)
  seek(core, task, now)
}

/** Handles offers without an answer. An offer that cannot have arrived counts as refused. */
export function takeSilence(
  core: Context,
  { slave: name, attempts, how, reason }: Input & { is: 'no-answer' },
  now: Monotonic,
): void {
  const slave = core.registry.byName.get(name)
  if (!slave) return
  const offers = core.registry.takeOffers(slave, attempts)
  if (how !== 'unsent') {
    noteTrouble(core, slave, how === 'declined' ? 'declined' : 'unusable', reason, now)
  }
  if (how === 'silent' || how === 'undelivered') {
    if (slave.standing === 'alive') core.registry.setStanding(slave, 'suspect')
    visit(core, slave, now)
  }
  for (const open of offers) {
    if (!open) continue
    const { task, attempt, at } = open
    if (task.stage.is !== 'asking' || task.stage.attempt !== attempt) continue
    const event = UNANSWERED[how]
    noteAsk(core.figures, event, now - at)
    note(task, { at: core.wall, event, slave: slave.name, reason, ms: now - at })
    if (how === 'silent') (task.unsure ??= new Map()).set(attempt, slave)
    if (task.unsure) core.unsure.add(task)
    markAsked(task, slave.place)
    seek(core, task, now)
  }
}

/** Live tasks that may run on a slave that did not answer. */
export function* unsureTasks({ unsure, live }: Context): Generator<Task> {
  for (const task of unsure) {
    if (task.unsure && live.get(task.id) === task) yield task
    else unsure.delete(task)
  }
}

/** Drops offers to a slave that deregistered: their tasks are offered to the next slave. */
export function dropOffers(core: Context, slave: Slave, now: Monotonic): void {
  for (const { task, attempt } of slave.offers.values()) {
    slave.offers.delete(attempt)
    if (task.stage.is !== 'asking' || task.stage.attempt !== attempt) continue
    note(task, { at: core.wall, event: 'unreachable', slave: slave.name, why: { is: 'gone' } })
    seek(core, task, now)
  }
}

/** Probes a slave. A polling slave cannot be probed; its messages contain the same. */
export function visit(core: Context, slave: Slave, now: Monotonic): void {
  if (slave.reach.by !== 'http') return
  slave.askedAt = now
  core.effects.push({ do: 'visit', name: slave.name, url: slave.reach.url, token: null })
}

const mayWait = (task: Task, now: Monotonic): boolean =>
  task.waitUntil !== null && task.waitUntil > now

/** Queues the task, or refuses it when the queue is full. */
function wait(core: Context, task: Task, now: Monotonic): void {
  if (task.accepted && task.unclaimed) return endUnclaimed(core, task)
  const full = task.accepted ? null : fullQueue(core, task)
  if (full !== null) {
    if (task.unsure) return doubt(core, task, now)
    return refuseWith(core, task, queueFull(core, task, full, now))
  }
  if (task.notedUpTo < core.registry.end) notePassedOver(core, task, core.registry.end, now)
  enterLine(core, task, now)
  if (!task.queue || task.accepted) return
  core.effects.push({ do: 'save', task })
  accept(core, task)
}

/** Ends an accepted task whose client disconnected before it got the id. */
export function endUnclaimed(core: Context, task: Task): void {
  note(task, { at: core.wall, event: 'unclaimed', why: { is: 'hung up' } })
  end(core, task, 'cancelled', null)
}

/** A slave that did not answer may have the task: it is not refused before that is known. */
function doubt(core: Context, task: Task, now: Monotonic): void {
  task.stage = { is: 'doubt' }
  due(core, task, later(now, 2 * core.settings.askTimeoutMs))
}

/** Refuses the task. Nothing was stored and nothing runs. */
export function refuse(core: Context, task: Task, now: Monotonic): void {
  notePassedOver(core, task, core.registry.end, now)
  refuseWith(core, task, refusal(core, task, now))
}

/** Refuses a queued task whose wait ended without a slave. */
export function refuseWaiting(core: Context, task: Task, now: Monotonic): void {
  leaveLine(core, task)
  if (task.unsure) doubt(core, task, now)
  else refuse(core, task, now)
}
