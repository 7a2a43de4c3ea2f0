// Blobs that are swept while somebody brings or uses them.

import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import type { Test } from 'tap'
import t from 'tap'
import { createBlobs } from '../../../master/jobs/blobs.ts'
import type { BlobIndex } from '../../../master/store/jobs/blob-index.ts'
import { openHere } from '../../../master/store/jobs/open.ts'
import { StoreFullError } from '../../../master/store/store.ts'
import { wallTime } from '../../../shared/data/clock.ts'
import { aJob } from '../store/records.ts'

const QUOTA = { totalBytesMax: 1e9, perClientBytesMax: 1e9, diskReserveBytes: 0 }
const LIMITS = { bytesMax: 100, arrivalMs: 60_000, limits: QUOTA }

t.test('a sweep goes through all, however many jobs use', async (t) => {
  let time = 0
  const { jobs, blobs: index, close } = openHere({ path: ':memory:' })
  t.teardown(close)
  const wall = () => wallTime(time)
  const blobs = await createBlobs({ ...LIMITS, folder: t.testdir(), index, wall })
  const names = Array.from({ length: 1200 }, (_, i) => i.toString(16).padStart(64, '0'))
  for (const sha256 of names) {
    await index.put({ sha256, bytes: 1, type: 'text/plain' }, null, wall())
  }
  const used = names.filter((_, i) => i < 700)
  await jobs.insert(aJob(), JSON.stringify(used))
  time = 1000
  t.equal(await blobs.sweep(wallTime(500)), 500)
  t.equal(await blobs.sweep(wallTime(500)), 0)
  for (const name of used) t.ok(await index.use(name, wall(), 0, null))
})

t.test('a sweep leaves alone what is brought or used while it goes on', async (t) => {
  let time = 0
  const { blobs: index, close } = openHere({ path: ':memory:' })
  t.teardown(close)
  const wall = () => wallTime(time)
  const blobs = await createBlobs({ ...LIMITS, folder: t.testdir(), index, wall })
  const contents = Array.from({ length: 20 }, (_, i) => `content ${i}`)
  const put = async (content: string) => (await blobs.put(Readable.from([content]))).sha256
  const names: string[] = []
  for (const content of contents) names.push(await put(content))
  time = 1000
  const last = (await index.unused(wallTime(500), '')).slice(-2) as [string, string]
  const sweeping = blobs.sweep(wallTime(500))
  // These are among the last that it has found. The second may go just before it comes again.
  await blobs.get(last[0], null)
  await put(contents[names.indexOf(last[1])] as string)
  const removed = await sweeping
  t.ok(removed === contents.length - 2 || removed === contents.length - 1, `${removed} removed`)
  for (const name of last) {
    t.equal(await text(blobs.read(name)), contents[names.indexOf(name)])
    t.equal((await blobs.get(name, null)).sha256, name)
  }
  const gone = names.find((name) => !last.includes(name)) as string
  await t.rejects(blobs.get(gone, null), /there is no blob/)
})

t.test('a blob that comes again while a sweep removes it is kept', async (t) => {
  let time = 0
  const { blobs: index, close } = openHere({ path: ':memory:' })
  t.teardown(close)
  const dropping = Promise.withResolvers<void>()
  const mayDrop = Promise.withResolvers<void>()
  const slow: BlobIndex = {
    ...index,
    async drop(...given) {
      const dropped = await index.drop(...given)
      dropping.resolve()
      await mayDrop.promise
      return dropped
    },
  }
  const wall = () => wallTime(time)
  const blobs = await createBlobs({ ...LIMITS, folder: t.testdir(), index: slow, wall })
  const put = () => blobs.put(Readable.from(['content']))
  const { sha256 } = await put()
  time = 1000
  const sweeping = blobs.sweep(wallTime(500))
  await dropping.promise
  const again = put()
  setImmediate(() => mayDrop.resolve())
  t.equal(await sweeping, 1)
  await again
  t.equal(await text(blobs.read(sha256)), 'content')
  t.equal((await blobs.get(sha256, null)).sha256, sha256)
  t.equal(blobs.usage().bytes, 7)
})

t.test('a sweep passes over a blob that is being stored', async (t) => {
  let time = 0
  const { blobs: index, close } = openHere({ path: ':memory:' })
  t.teardown(close)
  const putting = Promise.withResolvers<void>()
  const mayPut = Promise.withResolvers<void>()
  let puts = 0
  const slow: BlobIndex = {
    ...index,
    async put(...given) {
      if (++puts === 2) {
        putting.resolve()
        await mayPut.promise
      }
      return index.put(...given)
    },
  }
  const wall = () => wallTime(time)
  const blobs = await createBlobs({ ...LIMITS, folder: t.testdir(), index: slow, wall })
  const put = () => blobs.put(Readable.from(['content']))
  const { sha256 } = await put()
  time = 1000
  const again = put()
  await putting.promise
  t.equal(await blobs.sweep(wallTime(500)), 0)
  mayPut.resolve()
  await again
  t.equal(await text(blobs.read(sha256)), 'content')
})

