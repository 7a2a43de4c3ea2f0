// Blobs that are swept while somebody brings or uses them.

import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import type { Test } from 'tap'
import t from 'tap'
import { createBlobs } from '../../../master/jobs/blobs.ts'
import { openJobStore } from '../../../master/jobs/job-store.ts'
import { wallTime } from '../../../shared/data/clock.ts'

const QUOTA = { totalBytesMax: 1e9, perClientBytesMax: 1e9, diskReserveBytes: 0 }
const LIMITS = { bytesMax: 100, arrivalMs: 60_000, limits: QUOTA }

t.test('a sweep goes through all, however many jobs name', async (t) => {
  let time = 0
  const store = openJobStore(':memory:')
  t.teardown(() => store.close())
  const blobs = createBlobs({ ...LIMITS, folder: t.testdir(), store, wall: () => wallTime(time) })
  const names = Array.from({ length: 1200 }, (_, i) => i.toString(16).padStart(64, '0'))
  for (const sha256 of names)
    store.putBlob({ sha256, bytes: 1, type: 'text/plain' }, wallTime(time))
  time = 1000
  const wanted = new Set(names.filter((_, i) => i < 700))
  let asked = 0
  const findWanted = async () => {
    asked++
    return wanted
  }
  t.equal(await blobs.sweep(wallTime(500), findWanted), 500)
  t.equal(await blobs.sweep(wallTime(500), findWanted), 0)
  for (const name of wanted) t.ok(store.findBlob(name))
  t.equal(asked, 1, 'what jobs name counts as used: nothing is old, and no job is read')
})

t.test('a sweep leaves alone what is brought or used while it goes on', async (t) => {
  let time = 0
  const store = openJobStore(':memory:')
  t.teardown(() => store.close())
  const blobs = createBlobs({ ...LIMITS, folder: t.testdir(), store, wall: () => wallTime(time) })
  const contents = Array.from({ length: 20 }, (_, i) => `content ${i}`)
  const put = async (content: string) => (await blobs.put(Readable.from([content]))).sha256
  const names: string[] = []
  for (const content of contents) names.push(await put(content))
  time = 1000
  const sweeping = blobs.sweep(wallTime(500), async () => new Set())
  // These are among the last that it has found. The second may go just before it comes again.
  const last = store.blobsBefore(wallTime(500)).slice(-2) as [string, string]
  blobs.get(last[0])
  await put(contents[names.indexOf(last[1])] as string)
  const removed = await sweeping
  t.ok(removed === contents.length - 2 || removed === contents.length - 1, `${removed} removed`)
  for (const name of last) {
    t.equal(await text(blobs.read(name)), contents[names.indexOf(name)])
    t.equal(blobs.get(name).sha256, name)
  }
  t.throws(
    () => blobs.get(names.find((name) => !last.includes(name)) as string),
    /there is no blob/,
  )
})

/** Blobs on a disk of `freeBytes`, with a quota. */
function limited(t: Test, over: Partial<typeof QUOTA>, freeBytes = 1e9) {
  const store = openJobStore(':memory:')
  t.teardown(() => store.close())
  const room = { freeBytes, bytes: 1e9 }
  const folder = t.testdir()
  const open = () =>
    createBlobs({
      ...LIMITS,
      limits: { ...QUOTA, ...over },
      folder,
      store,
      wall: () => wallTime(0),
      disk: () => room,
    })
  const blobs = open()
  const put = (text: string, client: string | null, declared = 0, isSlave = false) =>
    blobs.put(Readable.from([Buffer.from(text)]), 'text/plain', { client, isSlave }, declared)
  return { blobs, open, put, room, store, folder }
}

const text20 = (n: number): string => String(n).padEnd(20, 'x')
const failureOf = (put: Promise<unknown>): Promise<unknown> =>
  put.then(
    () => 'it was taken',
    (error) => error,
  )
const isFull = { type: 'quota-exceeded', status: 507 }

t.test('a client may bring so many bytes, and others none the less', async (t) => {
  const { blobs, put, open } = limited(t, { perClientBytesMax: 60 })
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
  t.same(open().usage(), blobs.usage(), 'the same after a restart')
  t.equal(blobs.usage().bytes, 120)
})

t.test('all blobs together may take so many bytes, but results are taken still', async (t) => {
  const { blobs, put } = limited(t, { totalBytesMax: 50 })
  await put(text20(1), 'a')
  await put(text20(2), null)
  t.match(await failureOf(put(text20(3), 'b')), isFull)
  await put(text20(4), null, 20, true)
  t.equal(blobs.usage().bytes, 60)
})

t.test('what is on its way counts, and what ends early does not any more', async (t) => {
  const { blobs, put } = limited(t, { perClientBytesMax: 50 })
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
  const { blobs, put } = limited(t, { perClientBytesMax: 30 })
  await put(text20(1), 'a')
  await put(text20(1), 'b')
  t.match(await failureOf(put(text20(2), 'a')), isFull)
  t.equal(await blobs.sweep(wallTime(1), async () => new Set()), 1)
  t.same(blobs.usage(), { bytes: 0, byClient: new Map() })
  await put(text20(2), 'a')
})

t.test('blobs leave room on the disk, and those of clients more than results do', async (t) => {
  const { put, room, folder } = limited(t, { diskReserveBytes: 800 }, 820)
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
