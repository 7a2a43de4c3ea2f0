// Liveness of slaves: heartbeats, probes, silence, and their consequences. Pure.

import type { Monotonic } from '../../shared/data/clock.ts'
import { later } from '../../shared/data/clock.ts'
import type { Heartbeat, ReportsTo } from '../../shared/protocol/wire.ts'
import { unsureTasks, visit } from './asking.ts'
import { lose, revoke } from './attempts.ts'
import { endRest } from './backoff.ts'
import type { Context } from './context.ts'
import { LEASE_BEATS, SUSPECT_BEATS } from './context.ts'
import { compare, confirm } from './lists.ts'
import type { Registrant, Visited, WaitingHeartbeat } from './messages.ts'
import { isAt } from './reach.ts'
import {
  registrationReply,
  reportsHere,
  sameKinds,
  settleFirst,
  takeLeave,
} from './registration.ts'
import { watch } from './slave-timers.ts'
import type { Slave } from './state.ts'
import { note } from './trail.ts'

/** Maximum interval between probes of a slave that stays silent, in heartbeat intervals. */
const ASK_BEATS_MAX = 12
/** An attempt is overdue this long after its run limit: its slave must have ended it by then. */
const OVERDUE_MS = 10_000
/** A simple slave registers by polling: it is removed after so many silent heartbeat intervals. */
const FORGET_BEATS = 120
/** Maximum length of the reported addresses of a slave's master. */
const URLS_SHOWN_MAX = 4
const URL_SHOWN_MAX = 128

/** Handles the answer to a probe. */
export function takeVisit(core: Context, visited: Visited, now: Monotonic): void {
  const { name, url, token } = visited
  const { card, state, attempts, reportsTo } = visited.said
  if (card.name !== name) {
    const detail = `the slave at ${url} is named ${card.name}, not ${name}`
    return takeNotReached(core, name, url, token, now, detail)
  }
  const slave = settleFirst(core, name, { by: 'http', url }, visited)
  if (!slave) return
  const reborn = slave.boot !== card.boot
  // Another process of the slave registered by itself: its answers may be usable.
  if (reborn && token !== null) endRest(core, slave)
  if (reborn || !sameKinds(slave, card.kinds)) core.registry.introduce(slave, card)
  if (token !== null) reportsHere(core, slave)
  else if (reportsTo) takeReportsTo(core, slave, reportsTo)
  if (core.registry.hear(slave, state, now)) {
    const generation = reborn ? Number.POSITIVE_INFINITY : state.generation
    const unwanted = compare(core, slave, attempts, generation, now)
    if (unwanted.length > 0) revoke(core, slave, unwanted)
    settleDoubts(core, slave)
  } else confirm(slave, attempts, now)
  if (slave.heapIndex < 0) watch(core, slave, now)
  if (token !== null) {
    core.effects.push({ do: 'answer-registration', token, reply: registrationReply(core) })
  }
}

/** Stores where the slave reports. Before its first registration there it knows no name. */
function takeReportsTo(core: Context, slave: Slave, reportsTo: ReportsTo[]): void {
  if (slave.reports === 'here') return
  if (reportsTo.some(({ master }) => master === core.ids.issuer)) return reportsHere(core, slave)
  const urls = reportsTo.slice(0, URLS_SHOWN_MAX).map(({ url }) => url.slice(0, URL_SHOWN_MAX))
  const isNew = reportsTo.some(({ master }) => master === undefined)
  slave.reports = { to: urls.join(', ') || 'no master', isNew }
  core.registry.refresh(slave)
}

/** After a probe: revokes, in one request, offers that the slave neither answered nor lists. */
function settleDoubts(core: Context, slave: Slave): void {
  const unwanted: string[] = []
  for (const task of unsureTasks(core)) {
    for (const [attempt, silent] of task.unsure ?? []) {
      if (silent === slave && task.stage.is !== 'running') unwanted.push(attempt)
    }
  }
  if (unwanted.length > 0) revoke(core, slave, unwanted)
}

/**
 * A probe failed. The reason is not sent to the registering process: it would learn which
 * ports are open where only the master can connect.
 */
export function takeNotReached(
  core: Context,
  name: string,
  url: string,
  token: Registrant | null,
  now: Monotonic,
  detail = `no slave named ${name} answers the master at ${url}; the log of the master has the reason`,
): void {
  if (token !== null) {
    core.effects.push({ do: 'answer-problem', token, type: 'unreachable-slave', detail })
    return
  }
  const slave = core.registry.byName.get(name)
  if (!slave || !isAt(slave, { by: 'http', url })) return
  slave.unanswered++
  if (slave.standing === 'alive') core.registry.setStanding(slave, 'suspect')
  watch(core, slave, now)
}