t.test('a sweep keeps what a stored task uses, until that task is removed', async (t) => {
  let time = 0
  const stored = new Set(['t1'])
  const { blobs: index, close } = openHere({ path: ':memory:' })
  t.teardown(close)
  const blobs = await createBlobs({
    ...LIMITS,
    folder: t.testdir(),
    index,
    wall: () => wallTime(time),
    isTask: async (id) => stored.has(id),
  })
  const { sha256 } = await blobs.put(Readable.from(['content']))
  await blobs.referTask('t1', 'alice', [sha256])
  await blobs.referTask('refused', 'alice', [sha256])
  t.same(blobs.usage().byClient, new Map([['alice', 7]]), 'it counts for the client, once')
  time = 1000
  t.equal(await blobs.sweep(wallTime(500)), 0)
  stored.delete('t1')
  t.equal(await blobs.sweep(wallTime(500)), 0, 'it counts as used when it was kept')
  time = 2000
  t.equal(await blobs.sweep(wallTime(1500)), 1)
  t.same(blobs.usage(), { bytes: 0, byClient: new Map() })
})

t.test('what a task gave is kept for it, and what is not here is told', async (t) => {
  const { blobs: index, close } = openHere({ path: ':memory:' })
  t.teardown(close)
  const blobs = await createBlobs({
    ...LIMITS,
    folder: t.testdir(),
    index,
    wall: () => wallTime(0),
  })
  const { sha256 } = await blobs.put(Readable.from(['content']))
  const absent = 'a'.repeat(64)
  t.same(await blobs.keepFor('t1', 'alice', [absent, sha256]), [absent])
  t.same(await index.tasksOf(sha256), ['t1'])
  t.same(await index.tasksOf(absent), [])
})

t.test('a full disk refuses a task with files in words, and takes nothing down', async (t) => {
  const { blobs: index, close } = openHere({ path: ':memory:' })
  t.teardown(close)
  const full: BlobIndex = { ...index, referTask: () => Promise.reject(new StoreFullError('full')) }
  const folder = t.testdir()
  const blobs = await createBlobs({ ...LIMITS, folder, index: full, wall: () => wallTime(0) })
  const { sha256 } = await blobs.put(Readable.from(['content']))
  const refused = { type: 'store-full', message: /the disk is full/ }
  await t.rejects(blobs.referTask('t1', null, [sha256]), refused)
  await t.rejects(blobs.keepFor('t1', null, [sha256]), refused)
})

/** Blobs on a disk of `freeBytes`, with a quota. */
async function limited(t: Test, over: Partial<typeof QUOTA>, freeBytes = 1e9) {
  const { blobs: index, close } = openHere({ path: ':memory:' })
  t.teardown(close)
  const room = { freeBytes, bytes: 1e9 }
  const folder = t.testdir()
  const open = () =>
    createBlobs({
      ...LIMITS,
      limits: { ...QUOTA, ...over },
      folder,
      index,
      wall: () => wallTime(0),
      disk: () => room,
    })
  const blobs = await open()
  const put = (text: string, client: string | null, declared = 0, isSlave = false) =>
    blobs.put(Readable.from([Buffer.from(text)]), 'text/plain', { client, isSlave }, declared)
  return { blobs, open, put, room, folder }
}

const text20 = (n: number): string => String(n).padEnd(20, 'x')
const failureOf = (put: Promise<unknown>): Promise<unknown> =>
  put.then(
    () => 'it was taken',
    (error) => error,
  )
const isFull = { type: 'quota-exceeded', status: 507 }

t.test('a client may bring so many bytes, and others none the less', async (t) => {
  const { blobs, put, open } = await limited(t, { perClientBytesMax: 60 })
  await put(text20(1), 'a')
  await put(text20(2), 'a', 20)
  await put(text20(2), 'a')
  t.equal(blobs.usage().byClient.get('a'), 40, 'the same again counts once')
  t.match(await failureOf(put(`${text20(3)}x`, 'a')), isFull)
  t.match(await failureOf(put('x', 'a', 21)), isFull, 'with its length said it is refused at once')
  await put(text20(1), 'b')
  await put(text20(4), 'b')
  t.match(await failureOf(put(`${text20(5)}x`, 'b')), isFull)
  for (let n = 10; n < 13; n++) await put(text20(n), null)
  t.same((await open()).usage(), blobs.usage(), 'the same after a restart')
  t.equal(blobs.usage().bytes, 120)
})

