// Whatever the files and however they are divided, the result is that of the shell's own tools.

import { createHash } from 'node:crypto'
import { appendFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { Random } from '../../../../shared/data/random.ts'
import { createRandom } from '../../../../shared/data/random.ts'
import type { Kind } from '../../../../shared/kinds/kind.ts'
import { countPieces } from '../../../../shared/kinds/word-frequency/count.ts'
import { groupFiles } from '../../../../shared/kinds/word-frequency/group.ts'
import { randomFile } from './corpus.ts'
import { countWords, folderOf, kindsByName } from './runs.ts'
import { frequencies, hasShell } from './shell.ts'

const shell = { skip: hasShell ? false : 'the shell here has no GNU grep' }

/** Kinds whose tables are full after a few words. */
function crampedKinds(): Kind[] {
  const limits = { wordsMax: 40, bytesMax: 6000 }
  const count = kindsByName.get('word-frequency.count')!
  const group = kindsByName.get('word-frequency.group')!
  return [
    { ...count, run: (input, work) => ({ result: countPieces(input, work, limits) }) },
    { ...group, run: (_, work) => ({ result: groupFiles(work, limits) }) },
  ]
}

const SEEDS = 20

const oneOf = <T>(random: Random, values: T[]): T => values[random.integer(values.length)]!

t.test('equals the pipeline on random files, parts, slots, chunks and limits', shell, async (t) => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const random = createRandom(seed)
    const names = ['a.txt', 'b', 'sub/c.txt', 'sub/d e'].slice(0, 1 + random.integer(4))
    const contents = names.map(() => randomFile(random))
    const shared = folderOf(t, Object.fromEntries(names.map((name, i) => [name, contents[i]!])))
    const given = {
      parts: oneOf(random, [null, 1, 2, 3, 5, 7, 64]),
      slots: 1 + random.integer(5),
      replaced: random.integer(2) === 0 ? crampedKinds() : [],
    }
    const total = Buffer.concat(contents).length
    const chunkBytes = Math.ceil(total / (1 + random.integer(40)))
    const chunk = random.integer(3) === 0 ? {} : { chunkBytes }
    const input = { files: random.integer(2) === 0 ? 'all' : names, ...chunk }
    const { bytes, result } = await countWords({ input, shared, random, ...given })
    const expected = frequencies(shared, names)
    if (bytes!.equals(expected)) continue
    t.equal(bytes!.toString('latin1'), expected.toString('latin1'), `seed ${seed}`)
    t.comment({ input, given, result })
    return
  }
  t.pass(`${SEEDS} seeds`)
})

t.test('ranges may be as short as a byte', shell, async (t) => {
  const shared = folderOf(t, { a: 'one two  three\nfour\t\tone', b: ' five\r\n', c: '', d: 'x' })
  const input = { files: 'all', chunkBytes: 1 }
  const random = createRandom(1)
  const { bytes, counts } = await countWords({ input, shared, random, parts: 2 })
  t.equal(counts[1], 32)
  t.same(bytes, frequencies(shared, ['a', 'b', 'c', 'd']))
})

t.test('equals the pipeline on files of odd shapes', shell, async (t) => {
  const random = createRandom(1)
  const million = 2 ** 20
  const words = Array.from({ length: 300_000 }, () => `w${random.integer(5000)}`)
  const shapes: Record<string, Record<string, string | Buffer>> = {
    'no bytes': { a: '', b: '' },
    'white space only': { a: ' \n\t\v\f\r\n' },
    'one byte': { a: 'x' },
    'no newline at the end': { a: 'one two', b: 'three\nfour', c: 'five' },
    'NUL bytes': { a: Buffer.from('a\0b a\0b \0 \0\0 a \0a a\0') },
    'not UTF-8': {
      a: Buffer.from('ff fe 20 ff fe 0a 80 20 c3 20 85 a0 20 c2'.replaceAll(' ', ''), 'hex'),
    },
    'no ASCII': { a: '水水\n水 水水　水 ΑΒΓ аб' },
    'one line of over a megabyte': { a: words.join(' ') },
    'a word of a megabyte': { a: `a ${'x'.repeat(million)} b ${'x'.repeat(million)}`, b: 'x' },
    'a word longer than all buffers': { a: `${'x'.repeat(2 * million + 5)}y z` },
    'equal words only': { a: 'same '.repeat(200_000) },
    'different words only': { a: Array.from({ length: 50_000 }, (_, i) => `${i}`).join('\n') },
    'words that begin alike': {
      a: Array.from({ length: 3000 }, (_, i) => `${'q'.repeat(i % 500)}${i % 7}`).join(' '),
      b: Array.from({ length: 400 }, (_, i) => 'a'.repeat(i + 1)).join(' '),
    },
  }
  for (const [shape, files] of Object.entries(shapes)) {
    const shared = folderOf(t, files)
    const names = Object.keys(files)
    for (const chunkBytes of [undefined, 100_000]) {
      const input = { files: names, ...(chunkBytes ? { chunkBytes } : {}) }
      const { bytes } = await countWords({ input, shared, random, parts: 3 })
      t.ok(bytes!.equals(frequencies(shared, names)), `${shape}, in chunks of ${chunkBytes}`)
    }
  }
})

