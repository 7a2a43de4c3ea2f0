// Jobs as a client of a master submits and reads them.

import { randomUUID } from 'node:crypto'
import type { NamedJob } from '../protocol/api/job-body.ts'
import type * as api from '../protocol/api/jobs.ts'
import type { Parts, PartsFilter } from '../protocol/api/jobs.ts'
import type { Connection, Manners } from './connection.ts'
import { queryOf } from './connection.ts'
import type { Bytes } from './files.ts'
import { bytesAt } from './files.ts'
import type { JobKinds } from './kinds.ts'
import type { About, Done, Failed } from './outcome.ts'
import type { SubmitManners, WaitManners } from './tasks.ts'
import { cancelledBy, untilEnded } from './tasks.ts'

/** Options as in `POST /jobs`. */
export type JobRequest<K extends string = string> = Omit<NamedJob, 'kind' | 'input'> & {
  kind: K
  input: K extends keyof JobKinds ? JobKinds[K]['input'] : unknown
}

type JobResultOf<K extends string> = K extends keyof JobKinds ? JobKinds[K]['result'] : unknown

type Outcome<R> = (Done<R> & Pick<api.Job, 'file'>) | Failed<api.Job> | { status: 'cancelled' }
/** Where fields are `omitted`, a result may be undefined. */
export type Job<R = unknown> = About<api.Job> & ({ status: 'in progress' } | Outcome<R>)

export function createJobs(connection: Connection) {
  const { json } = connection
  const at = (id: string): string => `/jobs/${encodeURIComponent(id)}`
  const getJob = async <R = unknown>(id: string, manners: Manners & { waitMs?: number } = {}) =>
    (await json<Job<R>>({ method: 'GET', path: at(id), ...manners })).value

  return {
    getJob,

    /** Begins a job: the master splits it into parts and hands them out. */
    async submitJob<K extends string>(
      request: JobRequest<K>,
      { idempotencyKey = randomUUID(), ...manners }: SubmitManners = {},
    ): Promise<Job<JobResultOf<K>>> {
      const headers = { 'idempotency-key': idempotencyKey }
      const said = { method: 'POST', path: '/jobs', headers, json: request } as const
      return (await json<Job<JobResultOf<K>>>({ ...said, repeatable: true, ...manners })).value
    },

    /** Waits until a job has ended. Of one that has not within `timeoutMs`: as it stands. */
    waitJob: <R = unknown>(job: string | Job<R>, manners: WaitManners = {}): Promise<Job<R>> =>
      untilEnded(job, getJob<R>, manners),

    /** One page of the jobs, newest first. */
    async listJobs({ limit = 100, cursor }: { limit?: number; cursor?: string } = {}) {
      const path = `/jobs${queryOf({ limit, cursor })}`
      return (await json<{ jobs: Job[]; next: string | null }>({ method: 'GET', path })).value
    },

    /** Its parts, stage by stage. */
    async jobParts(id: string, { stage, offset = 0, limit = 1000 }: PartsFilter = {}) {
      const path = `${at(id)}/parts${queryOf({ offset, limit, stage })}`
      return (await json<Parts>({ method: 'GET', path })).value
    },

    /** The result by itself: a file as what it is, anything else as JSON. */
    jobResult: (id: string, manners: Manners = {}): Promise<Bytes> =>
      bytesAt(connection, `${at(id)}/result`, manners),

    /** Ends a job, and whatever runs of it. Throws the problem `already-ended`. */
    async cancelJob(id: string, manners: Manners = {}): Promise<Job> {
      const cancelled = json<Job>({ method: 'DELETE', path: at(id), ...manners })
      return cancelledBy(cancelled, () => getJob(id, manners))
    },
  }
}
