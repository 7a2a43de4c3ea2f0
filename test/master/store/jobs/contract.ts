// What every driver of the jobs' store and the blob index must do; each driver's test runs it.

import type { Test } from 'tap'
import type { JobEnd, JobRecord } from '../../../../master/store/jobs/job-store.ts'
import { LISTED_BYTES_MAX } from '../../../../master/store/jobs/job-store.ts'
import type { JobStores } from '../../../../master/store/jobs/open.ts'
import { wallTime } from '../../../../shared/data/clock.ts'
import { aJob } from '../records.ts'

export type Opened = {
  stores: JobStores
  /** Closes the stores and opens them again on what they kept. */
  reopen: () => Promise<JobStores>
}

/** Makes empty stores; the driver's test registers their teardown. */
export type Open = (t: Test) => Promise<Opened>

export function jobStoresContract(t: Test, name: string, open: Open): void {
  void t.test(`${name}: jobs`, async (t) => jobs(t, open))
  void t.test(`${name}: ends of jobs`, async (t) => ends(t, open))
  void t.test(`${name}: blobs`, async (t) => blobs(t, open))
  void t.test(`${name}: which job uses which blob`, async (t) => uses(t, open))
}

const LONG = JSON.stringify('x'.repeat(LISTED_BYTES_MAX))
const [A, B, C] = ['a', 'b', 'c'].map((letter) => letter.repeat(64)) as [string, string, string]
const idOf = ({ id }: { id: string }): string => id

async function jobs(t: Test, open: Open): Promise<void> {
  await t.test('keeps each column of a job over a restart', async (t) => {
    const { stores, reopen } = await open(t)
    const columns: Partial<JobRecord> = {
      kind: 'word-count',
      input: '{"text":"a"}',
      inputBytes: 12,
      parts: 3,
      slots: 5,
      slaves: 6,
      together: 0,
      priority: -7,
      runLimitMs: 8,
      tags: '["a"]',
      ticket: 'another',
      trace: 'trace',
      idempotencyKey: 'key',
      requestHash: 'hash',
      client: 'alice',
      createdAt: wallTime(9),
    }
    const all = Object.entries(columns).map(([column, value]) => aJob({ [column]: value }))
    for (const job of all) {
      t.same(await stores.jobs.insert(job, job.input ?? ''), { is: 'new' })
    }
    const { jobs } = await reopen()
    for (const job of all) t.strictSame({ ...(await jobs.get({ id: job.id })) }, job)
    const { live, newestId } = await jobs.load()
    t.strictSame(
      live.map((job) => ({ ...job })),
      all,
      'oldest first',
    )
    t.equal(newestId, all.at(-1)?.id)
    t.equal((await jobs.get({ key: 'key' }))?.idempotencyKey, 'key')
    t.equal(await jobs.get({ id: 'none' }), undefined)
    t.equal(await jobs.get({ key: 'none' }), undefined)
  })

  await t.test('has no newest job while it is empty', async (t) => {
    const { stores } = await open(t)
    t.same(await stores.jobs.load(), { live: [], newestId: null })
  })

  await t.test('stores one job for an Idempotency-Key, and names it to the next', async (t) => {
    const { stores } = await open(t)
    const { jobs } = stores
    const [first, second] = [1, 2].map((n) =>
      aJob({ idempotencyKey: 'key', requestHash: `hash ${n}` }),
    ) as [JobRecord, JobRecord]
    const inserted = await Promise.all([
      jobs.insert(first, LONG),
      jobs.insert({ ...second, input: null }, LONG),
    ])
    t.same(inserted, [{ is: 'new' }, { is: 'repeated', id: first.id, requestHash: 'hash 1' }])
    t.equal(await jobs.get({ id: second.id }), undefined)
    t.equal(await jobs.text(second.id, 'input'), null, 'nothing of it is stored')
  })

  await t.test('reads a long input by itself, not with its job', async (t) => {
    const { stores, reopen } = await open(t)
    const input = JSON.stringify('\u{1F600}x'.repeat(1 << 18))
    const job = aJob({ input: null, inputBytes: Buffer.byteLength(input) })
    await stores.jobs.insert(job, input)
    const { jobs } = await reopen()
    t.strictSame({ ...(await jobs.get({ id: job.id })) }, job)
    t.equal(await jobs.text(job.id, 'input'), input)
    t.equal(await jobs.text(job.id, 'outcome'), null)
  })

  await t.test('lists the newest first, of all clients or of one', async (t) => {
    const { stores } = await open(t)
    const { jobs } = stores
    const all = ['a', 'b', 'a', 'a'].map((client) => aJob({ client }))
    for (const job of all) await jobs.insert(job, '{}')
    const ids = all.map(idOf).toReversed()
    const list = async (query: Parameters<typeof jobs.list>[0]) =>
      (await jobs.list(query)).map(idOf)
    t.same(await list({ limit: 3, client: null }), ids.slice(0, 3))
    t.same(await list({ limit: 3, client: null, before: ids[2] as string }), ids.slice(3))
    t.same(await list({ limit: 2, client: 'a' }), [ids[0], ids[1]])
    t.same(await list({ limit: 2, client: 'b' }), [ids[2]])
  })

  await t.test('reads what was written before, also when both are under way', async (t) => {
    const { stores } = await open(t)
    const { jobs } = stores
    const job = aJob()
    const [, found] = await Promise.all([jobs.insert(job, '{}'), jobs.get({ id: job.id })])
    t.equal(found?.id, job.id)
  })
}

