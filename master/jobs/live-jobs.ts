// The jobs that have not ended, and the requests that wait for their ends.

import type { Clock } from '../../shared/data/clock.ts'
import { later } from '../../shared/data/clock.ts'
import type { Job } from '../core/job.ts'
import type { JobRecord } from '../store/jobs/job-store.ts'

export type LiveJob = {
  record: JobRecord
  /** Null until there is room in memory for it. */
  job: Job | null
  /** Its end is being written: until that has succeeded or failed, the job takes no step. */
  ending: Promise<void> | null
  waiting: Set<() => void>
}

export type LiveJobs = ReturnType<typeof createLiveJobs>

export function createLiveJobs(clock: Clock) {
  const live = new Map<string, LiveJob>()
  let closed = false

  return {
    get size() {
      return live.size
    },
    /** The master stops: no job takes a further step. They go on with the next start. */
    get isClosed() {
      return closed
    },
    get: (id: string): LiveJob | undefined => live.get(id),
    has: (id: string): boolean => live.has(id),

    add(record: JobRecord): LiveJob {
      const running: LiveJob = { record, job: null, ending: null, waiting: new Set() }
      live.set(record.id, running)
      return running
    },

    /** The job has ended. */
    remove({ record, waiting }: LiveJob): void {
      live.delete(record.id)
      for (const wake of waiting) wake()
    },

    /** Resolves when the job has ended, after `waitMs`, when `gone` aborts, or when the master stops. */
    wait(id: string, waitMs: number, gone?: AbortSignal): Promise<void> {
      const waiting = live.get(id)?.waiting
      if (!waiting || closed || waitMs <= 0 || gone?.aborted) return Promise.resolve()
      return new Promise((resolve) => {
        const callOff = clock.at(later(clock.now(), waitMs), wake)
        waiting.add(wake)
        gone?.addEventListener('abort', wake, { once: true })
        function wake(): void {
          callOff()
          gone?.removeEventListener('abort', wake)
          waiting?.delete(wake)
          resolve()
        }
      })
    },

    close(): void {
      closed = true
      for (const { waiting } of live.values()) for (const wake of waiting) wake()
    },
  }
}
