// How long tasks take, as measured, and from it: when will a slot be free? Pure.
//
// For each kind the last run times are kept. A task that has run for e already is expected to run
// as long as those of them that ran longer than e ran on; where none did, as long again as it has
// run (Lindy's rule). With n tasks running the next free slot is the minimum of n such remainders:
// the time by which it is free with probability CONFIDENCE is what the client is told.

import type { Slave } from './registry.ts'

const SAMPLES_MAX = 64
/** A client that waits as told finds a slot that has become free in this share of cases. */
const CONFIDENCE = 0.8
/** An estimate serves all refusals of the next moments, in milliseconds. */
const FRESH_MS = 50
/** Looks at no more running tasks than this. */
const RUNNING_MAX = 256
/** Weight of the newest run in a slave's moving average. */
const WEIGHT = 0.1

export type ServiceTimes = ReturnType<typeof createServiceTimes>

export function createServiceTimes() {
  const samples = new Map<string, { times: number[]; next: number }>()
  const estimates = new Map<string, { at: number; ms: number | null }>()

  return {
    /** Takes the run time of an ended attempt, in milliseconds. */
    add(kind: string, slave: Slave, ms: number): void {
      slave.serviceMs =
        slave.serviceMs === 0 ? ms : slave.serviceMs + WEIGHT * (ms - slave.serviceMs)
      let ring = samples.get(kind)
      if (!ring) samples.set(kind, (ring = { times: [], next: 0 }))
      ring.times[ring.next] = ms
      ring.next = (ring.next + 1) % SAMPLES_MAX
    },

    /** Milliseconds until a slave with this kind probably has a free slot; null: not known. */
    nextFreeMs(kind: string, slaves: () => Slave[], now: number): number | null {
      const last = estimates.get(kind)
      if (last && now - last.at < FRESH_MS) return last.ms
      const ms = estimate(kind, slaves(), now)
      estimates.set(kind, { at: now, ms })
      return ms
    },
  }

  function estimate(kind: string, slaves: Slave[], now: number): number | null {
    const remainders: number[][] = []
    for (const slave of slaves) {
      if (slave.standing !== 'alive' || slave.drained || slave.mode === 'draining') continue
      if (!slave.kinds.includes(kind)) continue
      for (const { task, since } of slave.held.values()) {
        const times = samples.get(task.kind)?.times
        if (times) remainders.push(remaindersAfter(times, now - since))
        if (remainders.length >= RUNNING_MAX) return quantile(remainders)
      }
    }
    return remainders.length === 0 ? null : quantile(remainders)
  }
}

/** How much longer those ran that ran longer than `elapsed`, sorted. */
function remaindersAfter(times: number[], elapsed: number): number[] {
  const left = times.filter((ms) => ms > elapsed).map((ms) => ms - elapsed)
  return left.length === 0 ? [Math.max(1, elapsed)] : left.sort((a, b) => a - b)
}

/** The least time by which one of all has ended with probability CONFIDENCE. */
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