async function ends(t: Test, open: Open): Promise<void> {
  await t.test('keeps each column of the end of a job, once', async (t) => {
    const { stores, reopen } = await open(t)
    const ends: Omit<JobEnd, 'id'>[] = [
      {
        status: 'done',
        endedAt: wallTime(11),
        outcome: '{"result":1}',
        stages: '[1]',
        parts: '[[1]]',
      },
      { status: 'failed', endedAt: wallTime(12), outcome: LONG, stages: '[2]', parts: '[[2]]' },
      { status: 'cancelled', endedAt: wallTime(13), outcome: null, stages: null, parts: '[]' },
    ]
    const ended = ends.map((end) => ({ job: aJob(), end }))
    for (const { job, end } of ended) {
      await stores.jobs.insert(job, '{}')
      await stores.jobs.end({ id: job.id, ...end })
      for (const other of ends) await stores.jobs.end({ id: job.id, ...other })
    }
    const { jobs } = await reopen()
    for (const { job, end } of ended) {
      const { parts, ...row } = end
      const outcomeBytes = end.outcome === null ? null : Buffer.byteLength(end.outcome)
      const outcome = end.outcome === LONG ? null : end.outcome
      t.strictSame(
        { ...(await jobs.get({ id: job.id })) },
        { ...job, ...row, outcome, outcomeBytes },
      )
      t.equal(await jobs.text(job.id, 'outcome'), end.outcome)
      t.equal(await jobs.text(job.id, 'parts'), parts)
    }
    t.same((await jobs.load()).live, [])
  })

  await t.test('removes jobs that ended before a time with their texts, no others', async (t) => {
    const { stores } = await open(t)
    const { jobs } = stores
    const [old, recent, live] = [aJob(), aJob(), aJob()]
    for (const job of [old, recent, live]) await jobs.insert({ ...job, input: null }, LONG)
    await jobs.end({ id: old.id, ...aDoneEnd(10) })
    await jobs.end({ id: recent.id, ...aDoneEnd(20) })
    t.equal(await jobs.trim(wallTime(20)), 1)
    t.equal(await jobs.get({ id: old.id }), undefined)
    t.equal(await jobs.text(old.id, 'parts'), null)
    t.equal(await jobs.text(old.id, 'input'), null)
    t.ok((await jobs.get({ id: recent.id })) && (await jobs.get({ id: live.id })))
    t.equal(await jobs.text(live.id, 'input'), LONG)
  })
}