/** Handles a heartbeat, which lists the slave's attempts. An unknown slave is told to register. */
export function takeHeartbeat(
  core: Context,
  { state, attempts }: Heartbeat,
  token: WaitingHeartbeat,
  now: Monotonic,
): void {
  const slave = core.registry.byName.get(state.slave)
  const known = slave !== undefined && slave.boot === state.boot
  let unwanted: string[] = []
  if (known && slave.reports !== 'here') reportsHere(core, slave)
  if (known && core.registry.hear(slave, state, now)) {
    unwanted = compare(core, slave, attempts, state.generation, now)
  } else if (known || slave?.boot === '') {
    // Also a slave known only from the store: it must register, and keeps its attempts.
    confirm(slave, attempts, now)
  }
  const about = { register: !known, master: core.ids.issuer }
  const { effects } = core
  if (unwanted.length === 0) {
    effects.push({ do: 'answer-heartbeat', token, reply: { revoke: [], ...about } })
  } else {
    effects.push({ do: 'revoke-by-heartbeat', token, reply: { revoke: unwanted, ...about } })
  }
}

/** Checks one slave: whether it is silent, and whether its attempts are confirmed and in time. */
export function check(core: Context, slave: Slave, now: Monotonic): void {
  const { heartbeatMs } = core.settings
  endRest(core, slave, now)
  if (isForgotten(slave, now - FORGET_BEATS * heartbeatMs)) {
    takeLeave(core, slave.name, '', now)
    return
  }
  const silentMs = vouches(slave, now) ? 0 : now - slave.heardAt
  if (silentMs >= SUSPECT_BEATS * heartbeatMs) {
    if (slave.standing === 'alive') suspect(core, slave, silentMs)
    if (now - slave.askedAt >= askEvery(slave) * heartbeatMs) visit(core, slave, now)
  } else if (isUnconfirmed(slave, now - SUSPECT_BEATS * heartbeatMs)) {
    // It is alive, but its heartbeats do not arrive: probe it before a lease expires.
    if (now - slave.askedAt >= heartbeatMs) visit(core, slave, now)
  }
  if (silentMs >= LEASE_BEATS * heartbeatMs && slave.standing !== 'silent') {
    core.registry.setStanding(slave, 'silent')
  }
  for (const held of slave.held.values()) {
    if (now - held.confirmedAt >= LEASE_BEATS * heartbeatMs) {
      lose(core, slave, held, { is: 'lease over' }, now)
    } else if (now - held.since >= held.task.runLimitMs + OVERDUE_MS) {
      revoke(core, slave, [held.attempt])
      // It is alive: whatever happened to the outcome, the task has not crashed it.
      const isHeard = slave.standing === 'alive' && slave.reach.by !== 'simple-poll'
      const type = isHeard ? 'outcome-lost' : 'slave-lost'
      const { task, ended = false } = held
      const why = { is: 'overdue', runLimitMs: task.runLimitMs, ended } as const
      lose(core, slave, held, why, now, type)
    }
  }
  watch(core, slave, now)
}

/** Notes the silence in the trails of its tasks, once per silence, before it is probed. */
function suspect(core: Context, slave: Slave, silentMs: number): void {
  core.registry.setStanding(slave, 'suspect')
  const why = { is: 'silent', ms: silentMs, asked: slave.reach.by === 'http' } as const
  for (const { task } of slave.held.values()) {
    note(task, { at: core.wall, event: 'silence', slave: slave.name, why })
  }
}

/**
 * A simple slave sends nothing while it computes: its open poll is its heartbeat, and the run limit of
 * its task is the task's lease.
 */
function vouches(slave: Slave, now: Monotonic): boolean {
  if (slave.reach.by !== 'simple-poll') return false
  for (const held of slave.held.values()) held.confirmedAt = now
  return slave.reach.poll !== null || slave.held.size > 0
}

const isForgotten = (slave: Slave, since: number): boolean =>
  slave.reach.by === 'simple-poll' &&
  !slave.drained &&
  slave.reach.poll === null &&
  slave.held.size === 0 &&
  Math.max(slave.heardAt, slave.askedAt) < since

/**
 * The master itself was suspended (a paused VM, a long swap): messages of slaves from that time are still
 * arriving, so that time counts neither as silence nor towards the limits of running attempts.
 */
export function forgive(core: Context, lateMs: number): void {
  for (const slave of core.registry.all()) {
    slave.heardAt = later(slave.heardAt, lateMs)
    for (const held of slave.held.values()) {
      held.confirmedAt = later(held.confirmedAt, lateMs)
      held.since = later(held.since, lateMs)
    }
  }
}

const isUnconfirmed = (slave: Slave, since: number): boolean =>
  slave.held.values().some((held) => held.confirmedAt < since)

const askEvery = (slave: Slave): number => Math.min(ASK_BEATS_MAX, 2 ** slave.unanswered) * 0.9
