// What a slave counts for monitors.

import type { Histogram } from '../../shared/data/histogram.ts'
import { createHistogram, MS_BOUNDS } from '../../shared/data/histogram.ts'
import { ANSWERS } from '../../shared/protocol/wire.ts'

export type SlaveFigures = {
  /** To offers, by answer. */
  answers: Record<string, number>
  /** Attempts that have ended, by status. */
  ended: { done: number; failed: number }
  /** In an executor. */
  runMs: Histogram
}

export const createSlaveFigures = (): SlaveFigures => ({
  answers: Object.fromEntries(ANSWERS.map((answer) => [answer, 0])),
  ended: { done: 0, failed: 0 },
  runMs: createHistogram(MS_BOUNDS),
})
