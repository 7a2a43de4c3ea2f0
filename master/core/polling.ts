// Polling slaves: a poll accepts tasks in advance. Pure.
//
//   a slave:   not polling --(polls)--> polling --(hangs up, or no poll follows the last)--> not polling
//
// While it polls, a slave is free at its place in the order of asking, with the slots of its newest
// report; a task for it is the response to its poll, or to the next one, and thereby accepted.
// While it does not poll, its answer is known. All else is as for other slaves: the offer first,
// then taken, commit, 202.
//
// Whether the response to a poll arrived is unknown until the slave reports that the poll has ended.
// Until then its free slots do not count the attempts of the response; afterwards a list that lacks an
// attempt means that it did not arrive.
//
// A simple slave neither registers nor sends heartbeats. It has one slot and no boot id, and nothing waits
// for its next poll. A poll means that it holds nothing; while it computes it sends nothing, and
// the run limit of its task is the lease. It need not give its name, nor the attempt whose outcome
// it delivers: see anonymous-slaves.ts.

import type { Monotonic } from '../../shared/data/clock.ts'
import type { ProblemType } from '../../shared/protocol/problems.ts'
import { Problem } from '../../shared/protocol/problems.ts'
import type { CallbacksReply, SlaveState } from '../../shared/protocol/wire.ts'
import { freeName, hasGivenName, heldSimply, isIdle } from './anonymous-slaves.ts'
import { hold, lose, NOT_ARRIVED, settle } from './attempts.ts'
import type { Context } from './context.ts'
import type { Polled, Submitted, Waiting } from './messages.ts'
import type { PollId, PollReach, SimplePollReach } from './reach.ts'
import { simplePollReach } from './reach.ts'
import { endPoll, sameKinds, settleAt } from './registration.ts'
import { watch } from './slave-timers.ts'
import type { Slave } from './state.ts'

/** The boot of a simple slave, whose starts the master cannot tell apart. */
const SIMPLE_BOOT = 'simple'

/** Handles a poll. */
export function takePoll(core: Context, said: Polled, poll: PollId, now: Monotonic): void {
  if (said.simple) takeSimplePoll(core, said.slave, said.kinds, poll, now)
  else takeRegisteredPoll(core, said.state, poll, now)
}

function takeRegisteredPoll(
  core: Context,
  state: Omit<SlaveState, 'slots'>,
  poll: PollId,
  now: Monotonic,
): void {
  const slave = core.registry.byName.get(state.slave)
  if (slave?.reach.by !== 'poll' || slave.boot !== state.boot) {
    const detail = `no slave "${state.slave}" with this boot id has registered for polling`
    return refusePoll(core, poll, 'no-such-slave', detail)
  }
  // Duplicated or late: the slave no longer waits for it.
  const { reach } = slave
  if (state.generation <= reach.polled) return endPoll(core, poll)
  reach.polled = state.generation
  core.registry.hear(slave, { ...state, slots: slave.slots }, now)
  open(core, slave, reach, poll, now)
}

function takeSimplePoll(
  core: Context,
  said: string | null,
  kinds: string[],
  poll: PollId,
  now: Monotonic,
): void {
  const name = said ?? freeName(core.registry)
  const known = core.registry.byName.get(name)
  if (known && known.reach.by !== 'simple-poll' && known.standing === 'alive') {
    const detail = `a slave named ${name} has registered; choose another name, or give the boot id of that slave`
    return refusePoll(core, poll, 'name-taken', detail)
  }
  if (known && hasGivenName(known) && said !== null && !isIdle(known)) {
    const detail = `the master gave the name ${name} to a slave that polled without one; choose another name`
    return refusePoll(core, poll, 'name-taken', detail)
  }
  const reach = known?.reach.by === 'simple-poll' ? known.reach : simplePollReach()
  reach.isNameGiven = said === null
  const slave = known?.reach === reach ? known : settleAt(core, name, reach)
  if (slave.boot !== SIMPLE_BOOT || !sameKinds(slave, kinds)) {
    const card = { name, boot: SIMPLE_BOOT, version: '', kinds, tags: [], slots: 1 }
    core.registry.introduce(slave, card)
  }
  for (const held of slave.held.values()) {
    lose(core, slave, held, { is: 'polls again' }, now)
  }
  hearSimple(core, slave, 1, now)
  if (slave.heapIndex < 0) watch(core, slave, now)
  open(core, slave, reach, poll, now)
}

