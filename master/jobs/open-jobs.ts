// Opens the job store, the blobs and the jobs of a master, for app.ts.

import { join } from 'node:path'
import type { Static } from 'typebox'
import type { Clock } from '../../shared/data/clock.ts'
import type { createIds } from '../../shared/data/ids.ts'
import { loadJobKinds } from '../../shared/kinds/load-kinds.ts'
import type { Logger } from '../../shared/process/log.ts'
import { createSlices } from '../../shared/process/time-slices.ts'
import type { Dispatcher } from '../dispatch/dispatcher.ts'
import type { Outputs } from '../dispatch/output-schemas.ts'
import type { MasterSettings } from '../settings.ts'
import { opened } from '../store/sqlite-open.ts'
import type { Store } from '../store/store.ts'
import { createBlobs } from './blobs.ts'
import { openJobStore } from './job-store.ts'
import { createJobs } from './jobs.ts'

/** Unused blobs are looked for this many times within the time for which they are kept. */
const SWEEPS = 100

type Given = {
  settings: Readonly<Static<typeof MasterSettings>>
  folder: { path: string }
  store: Store
  dispatcher: Dispatcher
  outputs: Outputs
  ids: ReturnType<typeof createIds>
  clock: Clock
  log: Logger
  onBroken: (error: Error) => void
} & Pick<Parameters<typeof createJobs>[0], 'onEvent' | 'onOver'>

/** The caller closes `jobs` first, `jobStore` last. `sweepMs` is how often blobs must be swept. */
export async function openJobs(given: Given) {
  const { settings, folder, onBroken, clock } = given
  const jobKinds = await loadJobKinds()
  const file = settings.store === 'memory' ? ':memory:' : join(folder.path, 'jobs.sqlite')
  const jobStore = opened(file, () => openJobStore(file, onBroken))
  const sweepMs = settings.blobKeepMs / SWEEPS
  const blobs = createBlobs({
    folder: join(folder.path, 'blobs'),
    store: jobStore,
    bytesMax: settings.blobBytesMax,
    arrivalMs: settings.arrivalMs,
    wall: clock.wall,
    freshMs: sweepMs,
    limits: {
      totalBytesMax: settings.blobsBytesMax,
      perClientBytesMax: settings.blobsPerClientBytesMax,
      diskReserveBytes: settings.diskReserveBytes,
    },
  })
  const slices = createSlices(clock)
  const jobs = createJobs({
    ...given,
    kinds: jobKinds,
    jobStore,
    slices,
    jobIds: given.ids.after,
    waitLimitMs: settings.waitLimitMs,
    liveJobsMax: settings.liveJobsMax,
    jobBytesMax: settings.jobBytesMax,
    jobsBytesMax: settings.jobsBytesMax,
  })
  return { jobKinds, jobStore, blobs, slices, jobs, sweepMs }
}
