// Removes old jobs, and blobs that no job uses and that were not used for a while. In small steps, like
// the retention of tasks (store/retention.ts), which calls it.

import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Clock } from '../../shared/data/clock.ts'
import { LONG_AGO, later } from '../../shared/data/clock.ts'
import type { JobStore } from '../store/jobs/job-store.ts'
import type { Blobs } from './blobs.ts'

/** Number of sweeps per `blobKeepMs`. */
const SWEEPS = 100

/** The pause between two sweeps, when an unused blob is kept for so long. In milliseconds. */
export const sweepEveryMs = (blobKeepMs: number): number => blobKeepMs / SWEEPS

export function createJobRetention(given: {
  jobStore: Pick<JobStore, 'trim'>
  blobs: Pick<Blobs, 'sweep'>
  clock: Clock
  /** How long an ended job is kept, and an unused blob. In milliseconds. */
  keepMs: number
  blobKeepMs: number
}) {
  const { jobStore, blobs, clock, keepMs, blobKeepMs } = given
  let sweepAt = LONG_AGO

  return {
    /** Removes what is too old now. */
    async run(): Promise<void> {
      while ((await jobStore.trim(later(clock.wall(), -keepMs))) > 0) await nextTurn()
      if (clock.now() < sweepAt) return
      sweepAt = later(clock.now(), sweepEveryMs(blobKeepMs))
      await blobs.sweep(later(clock.wall(), -blobKeepMs))
    },
  }
}
