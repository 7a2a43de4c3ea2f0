// Looking at a simulated world as a whole, which no process in it can: who really has what the master
// believes somebody to have, and at the end, what was done twice, refused or left waiting.

import type { Slave } from '../../../master/core/state.ts'
import type { SimulatedClock } from './clock.ts'
import type { Directory, MasterProcess, SlaveProcess } from './directory.ts'
import type { Ledger } from './ledger.ts'
import { check, WAIT_LIMIT_MS } from './ledger.ts'
import type { Needing } from './needing.ts'
import type { Plan } from './plan.ts'
import { isGentle, mayLoseTime } from './plan.ts'
import type { Skills } from './terms.ts'
import { askOf, isAbsent, lacks } from './terms.ts'
import { ATTEMPTS_MAX } from './tries.ts'
import type { WatchedStore } from './watched-store.ts'

/** A task is not said to be in progress for longer on a slave that does not have it. */
const UNHELD_BEATS = 8
const UNHELD_MS = 10_000

/** Looks every beat whether slaves have what the master believes, and all that waits has a deadline. */
export function watchHolders(given: {
  plan: Plan
  clock: SimulatedClock
  directory: Directory
  ledger: Ledger
  slaves: (SlaveProcess | undefined)[]
  needing: Needing
  guard: (run: () => void) => () => void
}) {
  const { plan, clock, directory, ledger, slaves, needing, guard } = given
  /** Attempts that the master believes a slave to have, and that it has not: since when. */
  const unheld = new Map<string, number>()
  let lastMaster: MasterProcess | null = null
  clock.at(plan.heartbeatMs, guard(look))

  return { runs }

  /** The slave that runs the n-th task now, if any. */
  function runs(number: number): string | undefined {
    const runner = slaves.find(
      (slave) =>
        slave?.life.alive &&
        slave.agent
          .attempts()
          .attempts.some(
            ({ attempt, task, status }) =>
              status === 'running' &&
              ledger.began
                .get(task)
                ?.some((run) => run.number === number && run.attempt === attempt),
          ),
    )
    return runner?.name
  }

  /** Nothing is in progress for long on a slave that does not have it. */
  function look(): void {
    clock.at(clock.now() + plan.heartbeatMs, guard(look))
    const { master } = directory
    const awake = master?.life.alive && master.life.pausedUntil <= clock.now()
    if (!awake || master !== lastMaster) unheld.clear()
    lastMaster = master
    if (!awake) return
    const held = new Set(
      slaves.flatMap((slave) =>
        slave?.life.alive ? slave.agent.attempts().attempts.map(({ attempt }) => attempt) : [],
      ),
    )
    needing.look()
    for (const task of master.dispatcher.view.live.values()) {
      const { id, stage, due, runLimitMs } = task
      if (stage.is === 'waiting') needing.waits(task)
      const isWaiting = stage.is === 'waiting' || stage.is === 'resting' || stage.is === 'doubt'
      check(!isWaiting || due !== null, `task ${id} is ${stage.is} without a deadline`)
      if (stage.is !== 'running') continue
      const { attempt, slave } = stage
      const since = unheld.get(attempt) ?? clock.now()
      if (held.has(attempt)) unheld.delete(attempt)
      else unheld.set(attempt, since)
      const ms = held.has(attempt) ? 0 : clock.now() - since
      const isShort = ms <= UNHELD_BEATS * plan.heartbeatMs + UNHELD_MS + leaseOf(slave, runLimitMs)
      check(isShort, `task ${id} is in progress on ${slave.name}, which lacks it for ${ms} ms`)
    }
  }
}

/** A simple slave never says what it has: the run limit is the lease. */
const leaseOf = ({ reach }: Slave, runLimitMs: number): number =>
  reach.by === 'simple-poll' ? runLimitMs : 0

/** A refusal left nothing behind: neither in the store nor on a slave that began later. */
export function checkRefused(
  refused: { key: string; number: number; at: number }[],
  ledger: Ledger,
  store: WatchedStore,
): void {
  for (const { key, number, at } of refused) {
    const stored = [...store.all()].find(({ idempotencyKey }) => idempotencyKey === key)
    check(!stored || ledger.madeAt(stored.id) < at, `${key} was refused, and is stored`)
    for (const runs of ledger.began.values()) {
      const late = runs.find((run) => run.number === number && run.at > at)
      check(!late, `${key} was refused for good, and ${late?.slave} began it later`)
    }
  }
}

/** Without faults of slaves and network nothing is done twice. */
export function checkCalm(plan: Plan, ledger: Ledger): void {
  const knowsAll = plan.slaves.every(({ reach }) => reach !== 'simple')
  // A failure that comes before the list of a slave that cannot be asked, is of an unknown attempt.
  const asksAll = plan.slaves.every(({ reach }) => reach === 'asked')
  const isCalm = plan.faults.every(knowsAll ? isGentle : () => false)
  if (!isCalm || plan.tasks.some(({ nature }) => nature === 'killer')) return
  for (const [id, runs] of ledger.began) {
    const task = plan.tasks[runs[0]!.number]!
    const { nature, terms } = task
    const ask = askOf(task)
    const isMissing = plan.slaves.some(({ skills }) => isAbsent(skills, ask.terms))
    const most = terms === null || terms.ends === null ? 1 : (terms.attemptsMax ?? ATTEMPTS_MAX)
    if (
      (nature === 'plain' && !isMissing) ||
      (nature === 'fails' && (asksAll || plan.faults.every(({ is }) => is === 'clock')))
    ) {
      check(runs.length <= most, `task ${id} ran ${runs.length} times for no cause`)
    }
  }
}

/**
 * Where there is little to do, nothing waits until it expires. A task that has no end takes a slot until
 * its limit, again at each try; and for good from a simple slave, which nobody can call back. A master
 * that starts with a clock that went ahead believes that much time has passed.
 */
export function checkExpired(plan: Plan, store: WatchedStore, skills: readonly Skills[]): void {
  if (mayLoseTime(plan)) return
  const endless = plan.tasks.filter(({ nature }) => nature === 'endless').length
  const anySimple = plan.slaves.some(({ reach }) => reach === 'simple')
  const slowest = Math.min(...plan.slaves.map(({ speed }) => speed))
  const workMs = plan.tasks.reduce((sum, { ms }) => sum + ms / slowest, 0)
  if (workMs > WAIT_LIMIT_MS / 4) return
  for (const { id, status, idempotencyKey } of store.all()) {
    if (status !== 'expired') continue
    const ask = askOf(plan.tasks[Number(idempotencyKey?.slice('key-'.length))]!)
    const able = plan.slaves.filter((_, i) => {
      const has = skills[i] as Skills
      return lacks(has, ask, `slave-${i}`) === '' && !isAbsent(has, ask.terms)
    })
    const slots = able.reduce((sum, slave) => sum + slave.slots, 0)
    if (endless * (anySimple ? ATTEMPTS_MAX : 1) >= slots) continue
    check(false, `task ${id} has expired, though there was little to do`)
  }
}
