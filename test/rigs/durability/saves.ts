// A program that saves one thing and then says so on its standard output, to be run under strace:
//   node saves.ts job|end|blob|outcome|key FOLDER

import { mkdirSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { createBlobs } from '../../../master/jobs/blobs.ts'
import type { JobRecord } from '../../../master/jobs/job-store.ts'
import { openJobStore } from '../../../master/jobs/job-store.ts'
import { openIdentities } from '../../../master/security/identities/store.ts'
import { wallTime } from '../../../shared/data/clock.ts'
import { openOutboxDisk } from '../../../slave/link/outbox-disk.ts'
import { aJob } from '../../master/store/records.ts'

const [what = '', folder = ''] = process.argv.slice(2)
const say = (word: string): void => void writeSync(1, `${word}\n`)

const PROGRAMS: Record<string, () => unknown> = {
  job: () => {
    const store = openJobStore(join(folder, 'jobs.sqlite'))
    say('begins')
    store.insert(aJob(), '{}')
  },
  end: () => {
    const store = openJobStore(join(folder, 'jobs.sqlite'))
    const job: JobRecord = aJob()
    store.insert(job, '{}')
    say('begins')
    const end = { id: job.id, status: 'done', endedAt: wallTime(9), stages: '[]' } as const
    store.end({ ...end, outcome: '{"result":1}', parts: '[]' })
  },
  blob: async () => {
    const blobs = createBlobs({
      folder: join(folder, 'blobs'),
      store: openJobStore(join(folder, 'jobs.sqlite')),
      bytesMax: 1e6,
      arrivalMs: 60_000,
      wall: () => wallTime(1),
      limits: { totalBytesMax: 1e9, perClientBytesMax: 1e9, diskReserveBytes: 0 },
    })
    say('begins')
    await blobs.put(Readable.from([Buffer.from('a blob')]))
  },
  outcome: () => {
    const disk = openOutboxDisk(folder)
    say('begins')
    disk.keep([{ attempt: 'a', task: 't', outcome: { status: 'done', result: 1 }, ranMs: 1 }])
  },
  key: () => {
    mkdirSync(folder)
    const identities = openIdentities(join(folder, 'identities.sqlite'))
    say('begins')
    identities.createKey({ scopes: ['submit'] })
  },
}

await PROGRAMS[what]?.()
say('saved')
process.exit(0)
