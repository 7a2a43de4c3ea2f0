// Event-loop lag: the delay of a request before it is handled.

import { monitorEventLoopDelay } from 'node:perf_hooks'

/** The delay is measured at this interval, in milliseconds. */
const RESOLUTION_MS = 10

export type Lag = ReturnType<typeof watchLag>

/** Measures until it is closed. In milliseconds throughout. */
export function watchLag() {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  histogram.enable()
  let before = { count: 0, sum: 0 }
  return {
    /** Since the start. */
    sinceStart: () => ({
      mean: inMs(histogram.mean),
      p99: inMs(histogram.percentile(99)),
      max: inMs(histogram.max),
    }),
    /** The mean since the last call. */
    nowMs(): number {
      const { count, mean } = histogram
      const sum = Number.isNaN(mean) ? 0 : mean * count
      const fresh = count - before.count
      const is = fresh === 0 ? 0 : inMs((sum - before.sum) / fresh)
      before = { count, sum }
      return is
    },
    /** Idempotent. */
    close: (): void => void histogram.disable(),
  }
}

/** The monitor counts its own interval: the delay is what exceeds it. */
const inMs = (ns: number): number =>
  Number.isNaN(ns) ? 0 : Math.max(0, Math.round(ns / 1e4) / 100 - RESOLUTION_MS)
