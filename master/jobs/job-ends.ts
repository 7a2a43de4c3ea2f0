// The ends of jobs: written first, then told. While an end is being written the job takes no step; when
// the disk is full, a cancelled job goes on, and any other end is written again until it succeeds.
//
//   live --end--> being written --(durable)--> ended: told, waiting requests answered, its memory freed
//    ^                  |
//    +---(disk full)----+

import type { Clock } from '../../shared/data/clock.ts'
import { pause } from '../../shared/data/clock.ts'
import type { Logger } from '../../shared/process/log.ts'
import type { Job } from '../core/job.ts'
import type { Dispatcher } from '../dispatch/dispatcher.ts'
import type { JobOutcome, JobRecord, JobStatus, JobStore } from '../store/jobs/job-store.ts'
import { StoreFullError } from '../store/store.ts'
import { endJson } from '../views/job-json.ts'
import type { JobMemory } from './job-memory.ts'
import type { LiveJob, LiveJobs } from './live-jobs.ts'
import { AGAIN_MS } from './store-full.ts'

export type JobEnds = ReturnType<typeof createJobEnds>

export function createJobEnds(given: {
  jobStore: Pick<JobStore, 'end'>
  dispatcher: Pick<Dispatcher, 'cancel'>
  live: LiveJobs
  room: Pick<JobMemory, 'leave'>
  clock: Clock
  log: Logger
  /** The job has ended, and that is durable. */
  onEnd: (record: JobRecord, job: Job | null) => void
  /** The store cannot be trusted any more: stop the process. */
  onBroken: (error: Error) => void
}) {
  const { jobStore, live, room, clock, log } = given
  return { end, conclude }

  /**
   * Ends a job, then cancels its parts. Resolves with false when it has ended already. Rejects when that
   * cannot be written: then the job is live still.
   */
  async function end(
    running: LiveJob,
    status: JobStatus,
    outcome: JobOutcome | null,
  ): Promise<boolean> {
    while (running.ending) await running.ending.catch(() => {})
    const { record, job } = running
    if (!live.has(record.id)) return false
    const endedAt = clock.wall()
    const ended = { status, endedAt, outcome: outcome && JSON.stringify(outcome) }
    running.ending = jobStore.end({ id: record.id, ...ended, ...endJson(job, endedAt) })
    try {
      await running.ending
    } finally {
      running.ending = null
    }
    running.job?.stop()
    Object.assign(record, ended)
    room.leave(record.id)
    live.remove(running)
    given.onEnd(record, running.job)
    await cancelParts(running.job)
    return true
  }

  async function cancelParts(job: Job | null): Promise<void> {
    const tasks = [...(job?.running ?? [])].flatMap(({ task }) => task ?? [])
    await Promise.all(tasks.map((task) => given.dispatcher.cancel(task)))
  }

  /** Ends a job; retries after a pause while the disk is full. */
  async function conclude(
    running: LiveJob,
    status: JobStatus,
    outcome: JobOutcome | null,
  ): Promise<void> {
    while (!live.isClosed) {
      try {
        await end(running, status, outcome)
        return
      } catch (error) {
        if (live.isClosed) return
        if (!(error instanceof StoreFullError)) return given.onBroken(error as Error)
        const about = { job: running.record.id }
        log.error(about, 'the disk is full: the end of the job is not saved yet')
        await pause(clock, AGAIN_MS)
      }
    }
  }
}
