// The slave's cache of blobs: each is fetched once, what is used stays, and the limit holds.

import { createHash } from 'node:crypto'
import {
  existsSync,
  readdirSync,
  readFileSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import t from 'tap'
import type { HeldBlob } from '../../../slave/files/cache.ts'
import { createCache } from '../../../slave/files/cache.ts'

const never = new AbortController().signal
const blobOf = (text: string) => ({
  sha256: createHash('sha256').update(text).digest('hex'),
  bytes: text.length,
})

/** A cache that fetches texts of ten characters, and what it fetched. */
function setUp(folder: string, bytesMax = 30) {
  const cache = createCache({ folder, bytesMax })
  const fetched: string[] = []
  const ten = (word: string): string => word.padEnd(10, '.')
  const hold = async (word: string, signal = never): Promise<HeldBlob | null> =>
    cache.hold(
      blobOf(ten(word)),
      async (path) => {
        fetched.push(word)
        await writeFile(path, ten(word))
      },
      signal,
    )
  const use = async (...words: string[]): Promise<void> => {
    for (const word of words) {
      const held = await hold(word)
      t.equal(readFileSync(held!.path, 'utf8'), ten(word))
      held!.release()
    }
  }
  const names = () => readdirSync(join(folder, 'blobs')).sort()
  const nameOf = (word: string) => blobOf(ten(word)).sha256
  return { cache, fetched, hold, use, names, nameOf }
}

t.test(
  'a blob is fetched once, and what was not used for the longest time goes first',
  async (t) => {
    const { cache, fetched, use, names, nameOf } = setUp(t.testdir())
    await use('a', 'b', 'c', 'a', 'a')
    t.same(fetched, ['a', 'b', 'c'])
    t.same(cache.state(), { bytes: 30, bytesMax: 30 })
    await use('d')
    t.same(names(), ['a', 'c', 'd'].map(nameOf).sort(), 'b was not used for the longest time')
    await use('a', 'c', 'b')
    t.same(fetched, ['a', 'b', 'c', 'd', 'b'])
    t.same(cache.state(), { bytes: 30, bytesMax: 30 })
  },
)

t.test('a blob in use is not removed, and one for which there is no room stays out', async (t) => {
  const { cache, hold, use, names, nameOf } = setUp(t.testdir())
  const held = [await hold('a'), await hold('b')]
  await use('c', 'd', 'e')
  t.same(names(), ['a', 'b', 'e'].map(nameOf).sort())
  held.push(await hold('e'))
  t.equal(await hold('f'), null)
  t.equal(await cache.hold({ ...blobOf('x'), bytes: 31 }, async () => {}, never), null)
  held[0]!.release()
  held[0]!.release()
  await use('f')
  t.same(names(), ['b', 'e', 'f'].map(nameOf).sort())
  t.ok(existsSync(held[1]!.path))
})

t.test('runs that need the same blob at the same time fetch it once', async (t) => {
  const cache = createCache({ folder: t.testdir(), bytesMax: 100 })
  const gate = Promise.withResolvers<void>()
  let times = 0
  const hold = () =>
    cache.hold(
      blobOf('abc'),
      async (path) => {
        times++
        await gate.promise
        await writeFile(path, 'abc')
      },
      never,
    )
  const all = [hold(), hold(), hold()]
  await turn()
  gate.resolve()
  for (const each of await Promise.all(all)) t.equal(readFileSync(each!.path, 'utf8'), 'abc')
  t.equal(times, 1)
})

t.test('a fetch goes on for those that still wait, and ends when none does', async (t) => {
  const cache = createCache({ folder: t.testdir(), bytesMax: 100 })
  const aborted: string[] = []
  const hold = (text: string, signal: AbortSignal) =>
    cache.hold(
      blobOf(text),
      async (path, ended) => {
        await new Promise<void>((resolve, reject) => {
          ended.addEventListener('abort', () => {
            aborted.push(text)
            reject(ended.reason as Error)
          })
          if (text === 'shared') gate.promise.then(resolve, reject)
        })
        await writeFile(path, text)
      },
      signal,
    )
  const gate = Promise.withResolvers<void>()
  const [first, second, alone] = [1, 2, 3].map(() => new AbortController())
  const one = hold('shared', first!.signal)
  const other = hold('shared', second!.signal)
  const third = hold('alone', alone!.signal)
  await new Promise((resolve) => setTimeout(resolve, 20))
  first!.abort()
  alone!.abort()
  await t.rejects(one, { name: 'AbortError' })
  await t.rejects(third, { name: 'AbortError' })
  t.same(aborted, ['alone'])
  gate.resolve()
  t.equal(readFileSync((await other)!.path, 'utf8'), 'shared')
  t.same(cache.state(), { bytes: 6, bytesMax: 100 })
})

t.test('a run whose fetch was that of another, which failed, tries its own address', async (t) => {
  const cache = createCache({ folder: t.testdir(), bytesMax: 100 })
  const fails = cache.hold(blobOf('abc'), async () => Promise.reject(new Error('gone')), never)
  const works = cache.hold(blobOf('abc'), async (path) => writeFile(path, 'abc'), never)
  await t.rejects(fails, { message: 'gone' })
  t.equal(readFileSync((await works)!.path, 'utf8'), 'abc')
  t.same(cache.state(), { bytes: 3, bytesMax: 100 })
})

t.test('what an earlier run left is used after a check, and only then', async (t) => {
  const folder = t.testdir()
  const before = setUp(folder)
  await before.use('a', 'b', 'c')
  const blobs = join(folder, 'blobs')
  writeFileSync(join(blobs, before.nameOf('b')), 'x'.repeat(10))
  truncateSync(join(blobs, before.nameOf('c')), 3)
  writeFileSync(join(blobs, 'something else'), '')
  writeFileSync(join(folder, 'passing', '1'), 'half of a file')
  const { cache, fetched, use } = setUp(folder)
  t.same(cache.state(), { bytes: 23, bytesMax: 30 })
  t.same(readdirSync(join(folder, 'passing')), [])
  t.notOk(existsSync(join(blobs, 'something else')))
  await use('a', 'b', 'c')
  t.same(fetched, ['b', 'c'])
  t.same(cache.state(), { bytes: 30, bytesMax: 30 })
})

t.test('what an earlier run left is cut down to the limit, oldest first', async (t) => {
  const folder = t.testdir()
  const before = setUp(folder)
  await before.use('a', 'b', 'c')
  for (const [i, word] of ['b', 'a', 'c'].entries()) {
    utimesSync(join(folder, 'blobs', before.nameOf(word)), 1000 + i, 1000 + i)
  }
  const { cache, names, nameOf } = setUp(folder, 15)
  t.same(names(), [nameOf('c')])
  t.same(cache.state(), { bytes: 10, bytesMax: 15 })
})

t.test('a blob that another program removed is fetched again', async (t) => {
  const folder = t.testdir()
  const { fetched, use, nameOf } = setUp(folder)
  await use('a')
  truncateSync(join(folder, 'blobs', nameOf('a')), 0)
  await use('a')
  t.same(fetched, ['a', 'a'])
})
