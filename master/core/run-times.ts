// Measured run times of tasks, and the estimate for Retry-After: when will a slot be free? Pure.
//
// For each kind the last run times are kept. A task that has run for e already is expected to run
// as long as those of them that ran longer than e ran on; where none did, as long again as it has
// run (Lindy's rule). With n tasks running the next free slot is the minimum of n such remainders:
// the time by which it is free with probability CONFIDENCE is what the first client is told.
//
// The next client gets a later time: one free slot is announced to one client only.
// From the first on, slots come free one mean service time divided by the number of slots apart.
// Refused clients thus form a virtual queue that nothing enforces, and they do not all
// return at once. No slot is reserved for them: while as many new clients arrive as slots become free,
// about half of those that return find one (in simulation; without this: 5 to 35 %).

import type { Monotonic } from '../../shared/data/clock.ts'
import { isElsewhere } from './registry.ts'
import type { Slave } from './state.ts'

const SAMPLES_MAX = 64
/** Fraction of cases in which a slot is free at the time that the first client is told. */
const CONFIDENCE = 0.8
/** An estimate serves all refusals of the next moments, in milliseconds. */
const FRESH_MS = 50
/**
 * Nobody is told to wait for longer than this after the first free slot: not every client comes back,
 * and one that does should not stay away for those that do not. In milliseconds, or in mean service
 * times where that is longer.
 */
const LINE_MS_MAX = 30_000
const LINE_SERVICES_MAX = 10
/** Maximum number of running tasks that one estimate considers. */
const RUNNING_MAX = 256
/** Weight of the newest run in a slave's moving average. */
const WEIGHT = 0.1

export type RunTimes = ReturnType<typeof createRunTimes>

/** Time of the next free slot, mean service time, and number of slots. */
type Estimate = { firstMs: number; serviceMs: number; slots: number }

export function createRunTimes() {
  const samples = new Map<string, { times: number[]; next: number }>()
  const estimates = new Map<string, { at: Monotonic; is: Estimate | null }>()
  /** The latest return time that was given to a client, by kind. */
  const told = new Map<string, number>()

  return {
    /** Records the run time of an ended attempt, in milliseconds. */
    add(kind: string, slave: Slave, ms: number): void {
      slave.serviceMs =
        slave.serviceMs === 0 ? ms : slave.serviceMs + WEIGHT * (ms - slave.serviceMs)
      let ring = samples.get(kind)
      if (!ring) samples.set(kind, (ring = { times: [], next: 0 }))
      ring.times[ring.next] = ms
      ring.next = (ring.next + 1) % SAMPLES_MAX
    },

    /**
     * Milliseconds after which a client that is refused now should return; null: unknown. The
     * next one is told a later time.
     */
    comeBackMs(kind: string, slaves: () => Slave[], now: Monotonic): number | null {
      let last = estimates.get(kind)
      if (!last || now - last.at >= FRESH_MS) {
        last = { at: now, is: estimate(kind, slaves(), now) }
        estimates.set(kind, last)
      }
      if (!last.is) return null
      const { firstMs, serviceMs, slots } = last.is
      const longest = Math.max(LINE_MS_MAX, LINE_SERVICES_MAX * serviceMs)
      const next = (told.get(kind) ?? Number.NEGATIVE_INFINITY) + serviceMs / slots
      const at = Math.min(Math.max(now + firstMs, next), now + firstMs + longest)
      told.set(kind, at)
      return at - now
    },

    /** Milliseconds until any slot is free, as estimated; does not count as given to a client. */
    firstFreeMs: (slaves: Slave[], now: Monotonic): number | null =>
      estimate(null, slaves, now)?.firstMs ?? null,
  }

  /** Of the slaves that offer the kind; null: of all. */
  function estimate(kind: string | null, slaves: Slave[], now: Monotonic): Estimate | null {
    const remainders: number[][] = []
    let sum = 0
    let slots = 0
    const look = (of: string, elapsed: number): void => {
      const times = samples.get(of)?.times
      if (!times) return
      remainders.push(remaindersAfter(times, elapsed))
      sum += meanOf(times)
    }
    for (const slave of slaves) {
      if (slave.standing !== 'alive' || isElsewhere(slave)) continue
      if (slave.drained || slave.mode === 'draining') continue
      if (kind !== null && !slave.kinds.includes(kind)) continue
      slots += slave.slots
      for (const { task, since } of slave.held.values()) {
        if (remainders.length >= RUNNING_MAX) break
        look(task.kind, now - since)
      }
      // What it is being offered will run as a rule: of a burst nothing else may be known yet.
      for (const { task } of slave.offers.values()) {
        if (remainders.length >= RUNNING_MAX) break
        look(task.kind, 0)
      }
    }
    if (remainders.length === 0) return null
    return { firstMs: quantile(remainders), serviceMs: sum / remainders.length, slots }
  }
}

const meanOf = (times: number[]): number => times.reduce((sum, ms) => sum + ms, 0) / times.length

/** How much longer those ran that ran longer than `elapsed`, sorted. */
function remaindersAfter(times: number[], elapsed: number): number[] {
  const left = times.filter((ms) => ms > elapsed).map((ms) => ms - elapsed)
  return left.length === 0 ? [Math.max(1, elapsed)] : left.sort((a, b) => a - b)
}

/** The least time by which one task has ended with probability CONFIDENCE. */
function quantile(remainders: number[][]): number {
  const stillAllRunning = (ms: number): number =>
    remainders.reduce((share, left) => share * (left.filter((r) => r > ms).length / left.length), 1)
  let low = 0
  let high = Math.min(...remainders.map((left) => left.at(-1) as number))
  for (let i = 0; i < 20 && high - low > 1; i++) {
    const middle = (low + high) / 2
    if (1 - stillAllRunning(middle) >= CONFIDENCE) high = middle
    else low = middle
  }
  return high
}