/** Derives the state of a simple slave from its requests. */
function hearSimple(core: Context, slave: Slave, free: number, now: Monotonic): void {
  const word = { slave: slave.name, boot: SIMPLE_BOOT, generation: slave.generation + 1 }
  core.registry.hear(slave, { ...word, slots: 1, free, mode: 'accepting', reason: '' }, now)
}

/** A repeated poll replaces the previous one, including the attempts in flight. */
function open(
  core: Context,
  slave: Slave,
  reach: PollReach | SimplePollReach,
  poll: PollId,
  now: Monotonic,
): void {
  core.effects.push({ do: 'open-poll', poll, before: reach.poll, slave: slave.name })
  slave.reports = 'here'
  reach.poll = poll
  reach.polledAt = now
  core.registry.refresh(slave)
}

function refusePoll(core: Context, poll: PollId, type: ProblemType, detail: string): void {
  core.effects.push({ do: 'end-poll', poll, problem: new Problem(type, detail) })
}

/** A poll was answered with these attempts or revocations: the attempts are accepted. */
export function takeHanded(
  core: Context,
  name: string,
  poll: PollId,
  attempts: string[],
  now: Monotonic,
): void {
  const slave = core.registry.byName.get(name)
  if (!slave) return
  const offers = core.registry.takeOffers(slave, attempts)
  const { reach } = slave
  if (reach.by === 'simple-poll' && reach.poll === poll) reach.poll = null
  slave.free = Math.max(0, slave.free - attempts.length)
  core.registry.refresh(slave)
  for (const offer of offers) {
    if (!offer) continue
    core.counters.answers.taken = (core.counters.answers.taken ?? 0) + 1
    if (reach.by === 'poll') reach.handed.set(offer.attempt, reach.polled)
    hold(core, offer.task, slave, offer.attempt, NOT_ARRIVED, now, offer)
  }
}

/** No poll followed, or the slave disconnected: it may be gone. A simple slave may pause between polls. */
export function takeGone(
  core: Context,
  name: string,
  poll: PollId,
  hungUp: boolean,
  now: Monotonic,
): void {
  endPoll(core, poll)
  const slave = core.registry.byName.get(name)
  if (!slave || slave.reach.by === 'http' || slave.reach.poll !== poll) return
  slave.reach.poll = null
  if (slave.reach.by === 'simple-poll') slave.heardAt = now
  else if (hungUp && slave.standing === 'alive') slave.standing = 'suspect'
  core.registry.refresh(slave)
}

/** Handles an outcome in short form, without what the master knows itself. */
export function takeSubmitted(
  core: Context,
  said: Submitted,
  token: Waiting<CallbacksReply>,
  now: Monotonic,
): void {
  const { outcome } = said
  const found = said.by === 'attempt' ? said : heldSimply(core.live, said)
  if (found === null) {
    const whose = said.slave ?? 'no simple slave'
    const verb = said.slave === null ? 'has' : 'does not have'
    const detail = `${whose} ${verb} the task ${said.task} now: it may have ended, or another slave may have it`
    return void core.effects.push({ do: 'answer-problem', token, type: 'no-such-task', detail })
  }
  const { slave: name, attempt } = found
  const slave = core.registry.byName.get(name)
  const held = slave?.held.get(attempt)
  const ranMs = said.ranMs ?? now - (held?.since ?? now)
  const task = held?.task.id ?? said.task
  if (task === undefined) {
    const detail = `${name} does not hold the attempt ${attempt}; name the task that it belongs to`
    return void core.effects.push({ do: 'answer-problem', token, type: 'no-such-task', detail })
  }
  settle(core, name, slave, { attempt, task, outcome, ranMs }, now)
  if (slave?.reach.by === 'simple-poll') hearSimple(core, slave, slave.held.size > 0 ? 0 : 1, now)
  core.effects.push({ do: 'acknowledge', token, reply: { acknowledged: [attempt] } })
}
