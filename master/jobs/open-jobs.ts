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
import { openJobStores } from '../store/jobs/open.ts'
import type { Store } from '../store/store.ts'
import { createBlobs } from './blobs.ts'
import { createJobs } from './jobs.ts'
import { createJobRetention, sweepEveryMs } from './retention.ts'

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

/** The caller closes `jobs` first, `jobStores` last. */
export async function openJobs(given: Given) {
  const { settings, folder, onBroken, clock } = given
  const jobKinds = await loadJobKinds()
  const file = settings.store === 'memory' ? ':memory:' : join(folder.path, 'jobs.sqlite')
  const blobsFolder = join(folder.path, 'blobs')
  const jobStores = await openJobStores({ path: file, blobsFolder }, onBroken)
  const { jobs: jobStore, blobs: blobIndex } = jobStores
  const blobs = await createBlobs({
    folder: blobsFolder,
    index: blobIndex,
    bytesMax: settings.blobBytesMax,
    arrivalMs: settings.arrivalMs,
    wall: clock.wall,
    freshMs: sweepEveryMs(settings.blobKeepMs),
    isTask: async (id) => (await given.store.get(id)) !== undefined,
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
    blobs,
    loaded: await jobStore.load(),
    slices,
    jobIds: given.ids.after,
    waitLimitMs: settings.waitLimitMs,
    liveJobsMax: settings.liveJobsMax,
    jobBytesMax: settings.jobBytesMax,
    jobsBytesMax: settings.jobsBytesMax,
  })
  const { keepMs, blobKeepMs } = settings
  const retention = createJobRetention({ jobStore, blobs, clock, keepMs, blobKeepMs })
  return { jobKinds, jobStores, blobs, slices, jobs, jobRetention: retention }
}