t.test('gives uploaded files and a text the same result as files of the folder', async (t) => {
  const random = createRandom(7)
  const files = [1, 2, 3, 4, 5].map(() => Buffer.from(randomFile(random).toString('latin1')))
  const names = files.map((_, i) => `f${i}`)
  const shared = folderOf(t, Object.fromEntries(files.map((bytes, i) => [names[i], bytes])))
  const expected = await countWords({ input: { files: names }, shared, random })
  const shaOf = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')
  const blobs = new Map(files.map((bytes) => [shaOf(bytes), bytes]))
  const named = files.map((bytes, i) => ({ sha256: shaOf(bytes), name: names[i] }))
  const sized = files.map((bytes) => ({ sha256: shaOf(bytes), bytes: bytes.length }))
  for (const [list, parts] of [
    [named, 5],
    [sized, 1],
  ] as const) {
    const { bytes, result, counts } = await countWords({ input: { blobs: list }, blobs, random })
    t.same(result, expected.result)
    t.ok(bytes!.equals(expected.bytes!))
    t.equal(counts[1], parts, 'small ones go together when their sizes are known')
  }
  const text = Buffer.concat(files.flatMap((bytes) => [bytes, Buffer.from('\n')])).toString()
  const { bytes } = await countWords({ input: { text }, random })
  t.ok(bytes!.equals(expected.bytes!))
})

t.test('tells a blob of another size than was said', async (t) => {
  const sha256 = '0'.repeat(64)
  const blobs = new Map([[sha256, Buffer.from('a b')]])
  const input = { blobs: [{ sha256, bytes: 4, name: 'x.txt' }] }
  await t.rejects(countWords({ input, blobs, random: createRandom(1) }), {
    type: 'rejected-input',
    message: 'x.txt has 3 bytes instead of 4, the size in the request',
  })
})

t.test('cuts the result into even pieces, also within one frequency', async (t) => {
  const words = Array.from({ length: 40_000 }, (_, i) => `word-${(i * 7919) % 40_000}`)
  const shared = folderOf(t, { a: `the the of of ${words.join('\n')}` })
  const pieces: number[] = []
  const sort = kindsByName.get('word-frequency.sort')!
  const watched: Kind = {
    ...sort,
    async run(input, work) {
      const given = await sort.run(input, work)
      pieces.push((given.result as { distinctWords: number }).distinctWords)
      return given
    },
  }
  const random = createRandom(1)
  for (const parts of [2, 5, 16]) {
    pieces.length = 0
    await countWords({ input: { files: 'all' }, shared, parts, random, replaced: [watched] })
    t.equal(pieces.length, parts)
    const even = 40_002 / parts
    t.ok(Math.max(...pieces) < 1.1 * even, `${Math.max(...pieces)} of ${even}`)
    t.ok(Math.min(...pieces) > 0.9 * even, `${Math.min(...pieces)} of ${even}`)
  }
})

t.test('a file that changes between listing and counting fails the job', async (t) => {
  const list = kindsByName.get('word-frequency.list')!
  const shared = folderOf(t, { a: 'one', b: 'two' })
  const then = (change: () => void): Kind => ({
    ...list,
    async run(input, work) {
      const result = await list.run(input, work)
      change()
      return result
    },
  })
  const count = (change: () => void) =>
    countWords({
      input: { files: 'all' },
      shared,
      random: createRandom(1),
      replaced: [then(change)],
    })
  await t.rejects(
    count(() => appendFileSync(join(shared, 'b'), '!')),
    { type: 'file-changed', message: /^b has 4 bytes, and had 3 when the job started/ },
  )
  await t.rejects(
    count(() => writeFileSync(join(shared, 'a'), 'on')),
    { type: 'file-changed', message: /^a has 2 bytes, and had 3/ },
  )
})

t.test('a word that is too long fails the job, wherever ranges end', async (t) => {
  const long = 'x'.repeat(4 * 2 ** 20)
  const random = createRandom(1)
  const input = { files: 'all', chunkBytes: 2 ** 20 }
  const { result } = await countWords({ input, shared: folderOf(t, { a: `${long} b` }), random })
  t.match(result, { words: 2, distinctWords: 2 })
  await t.rejects(countWords({ input, shared: folderOf(t, { a: `a ${long}x b` }), random }), {
    type: 'rejected-input',
    message: 'a has a word of over 4194304 bytes',
  })
})
