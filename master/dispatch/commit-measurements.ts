// How long commits of the store take, and of how many tasks they are: for monitors.

import type { Histogram } from '../../shared/data/histogram.ts'
import { createHistogram, MS_BOUNDS, observe } from '../../shared/data/histogram.ts'

const ROWS_BOUNDS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000] as const

export type CommitMeasurements = { ms: Histogram; tasks: Histogram }

export const createCommitMeasurements = (): CommitMeasurements => ({
  ms: createHistogram(MS_BOUNDS),
  tasks: createHistogram(ROWS_BOUNDS),
})

export function noteCommit(
  { ms, tasks }: CommitMeasurements,
  tookMs: number,
  ofTasks: number,
): void {
  observe(ms, tookMs)
  observe(tasks, ofTasks)
}