async function blobs(t: Test, open: Open): Promise<void> {
  await t.test('keeps what is known of a blob, and who brought it, over a restart', async (t) => {
    const { stores, reopen } = await open(t)
    const [a, b] = [
      { sha256: A, bytes: 10, type: 'text/plain' },
      { sha256: B, bytes: 20, type: 'image/png' },
    ]
    const put = stores.blobs.put
    t.same(await put(a, 'alice', wallTime(100)), { isNew: true, isNewToClient: true })
    t.same(await put(a, 'alice', wallTime(100)), { isNew: false, isNewToClient: false })
    t.same(await put(a, 'bob', wallTime(100)), { isNew: false, isNewToClient: true })
    t.same(await put(b, null, wallTime(200)), { isNew: true, isNewToClient: false })
    const { blobs } = await reopen()
    t.same(await blobs.use(A, wallTime(100), 0, null), a)
    t.same(await blobs.use(B, wallTime(200), 0, null), b)
    t.equal(await blobs.use(C, wallTime(200), 0, null), undefined)
    t.same(await blobs.use(A, wallTime(100), 0, 'bob'), a, 'of a client that brought it')
    t.equal(await blobs.use(B, wallTime(200), 0, 'bob'), undefined, 'it is not of this client')
    const byClient = new Map([
      ['alice', 10],
      ['bob', 10],
    ])
    t.same(await blobs.usage(), { bytes: 30, byClient })
    t.same(await blobs.drop(A, wallTime(101)), { bytes: 10, clients: ['alice', 'bob'] })
    t.same(await blobs.usage(), { bytes: 20, byClient: new Map() })
  })

  await t.test("a task uses blobs until it is released, and they are its client's", async (t) => {
    const { stores, reopen } = await open(t)
    const put = (sha256: string) =>
      stores.blobs.put({ sha256, bytes: 10, type: 'text/plain' }, null, wallTime(100))
    await put(A)
    await put(B)
    const bob = { client: 'bob', bytes: 20 }
    t.same(await stores.blobs.referTask('t1', 'bob', [A, B, C]), bob, 'C is not there')
    t.same(await stores.blobs.referTask('t2', 'bob', [A]), { client: 'bob', bytes: 0 })
    t.equal(await stores.blobs.referTask('t3', null, [B]), null)
    const { blobs } = await reopen()
    t.same(await blobs.usage(), { bytes: 20, byClient: new Map([['bob', 20]]) })
    t.ok(await blobs.use(A, wallTime(100), 0, 'bob'))
    t.same(await blobs.tasksOf(A), ['t2', 't1'])
    await blobs.release(A, ['t2', 't1'])
    t.same(await blobs.tasksOf(A), [])
    t.same(await blobs.tasksOf(B), ['t3', 't1'])
    t.same(await blobs.drop(B, wallTime(101)), { bytes: 10, clients: ['bob'] })
    t.same(await blobs.tasksOf(B), [])
  })

  await t.test('a blob that was used counts from then, but for uses within a moment', async (t) => {
    const { stores } = await open(t)
    const { blobs } = stores
    const put = (sha256: string) =>
      blobs.put({ sha256, bytes: 1, type: 'text/plain' }, null, wallTime(100))
    await put(A)
    await put(B)
    await blobs.use(A, wallTime(300), 200, null)
    await blobs.use(B, wallTime(299), 200, null)
    t.same(await blobs.unused(wallTime(300), ''), [B])
    t.equal(await blobs.drop(A, wallTime(300)), undefined, 'it was used since')
    t.same(await blobs.drop(B, wallTime(300)), { bytes: 1, clients: [] })
    t.equal(await blobs.drop(B, wallTime(300)), undefined, 'it is gone')
    await put(A)
    t.same(await blobs.unused(wallTime(300), ''), [A], 'brought again')
  })
}

async function uses(t: Test, open: Open): Promise<void> {
  /** Stores with three old blobs. */
  const withBlobs = async (t: Test) => {
    const opened = await open(t)
    for (const sha256 of [A, B, C]) {
      await opened.stores.blobs.put({ sha256, bytes: 1, type: 'text/plain' }, null, wallTime(1))
    }
    return { ...opened, unused: (stores: JobStores) => stores.blobs.unused(wallTime(2), '') }
  }

  await t.test('a blob that an input names is used until its job is removed', async (t) => {
    const { stores, reopen, unused } = await withBlobs(t)
    const [short, long] = [aJob({ input: null }), aJob({ input: `{"blob":"${B}"}` })]
    await stores.jobs.insert(short, JSON.stringify({ text: LONG, blob: A, no: `x${C}` }))
    await stores.jobs.insert(long, long.input ?? '')
    const again = await reopen()
    t.same(await unused(again), [C])
    t.equal(await again.blobs.drop(A, wallTime(2)), undefined)
    for (const { id } of [short, long]) await again.jobs.end({ id, ...aDoneEnd(1) })
    t.same(await unused(again), [C])
    await again.jobs.trim(wallTime(2))
    t.same(await unused(again), [A, B, C])
  })

  await t.test('a blob that an outcome names is used until its job is removed', async (t) => {
    const { stores, reopen, unused } = await withBlobs(t)
    const [short, long] = [aJob(), aJob()]
    for (const job of [short, long]) await stores.jobs.insert(job, '{}')
    const files = (sha256: string, text = '') => JSON.stringify({ file: { blobs: [sha256] }, text })
    await stores.jobs.end({ id: short.id, ...aDoneEnd(1), outcome: files(A) })
    await stores.jobs.end({ id: long.id, ...aDoneEnd(1), outcome: files(B, LONG) })
    await stores.jobs.end({ id: long.id, ...aDoneEnd(1), outcome: files(C) })
    const again = await reopen()
    t.same(await unused(again), [C])
    await again.jobs.trim(wallTime(2))
    t.same(await unused(again), [A, B, C])
  })

  await t.test('a blob that a part gave is used until its job ends', async (t) => {
    const { stores, reopen, unused } = await withBlobs(t)
    const job = aJob()
    await stores.jobs.insert(job, '{}')
    await stores.blobs.refer(job.id, [A, B])
    await stores.blobs.refer(job.id, [A])
    await stores.blobs.refer('of no job', [C])
    const again = await reopen()
    t.same(await unused(again), [C])
    await again.jobs.end({ id: job.id, ...aDoneEnd(1), outcome: JSON.stringify(B) })
    t.same(await unused(again), [A, C])
    await again.blobs.refer(job.id, [A])
    t.same(await unused(again), [A, C], 'it has ended')
  })
}

/** How a job ended, at a time. */
export const aDoneEnd = (atMs: number) =>
  ({ status: 'done', endedAt: wallTime(atMs), outcome: '{}', stages: '[]', parts: '[]' }) as const
