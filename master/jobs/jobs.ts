// Jobs: requests that the master splits into tasks and combines. This file joins the parts: admission
// (admission.ts), the live jobs (live-jobs.ts) and their runs (job-runs.ts), how they end (job-ends.ts),
// and what a start of the master takes up again (resume.ts).

import type { Clock } from '../../shared/data/clock.ts'
import type { IdsAfter } from '../../shared/data/ids.ts'
import type { JobKind } from '../../shared/kinds/job-kind.ts'
import type { Logger } from '../../shared/process/log.ts'
import type { Slices } from '../../shared/process/time-slices.ts'
import { Problem } from '../../shared/protocol/problems.ts'
import type { JobEvent } from '../core/events.ts'
import type { Job } from '../core/job.ts'
import type { Dispatcher } from '../dispatch/dispatcher.ts'
import type { Outputs } from '../dispatch/output-schemas.ts'
import type { JobRecord, JobStore } from '../store/jobs/job-store.ts'
import type { Store } from '../store/store.ts'
import type { Blobs } from './blobs.ts'
import { createAdmission } from './job-admission.ts'
import { createJobEnds } from './job-ends.ts'
import { createJobMemory } from './job-memory.ts'
import { createPartTasks } from './job-parts.ts'
import { createJobRuns } from './job-runs.ts'
import { createLiveJobs } from './live-jobs.ts'
import { resumeJobs } from './resume.ts'
import { refusedWhenFull } from './store-full.ts'

export type Jobs = ReturnType<typeof createJobs>

export function createJobs(given: {
  kinds: ReadonlyMap<string, JobKind>
  jobStore: JobStore
  blobs: Pick<Blobs, 'refer'>
  /** What the job store had when it was opened. */
  loaded: Awaited<ReturnType<JobStore['load']>>
  store: Store
  dispatcher: Dispatcher
  outputs: Outputs
  clock: Clock
  slices: Slices
  jobIds: IdsAfter
  waitLimitMs: number
  /** How many jobs may be live. */
  liveJobsMax: number
  /** What the results of the parts of one job may have together, and what all jobs may hold. */
  jobBytesMax: number
  jobsBytesMax: number
  log: Logger
  /** The store cannot be trusted any more: stop the process. */
  onBroken: (error: Error) => void
  /** Receives every job that has ended. */
  onOver?: (job: JobRecord) => void
  /** Receives every step of a job. Must be quick. */
  onEvent: (event: JobEvent) => void
}) {
  const { kinds, jobStore, dispatcher, clock, loaded } = given
  const live = createLiveJobs(clock)
  const room = createJobMemory(given.jobsBytesMax)
  const tell = (record: JobRecord, job: Job | null): void =>
    given.onEvent({ type: 'job', at: clock.wall(), ...progressOf(record, job) })
  const onEnd = (record: JobRecord, job: Job | null): void => {
    given.onOver?.(record)
    tell(record, job)
  }
  const ends = createJobEnds({ ...given, live, room, onEnd })
  const partTasks = createPartTasks({ ...given, room })
  const runs = createJobRuns({ ...given, live, room, ends, partTasks, onStep: tell })
  const newId = given.jobIds(loaded.newestId)
  const admission = createAdmission({ ...given, live, newId, start })

  return {
    repeated: admission.repeated,
    submit: admission.submit,
    wait: live.wait,
    isLive: live.has,

    /** Continues the jobs that had not ended, and cancels what is left of those that had. */
    resume: () => resumeJobs({ jobStore, dispatcher, loaded, live, start }),

    /** A job, and its state when it has not ended. Throws `no-such-job`. */
    async get(id: string): Promise<{ record: JobRecord; job: Job | null }> {
      const running = live.get(id)
      if (running) return running
      const record = await jobStore.get({ id })
      if (!record) throw new Problem('no-such-job', `there is no job ${id.slice(0, 64)}`)
      return { record, job: null }
    },

    /** The state of a job that has not ended; null of any other, and while it waits for memory. */
    stateOf: (id: string): Job | null => live.get(id)?.job ?? null,

    /**
     * Ends a job and cancels its parts. False when it has ended already. Throws `store-full`: then it
     * goes on.
     */
    async cancel(id: string): Promise<boolean> {
      const running = live.get(id)
      return running !== undefined && refusedWhenFull(ends.end(running, 'cancelled', null))
    },

    /** Answers the requests that wait; nothing further is started. The jobs go on with the next start. */
    close: live.close,
  }

  function start(record: JobRecord): void {
    const running = live.add(record)
    const kind = kinds.get(record.kind)
    if (kind) runs.start(running, kind)
    else {
      const failure = { type: 'unknown-kind', message: record.kind }
      void ends.conclude(running, 'failed', { failure })
    }
  }
}

function progressOf({ id, kind, status }: JobRecord, job: Job | null) {
  const stage = job?.stages.at(-1)
  const total = stage?.parts.length ?? 0
  const done = total - (stage?.left.size ?? 0)
  return { job: id, kind, status, stage: stage?.name ?? null, done, total }
}
