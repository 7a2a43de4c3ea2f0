// The last minutes in numbers, second by second: accepted, ended, refused, asked; how well
// Retry-After predicted; how busy each place in the order of asking was. Reads counters several times per
// second; the cost per task is one comparison.

import type { Monotonic } from '../../shared/data/clock.ts'
import { msBetween } from '../../shared/data/clock.ts'
import type { Context } from '../core/context.ts'
import type { Event } from '../core/events.ts'

/** Seconds that are kept. */
const SECONDS_MAX = 300
const PAIRS_MAX = 200
/** Number of newest run and wait times for the quantiles. */
const LATENCIES_MAX = 1_000
/** How busy a place is, averaged over about this. In milliseconds. */
const LOAD_MS = 60_000
/** A prediction is dropped after this multiple of itself. */
const GIVE_UP = 10

/** [second of the monotonic clock, accepted, ended, refused, asks] */
export type Second = [number, number, number, number, number]
/** [Retry-After, when a slot was free], both in milliseconds. */
export type Pair = [number, number]

export function createRecentLoad(core: Readonly<Context>, startedAt: Monotonic) {
  const seconds: Second[] = []
  const pairs: Pair[] = []
  const latencies: number[] = []
  /** Weighted sums of how busy each place was, and the weight that is in them: they begin at nothing. */
  const sums: number[] = []
  let weighed = 0
  let nextLatency = 0
  let pairsSoFar = 0
  let before = totals()
  let lookedAt = startedAt
  /** One prediction at a time is watched until a slot for its kind is free. */
  let watched: { kind: string; at: Monotonic; ms: number } | null = null

  return {
    seconds: seconds as readonly Second[],
    /** How busy each place was lately, from 0 to 1. */
    loads: (most = Number.POSITIVE_INFINITY): number[] =>
      sums.slice(0, most).map((load) => load / Math.max(weighed, Number.MIN_VALUE)),

    /** Notes what has just happened. */
    take(event: Event, now: Monotonic): void {
      if (event.type === 'refused') {
        if (watched === null && event.retryAfterMs !== null) {
          watched = { kind: event.kind, at: now, ms: event.retryAfterMs }
        }
      } else if (event.type === 'task') {
        if (event.status === 'done') {
          latencies[nextLatency++ % LATENCIES_MAX] = Math.max(
            0,
            msBetween(event.createdAt, event.at),
          )
        }
        if (watched !== null) lookForRoom(now)
      }
    },

    /** Adds the counts since the last call to the current second. */
    look(now: Monotonic): void {
      const is = totals()
      const number = Math.floor(now / 1000)
      let second = seconds.at(-1)
      if (second?.[0] !== number) {
        seconds.push((second = [number, 0, 0, 0, 0]))
        if (seconds.length > SECONDS_MAX) seconds.shift()
      }
      for (let i = 0; i < is.length; i++) (second[i + 1] as number) += is[i]! - before[i]!
      before = is
      lookAtLoads(now)
      if (watched !== null) lookForRoom(now)
      lookedAt = now
    },

    /** The pairs after the first `had`, and how many there were so far. */
    pairsAfter(had: number): { pairs: Pair[]; soFar: number } {
      const fresh = Math.min(pairsSoFar - had, pairs.length)
      return { pairs: fresh <= 0 ? [] : pairs.slice(-fresh), soFar: pairsSoFar }
    },

    /** Refusals of the last minute. */
    refusedLastMinute: (now: Monotonic): number => sumSince(now, 60, 3),
    /** Tasks that ended, per second, over the last ten seconds. */
    endedPerSecond: (now: Monotonic): number => sumSince(now, 10, 2) / 10,
    /** Tasks that clients asked for (accepted or refused), per second, over the last minute. */
    askedForPerSecond: (now: Monotonic): number =>
      (sumSince(now, 60, 1) + sumSince(now, 60, 3)) / Math.min(60, Math.max(1, seconds.length)),

    /** From accepted to done, of the newest tasks; null when none has been done. */
    latencyMs(): { p50: number; p95: number } | null {
      if (latencies.length === 0) return null
      const sorted = latencies.toSorted((a, b) => a - b)
      const at = (share: number): number => sorted[Math.floor(share * (sorted.length - 1))]!
      return { p50: at(0.5), p95: at(0.95) }
    },
  }

  function totals(): number[] {
    const { accepted, ended, refused, asks } = core.counters
    return [accepted, sum(ended), sum(refused), asks]
  }

  function sumSince(now: Monotonic, count: number, column: 1 | 2 | 3): number {
    const first = Math.floor(now / 1000) - count
    let total = 0
    for (let i = seconds.length - 1; i >= 0 && seconds[i]![0] > first; i--) {
      total += seconds[i]![column]
    }
    return total
  }

  function lookForRoom(now: Monotonic): void {
    const { kind, at, ms } = watched!
    if (core.registry.nextFree(kind, null, 0) >= 0) {
      pairs.push([ms, now - at])
      if (pairs.length > PAIRS_MAX) pairs.shift()
      pairsSoFar++
      watched = null
    } else if (now - at > GIVE_UP * Math.max(1000, ms)) watched = null
  }

  function lookAtLoads(now: Monotonic): void {
    const weight = Math.min(1, (now - lookedAt) / LOAD_MS)
    const { end } = core.registry
    weighed += weight * (1 - weighed)
    sums.length = end
    for (let place = 0; place < end; place++) {
      const slave = core.registry.at(place)
      const slots = Math.max(1, slave?.slots ?? 1)
      const busy = slave ? Math.min(1, slave.held.size / slots) : 0
      const before = sums[place] ?? 0
      sums[place] = before + weight * (busy - before)
    }
  }
}

const sum = (counts: Record<string, number>): number => {
  let total = 0
  for (const name in counts) total += counts[name]!
  return total
}
