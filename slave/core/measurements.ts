// What a slave counts for its metrics.

import type { Histogram } from '../../shared/data/histogram.ts'
import { createHistogram, MS_BOUNDS } from '../../shared/data/histogram.ts'
import { ANSWERS } from '../../shared/protocol/wire.ts'

export type SlaveFigures = {
  /** Answers to offers, by answer. */
  answers: Record<string, number>
  /** Attempts that ended, by status. */
  ended: { done: number; failed: number }
  /** Time in an executor, of each attempt. */
  runMs: Histogram
}

export const createSlaveFigures = (): SlaveFigures => ({
  answers: Object.fromEntries(ANSWERS.map((answer) => [answer, 0])),
  ended: { done: 0, failed: 0 },
  runMs: createHistogram(MS_BOUNDS),
})
