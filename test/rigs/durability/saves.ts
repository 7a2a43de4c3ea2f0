// A program that saves one thing and then says so on its standard output, to be run under strace:
//   node saves.ts job|end|blob|outcome|key FOLDER

import { mkdirSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { createBlobs } from '../../../master/jobs/blobs.ts'
import { openIdentities } from '../../../master/security/identities/identities.ts'
import { openSqliteIdentities } from '../../../master/security/identities/sqlite-identities.ts'
import { openJobStores } from '../../../master/store/jobs/open.ts'
import { wallTime } from '../../../shared/data/clock.ts'
import { openOutboxDisk } from '../../../slave/link/outbox-disk.ts'
import { aJob } from '../../master/store/records.ts'

const [what = '', folder = ''] = process.argv.slice(2)
const say = (word: string): void => void writeSync(1, `${word}\n`)

const openStores = () => openJobStores({ path: join(folder, 'jobs.sqlite') })

const PROGRAMS: Record<string, () => unknown> = {
  job: async () => {
    const { jobs } = await openStores()
    say('begins')
    await jobs.insert(aJob(), '{}')
  },
  end: async () => {
    const { jobs } = await openStores()
    const job = aJob()
    await jobs.insert(job, '{}')
    say('begins')
    const end = { id: job.id, status: 'done', endedAt: wallTime(9), stages: '[]' } as const
    await jobs.end({ ...end, outcome: '{"result":1}', parts: '[]' })
  },
  blob: async () => {
    const blobs = await createBlobs({
      folder: join(folder, 'blobs'),
      index: (await openStores()).blobs,
      bytesMax: 1e6,
      arrivalMs: 60_000,
      wall: () => wallTime(1),
      limits: { totalBytesMax: 1e9, perClientBytesMax: 1e9, diskReserveBytes: 0 },
    })
    say('begins')
    await blobs.put(Readable.from([Buffer.from('a blob')]))
  },
  outcome: async () => {
    const store = await openOutboxDisk(folder)
    say('begins')
    await store.keep([
      { attempt: 'a', task: 't', outcome: { status: 'done', result: 1 }, ranMs: 1 },
    ])
  },
  key: async () => {
    mkdirSync(folder)
    const store = openSqliteIdentities(join(folder, 'identities.sqlite'))
    const identities = await openIdentities(store)
    say('begins')
    await identities.createKey({ scopes: ['submit'] })
  },
}

await PROGRAMS[what]?.()
say('saved')
process.exit(0)
