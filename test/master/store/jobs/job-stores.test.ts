// The SQLite driver of the jobs' store and the blob index: in memory, and in a thread of its own.

import { renameSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import t from 'tap'
import { StoreBrokenError } from '../../../../master/store/guard.ts'
import type { JobStores } from '../../../../master/store/jobs/open.ts'
import { openHere, openJobStores } from '../../../../master/store/jobs/open.ts'
import { StoreRefusedError } from '../../../../master/store/sqlite-open.ts'
import { wallTime } from '../../../../shared/data/clock.ts'
import { aJob } from '../records.ts'
import { aDoneEnd, jobStoresContract } from './contract.ts'

jobStoresContract(t, 'in memory', async (t) => {
  const stores = openHere({ path: ':memory:' })
  t.teardown(stores.close)
  return { stores, reopen: async () => stores }
})

jobStoresContract(t, 'a file in its thread', async (t) => {
  const path = join(t.testdir(), 'jobs.sqlite')
  let stores = await open(t, path)
  const reopen = async (): Promise<JobStores> => {
    await stores.close()
    stores = await open(t, path)
    return stores
  }
  return { stores, reopen }
})

/** Opens a file, and closes it in the end. */
async function open(t: Test, path: string, onBroken?: (error: Error) => void) {
  const stores = await openJobStores({ path, blobsFolder: `${path}-blobs` }, onBroken)
  t.teardown(stores.close)
  return stores
}

t.test('a file in its thread does not open twice, and says why', async (t) => {
  const path = join(t.testdir(), 'jobs.sqlite')
  await open(t, path)
  const broken: Error[] = []
  const error = await t.rejects(open(t, path, (error) => broken.push(error)))
  t.ok(error instanceof StoreRefusedError, String(error))
  t.match((error as Error).message, /jobs.sqlite is in use by another master/)
  t.same(broken, [], 'what does not open does not break')
})

t.test('a file that is no database is refused, and stays as it is', async (t) => {
  const path = join(t.testdir({ 'jobs.sqlite': 'no database\n'.repeat(500) }), 'jobs.sqlite')
  const error = await t.rejects(open(t, path))
  t.ok(error instanceof StoreRefusedError, String(error))
  t.match((error as Error).message, /jobs.sqlite is damaged/)
  t.equal(statSync(path).size, 6_000)
})

for (const [what, remove] of [
  ['the file is removed', (path: string) => rmSync(path)],
  ['its log is removed', (path: string) => rmSync(`${path}-wal`)],
  [
    'the folder of the blobs is renamed',
    (path: string) => renameSync(`${path}-blobs`, `${path}-x`),
  ],
] as const) {
  t.test(`${what} while it is open: that is told, and every call fails`, async (t) => {
    const path = join(t.testdir(), 'jobs.sqlite')
    const broken = Promise.withResolvers<Error>()
    const { jobs } = await open(t, path, broken.resolve)
    await jobs.insert(aJob(), '{}')
    remove(path)
    const error = await broken.promise
    t.ok(error instanceof StoreBrokenError)
    t.match(error.message, /was removed or renamed while the master ran/)
    await t.rejects(jobs.insert(aJob(), '{}'), StoreBrokenError)
    await t.rejects(jobs.load(), StoreBrokenError)
  })
}

t.test('calls after the close are refused, and those before it are answered', async (t) => {
  const stores = await open(t, join(t.testdir(), 'jobs.sqlite'))
  const inserted = stores.jobs.insert(aJob(), '{}')
  const closed = stores.close()
  await t.rejects(stores.jobs.load(), /the store is closed/)
  t.same(await inserted, { is: 'new' })
  await closed
  await stores.close()
})

t.test('a write that waits for its turn does not hold up this thread', async (t) => {
  const { jobs } = await open(t, join(t.testdir(), 'jobs.sqlite'))
  const input = JSON.stringify('x'.repeat(4 << 20))
  const order: string[] = []
  const inserted = jobs.insert(aJob({ input: null }), input).then(() => order.push('durable'))
  setImmediate(() => order.push('turn'))
  await inserted
  t.same(order, ['turn', 'durable'])
})

t.test('what removed jobs took is given back to the disk, the log included', async (t) => {
  const path = join(t.testdir(), 'jobs.sqlite')
  const { jobs } = await open(t, path)
  const input = JSON.stringify('x'.repeat(2e6))
  for (let i = 0; i < 6; i++) {
    const job = aJob({ input: null, inputBytes: input.length })
    await jobs.insert(job, input)
    const ended = { status: 'done', endedAt: wallTime(1), outcome: '1', stages: null } as const
    await jobs.end({ id: job.id, ...ended, parts: '[]' })
  }
  const bytes = (end = '') => statSync(`${path}${end}`).size
  t.ok(bytes() + bytes('-wal') > 12e6, 'at the peak')
  while ((await jobs.trim(wallTime(2))) > 0);
  const deadline = performance.now() + 60_000
  while (bytes() > 2e6 || bytes('-wal') > 0) {
    if (performance.now() > deadline) throw new Error(`${bytes()} bytes, log ${bytes('-wal')}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  t.same(await jobs.list({ limit: 10, client: null }), [])
})

t.test('removes an old job that stands behind many younger ones', async (t) => {
  const { jobs, close } = openHere({ path: ':memory:' })
  t.teardown(close)
  for (let i = 0; i < 502; i++) {
    const job = aJob()
    await jobs.insert(job, '{}')
    await jobs.end({ id: job.id, ...aDoneEnd(i < 501 ? 9_000 : 100) })
  }
  const removed: number[] = []
  for (let step = 0; step < 4; step++) removed.push(await jobs.trim(wallTime(250)))
  t.same(removed, [0, 1, 0, 0])
})

t.test('gives the unused blobs in pages, in the order of their names', async (t) => {
  const { blobs, close } = openHere({ path: ':memory:' })
  t.teardown(close)
  const names = Array.from({ length: 1_200 }, (_, i) => i.toString(16).padStart(64, '0'))
  for (const sha256 of names) {
    await blobs.put({ sha256, bytes: 1, type: 'text/plain' }, null, wallTime(1))
  }
  const found: string[] = []
  for (let page = await blobs.unused(wallTime(2), ''); page.length > 0; ) {
    t.ok(page.length < names.length)
    found.push(...page)
    page = await blobs.unused(wallTime(2), page.at(-1) ?? '')
  }
  t.same(found, names)
})
