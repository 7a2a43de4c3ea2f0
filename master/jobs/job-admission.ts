// Accepts jobs: the limits, Idempotency-Keys, and the record that is stored before the client is told.
//
//   submitted --(limits)--> being stored --(durable)--> live
//                    \            \--(full disk)--> refused, nothing is stored
//                     \--> refused

import { randomBytes } from 'node:crypto'
import type { Clock } from '../../shared/data/clock.ts'
import type { Slices } from '../../shared/process/time-slices.ts'
import { Problem } from '../../shared/protocol/problems.ts'
import type { Dispatcher } from '../dispatch/dispatcher.ts'
import type { Inserted, JobRecord, JobStore } from '../store/jobs/job-store.ts'
import { inRow } from '../store/jobs/job-store.ts'
import type { LiveJobs } from './live-jobs.ts'
import { refusedWhenFull } from './store-full.ts'

/** A validated job that a client submits. */
export type NewJob = Pick<
  JobRecord,
  | 'kind'
  | 'parts'
  | 'slots'
  | 'slaves'
  | 'together'
  | 'priority'
  | 'runLimitMs'
  | 'idempotencyKey'
  | 'requestHash'
  | 'client'
  | 'trace'
> & {
  /** JSON text. */
  input: string
  tags: string[]
}

/** What identifies a repeated request. */
export type Keyed = Pick<NewJob, 'idempotencyKey' | 'requestHash'>

export function createAdmission(given: {
  jobStore: JobStore
  dispatcher: Pick<Dispatcher, 'isDraining'>
  live: LiveJobs
  clock: Clock
  slices: Slices
  newId: () => string
  /** How many jobs may be live. */
  liveJobsMax: number
  /** Starts a job that is durable. */
  start: (record: JobRecord) => void
}) {
  const { jobStore, dispatcher, live, clock, slices } = given
  /** Jobs that are being stored: they count as live. */
  let arriving = 0

  return {
    /** The id of the job that this request began before. Throws `key-reused`. */
    async repeated(keyed: Keyed): Promise<string | null> {
      const { idempotencyKey: key } = keyed
      const before = key === null ? undefined : await jobStore.get({ key })
      return before ? sameRequest(keyed, before) : null
    },

    /**
     * Accepts a job: it is durable when this resolves with its id. When the client has another job with
     * the same Idempotency-Key, gives that one. Rejects with `queue-full`, `store-full`, `draining` and
     * `key-reused`.
     */
    async submit(job: NewJob): Promise<{ id: string; isRepeated: boolean }> {
      assertRoom()
      arriving++
      try {
        const { record, inserted } = await slices.run(() => insert(job))
        if (inserted.is === 'repeated') return { id: sameRequest(job, inserted), isRepeated: true }
        given.start(record)
        return { id: record.id, isRepeated: false }
      } finally {
        arriving--
      }
    },
  }

  function assertRoom(): void {
    if (live.isClosed || dispatcher.isDraining) {
      throw new Problem('draining', 'the master is shutting down')
    }
    const count = live.size + arriving
    if (count < given.liveJobsMax) return
    const detail = `${count} jobs have not ended, which is the maximum (--live-jobs-max); try again when some have ended`
    throw new Problem('queue-full', detail)
  }

  /** In one piece: jobs are stored in the order of their ids. */
  async function insert(job: NewJob): Promise<{ record: JobRecord; inserted: Inserted }> {
    const record = newRecord(job)
    return { record, inserted: await refusedWhenFull(jobStore.insert(record, job.input)) }
  }

  function newRecord({ input, ...job }: NewJob): JobRecord {
    return {
      ...job,
      ...inRow(input),
      id: given.newId(),
      tags: JSON.stringify(job.tags),
      ticket: randomBytes(24).toString('base64url'),
      status: 'in progress',
      createdAt: clock.wall(),
      endedAt: null,
      outcome: null,
      outcomeBytes: null,
      stages: null,
    }
  }
}

/** The id of the earlier job. Throws `key-reused` when its request had another body. */
function sameRequest(
  { idempotencyKey, requestHash }: Keyed,
  before: { id: string; requestHash: string | null },
): string {
  if (before.requestHash === requestHash) return before.id
  const detail = `the Idempotency-Key "${idempotencyKey}" was used before with another body`
  throw new Problem('key-reused', detail)
}
