// What the core measures for monitors, beside its counters: histograms of a few numbers each, and how
// accurate Retry-After was. Pure.
//
// A Retry-After is accurate when its slot is free at that time. Each refused client is
// given a slot of its own (run-times.ts): the first client the next slot that becomes free, the
// second the one after it. So the given times form a queue per kind, and every slot that
// becomes free removes the first of it.

import type { Monotonic } from '../../shared/data/clock.ts'
import type { Family, Histogram } from '../../shared/data/histogram.ts'
import { createHistogram, MS_BOUNDS, observe, observeOf } from '../../shared/data/histogram.ts'
import { FAILURES } from '../../shared/protocol/wire.ts'

const ASKS_BOUNDS = [0, 1, 2, 3, 5, 10, 20, 50, 100, 1_000] as const
/** Negative: too early, the slot was free later. In milliseconds. */
const ERROR_BOUNDS = [
  -60_000, -30_000, -10_000, -5_000, -2_000, -1_000, -500, 0, 500, 1_000, 2_000, 5_000, 10_000,
  30_000, 60_000,
] as const
/** Maximum number of given times that are kept per kind. */
const TOLD_MAX = 1_024

export type Figures = {
  /** From an offer to its answer, by answer. */
  askMs: Family
  /** Slaves asked until one accepted the task or it was refused. */
  asksPerTask: Histogram
  /** From submission until the first acceptance by a slave, by kind. */
  waitMs: Family
  /** In an executor, as the slave says, by kind. */
  runMs: Family
  /** Ended as failed, by type. */
  failed: Record<string, number>
  retryAfterErrorMs: Histogram
  /** Times at which clients were told that a slot is free, by kind. */
  told: Map<string, number[]>
}

export const createFigures = (): Figures => ({
  askMs: new Map(),
  asksPerTask: createHistogram(ASKS_BOUNDS),
  waitMs: new Map(),
  runMs: new Map(),
  failed: Object.fromEntries(FAILURES.map((type) => [type, 0])),
  retryAfterErrorMs: createHistogram(ERROR_BOUNDS),
  told: new Map(),
})

export const noteAsk = (figures: Figures, answer: string, ms: number): void =>
  observeOf(figures.askMs, answer, MS_BOUNDS, ms)

export const noteWait = (figures: Figures, kind: string, ms: number): void =>
  observeOf(figures.waitMs, kind, MS_BOUNDS, ms)

export const noteRun = (figures: Figures, kind: string, ms: number): void =>
  observeOf(figures.runMs, kind, MS_BOUNDS, ms)

/** A slave in another language may have types of its own: those are not told apart. */
export function noteFailure({ failed }: Figures, type: string): void {
  const name = type in failed ? type : 'other'
  failed[name] = (failed[name] ?? 0) + 1
}

/** A refused client was told that a slot for this kind is free at a time. */
export function noteTold({ told }: Figures, kind: string, at: number): void {
  const line = told.get(kind)
  if (!line) told.set(kind, [at])
  else if (line.length < TOLD_MAX) line.push(at)
}

/** A slot of a slave with these kinds has become free. */
export function noteFree(figures: Figures, kinds: readonly string[], now: Monotonic): void {
  const { told } = figures
  if (told.size === 0) return
  for (const [kind, line] of told) {
    if (!kinds.includes(kind)) continue
    observe(figures.retryAfterErrorMs, (line.shift() as number) - now)
    if (line.length === 0) told.delete(kind)
  }
}