t.test('all blobs together may take so many bytes, but results are taken still', async (t) => {
  const { blobs, put } = await limited(t, { totalBytesMax: 50 })
  await put(text20(1), 'a')
  await put(text20(2), null)
  t.match(await failureOf(put(text20(3), 'b')), isFull)
  await put(text20(4), null, 20, true)
  t.equal(blobs.usage().bytes, 60)
})

t.test('what is on its way counts, and what ends early does not any more', async (t) => {
  const { blobs, put } = await limited(t, { perClientBytesMax: 50 })
  const body = new PassThrough()
  const slow = blobs.put(body, 'text/plain', { client: 'a', isSlave: false }, 40)
  slow.catch(() => {})
  t.match(await failureOf(put(text20(1), 'a', 20)), isFull)
  t.match(await failureOf(put(text20(1), 'a')), isFull)
  body.destroy(new Error('gone'))
  await t.rejects(slow, /gone/)
  await put(text20(1), 'a', 20)
  t.equal(blobs.usage().bytes, 20)
})

t.test('a client has its bytes again when its blobs are swept', async (t) => {
  const { blobs, put } = await limited(t, { perClientBytesMax: 30 })
  await put(text20(1), 'a')
  await put(text20(1), 'b')
  t.match(await failureOf(put(text20(2), 'a')), isFull)
  t.equal(await blobs.sweep(wallTime(1)), 1)
  t.same(blobs.usage(), { bytes: 0, byClient: new Map() })
  await put(text20(2), 'a')
})

t.test('blobs leave room on the disk, and those of clients more than results do', async (t) => {
  const { put, room, folder } = await limited(t, { diskReserveBytes: 800 }, 820)
  await put(text20(1), 'a', 20)
  room.freeBytes = 810
  const noRoom = { type: 'store-full', message: /800 bytes are kept free/ }
  t.match(await failureOf(put(text20(2), 'a', 20)), noRoom)
  t.match(await failureOf(put(text20(2), 'a')), noRoom)
  await put(text20(2), null, 20, true)
  room.freeBytes = 110
  t.match(await failureOf(put(text20(3), null, 20, true)), { type: 'store-full' })
  t.same(readdirSync(join(folder, 'incoming')), [], 'nothing of it is left')
})

/** Blobs in memory's index, of which each upload must send a MiB in `arrivalMs`. */
async function withArrival(t: Test, arrivalMs: number) {
  const { blobs: index, close } = openHere({ path: ':memory:' })
  t.teardown(close)
  const folder = t.testdir()
  const wall = () => wallTime(1)
  const bytesMax = 8 << 20
  return {
    folder,
    blobs: await createBlobs({ bytesMax, arrivalMs, limits: QUOTA, folder, index, wall }),
  }
}

t.test('an upload that sends too little in its time is cut off', async (t) => {
  const { folder, blobs } = await withArrival(t, 20)
  const body = new PassThrough()
  body.write('a little')
  await t.rejects(blobs.put(body), /too slow/)
  t.same(readdirSync(join(folder, 'incoming')), [], 'nothing of it is left')
})

t.test('an upload that sends enough may last longer, and one that is whole too', async (t) => {
  const { blobs } = await withArrival(t, 300)
  const [enough, whole] = [new PassThrough(), new PassThrough()]
  enough.write(Buffer.alloc(1 << 20))
  Object.assign(whole, { complete: true }).write('all that there is')
  setTimeout(() => {
    enough.end()
    whole.end()
  }, 400)
  const [one, other] = await Promise.all([blobs.put(enough), blobs.put(whole)])
  t.same([one.bytes, other.bytes], [1 << 20, 17])
})

t.test('several blobs are read as one', async (t) => {
  const { blobs } = await withArrival(t, 60_000)
  const put = async (content: string) => (await blobs.put(Readable.from([content]))).sha256
  const [one, two] = [await put('one '), await put('two')]
  t.equal(await text(Readable.from(blobs.readAll([one, two, one]))), 'one twoone ')
})

t.test('a blob that is too large is refused, before and while it arrives', async (t) => {
  const { blobs } = await withArrival(t, 60_000)
  const large = () => Readable.from([Buffer.alloc(8 << 20), Buffer.alloc(1)])
  const refusal = { type: 'body-too-large', message: 'a blob may be at most 8388608 bytes' }
  await t.rejects(blobs.put(large()), refusal)
  await t.rejects(blobs.put(large(), undefined, undefined, (8 << 20) + 1), refusal)
  t.equal((await blobs.put(Readable.from([Buffer.alloc(8 << 20)]))).bytes, 8 << 20)
})
