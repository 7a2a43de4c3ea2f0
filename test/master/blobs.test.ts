// Blobs that are swept while somebody brings or uses them.

import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import t from 'tap'
import { createBlobs } from '../../master/blobs.ts'
import { openJobStore } from '../../master/job-store.ts'

const LIMITS = { bytesMax: 100, arrivalMs: 60_000 }

t.test('a sweep goes through all, however many jobs name', async (t) => {
  let time = 0
  const store = openJobStore(':memory:')
  t.teardown(() => store.close())
  const blobs = createBlobs({ ...LIMITS, folder: t.testdir(), store, now: () => time })
  const names = Array.from({ length: 1200 }, (_, i) => i.toString(16).padStart(64, '0'))
  for (const sha256 of names) store.putBlob({ sha256, bytes: 1, type: 'text/plain' }, time)
  time = 1000
  const wanted = new Set(names.filter((_, i) => i < 700))
  let asked = 0
  const findWanted = async () => {
    asked++
    return wanted
  }
  t.equal(await blobs.sweep(500, findWanted), 500)
  t.equal(await blobs.sweep(500, findWanted), 0)
  for (const name of wanted) t.ok(store.findBlob(name))
  t.equal(asked, 1, 'what jobs name counts as used: nothing is old, and no job is read')
})

t.test('a sweep leaves alone what is brought or used while it goes on', async (t) => {
  let time = 0
  const store = openJobStore(':memory:')
  t.teardown(() => store.close())
  const blobs = createBlobs({ ...LIMITS, folder: t.testdir(), store, now: () => time })
  const contents = Array.from({ length: 20 }, (_, i) => `content ${i}`)
  const put = async (content: string) => (await blobs.put(Readable.from([content]))).sha256
  const names: string[] = []
  for (const content of contents) names.push(await put(content))
  time = 1000
  const sweeping = blobs.sweep(500, async () => new Set())
  // These are among the last that it has found. The second may go just before it comes again.
  const last = store.blobsBefore(500).slice(-2) as [string, string]
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
