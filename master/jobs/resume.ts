// What a start of the master takes up again: the jobs that had not ended go on, and tasks of jobs that
// had ended are cancelled (the process may have ended between the two).

import { isPartOf } from '../core/part-names.ts'
import type { Dispatcher } from '../dispatch/dispatcher.ts'
import type { JobRecord, JobStore } from '../store/jobs/job-store.ts'
import type { LiveJobs } from './live-jobs.ts'

export async function resumeJobs(given: {
  jobStore: Pick<JobStore, 'get'>
  dispatcher: Pick<Dispatcher, 'partsLoaded' | 'cancel'>
  /** The jobs that had not ended. */
  loaded: { live: readonly JobRecord[] }
  live: Pick<LiveJobs, 'get'>
  start: (record: JobRecord) => void
}): Promise<void> {
  const { jobStore, dispatcher, loaded, live } = given
  for (const record of loaded.live) given.start(record)
  const ended = new Map<string, JobRecord | undefined>()
  for (const part of dispatcher.partsLoaded) {
    const { job: id } = part
    // A job that ends with this start, such as one of an unknown kind, is no longer in progress below.
    const running = live.get(id)
    if (running && !running.ending) continue
    if (!ended.has(id)) ended.set(id, await jobStore.get({ id }))
    const record = ended.get(id)
    if (record && record.status !== 'in progress' && isPartOf(record.ticket, part))
      void dispatcher.cancel(part.task)
  }
}
