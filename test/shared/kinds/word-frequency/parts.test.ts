// The parts by themselves: hash, table, order and the format of files that slaves exchange.

import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { createRandom } from '../../../../shared/data/random.ts'
import { groupFiles } from '../../../../shared/kinds/word-frequency/group.ts'
import { orderOf } from '../../../../shared/kinds/word-frequency/order.ts'
import { createRecordReader, putRecord } from '../../../../shared/kinds/word-frequency/records.ts'
import { sortFiles } from '../../../../shared/kinds/word-frequency/sort.ts'
import { createText } from '../../../../shared/kinds/word-frequency/text.ts'
import { createWordTable } from '../../../../shared/kinds/word-frequency/word-table.ts'
import { groupOf, hashOf } from '../../../../shared/kinds/word-frequency/words.ts'
import { createWriter } from '../../../../shared/kinds/word-frequency/writer.ts'
import { folderOf } from './runs.ts'

const hash = (word: string) => hashOf(Buffer.from(word), 0, Buffer.byteLength(word))

t.test('hashes as is told, so that slaves in other languages agree', async (t) => {
  t.same(
    ['', 'a', 'foobar', 'straße', 'the'].map((word) => hash(word).toString(16)),
    ['ab3e7c0b', '1a80b1b3', 'c0da6dc', '5d9f8a0b', 'c50749f8'],
  )
  t.same(
    [0, 2 ** 30, 2 ** 31, 2 ** 32 - 1].map((each) => groupOf(each, 3)),
    [0, 0, 1, 2],
  )
})

t.test('divides words evenly into any number of groups', async (t) => {
  for (const groups of [2, 3, 7, 64]) {
    const sizes = Array.from({ length: groups }, () => 0)
    for (let i = 0; i < 64_000; i++) sizes[groupOf(hash(`w${i}`), groups)]!++
    const even = 64_000 / groups
    t.ok(Math.max(...sizes) < even + 5 * Math.sqrt(even), `${sizes}`)
  }
})

t.test('writes and reads counts beyond 2^32, words of all lengths, any buffer', async (t) => {
  const random = createRandom(1)
  const folder = folderOf(t)
  const lengths = [1, 2, 127, 128, 16_383, 16_384, 70_000, 200_000, 3]
  const records = [...lengths, ...lengths].map((length) => ({
    count: 1 + Math.floor(2 ** (53 * random.next())),
    word: Buffer.alloc(length, String.fromCharCode(97 + random.integer(26))),
  }))
  records.push({ count: Number.MAX_SAFE_INTEGER, word: Buffer.from('\0') })
  const path = join(folder, 'r0')
  const writer = createWriter(path)
  for (const { count, word } of records) putRecord(writer, count, word, 0, word.length)
  writer.close()
  for (const bufferBytes of [16, 100, 65_536, 2 ** 20]) {
    const { record, next } = createRecordReader(path, bufferBytes)
    for (const { count, word } of records) {
      const same =
        next() &&
        record.count === count &&
        record.text.bytes.subarray(record.from, record.to).equals(word)
      if (!same) t.fail(`a word of ${word.length} bytes, a buffer of ${bufferBytes}`)
    }
    t.notOk(next())
  }
  t.same([...readFileSync(path).subarray(-10)], [255, 255, 255, 255, 255, 255, 255, 15, 1, 0])
})

t.test('leaves no file when there is nothing to write', async (t) => {
  const folder = folderOf(t)
  createWriter(join(folder, 'r0')).close()
  t.same(readdirSync(folder), [])
})

t.test('a file that is cut short or is no such file is an error', async (t) => {
  const folder = folderOf(t)
  const path = join(folder, 'r0')
  for (const bytes of [
    [1],
    [1, 5, 97],
    [128],
    [1, 3, 97, 97],
    [0, 1, 97],
    [1, 0],
    [1, 255, 255, 255, 127],
  ]) {
    writeFileSync(path, Buffer.from(bytes))
    const reader = createRecordReader(path)
    t.throws(() => reader.next(), /is not a file of words and counts, or is truncated/, `${bytes}`)
    reader.close()
  }
})

t.test('adds up counts beyond 2^32 exactly', async (t) => {
  const folder = folderOf(t)
  const files: Record<string, string> = {}
  for (const name of ['r0', 'r1']) {
    files[name] = join(folder, name)
    const writer = createWriter(join(folder, name))
    for (const [word, count] of [
      ['big', 2 ** 40 + 1],
      ['longer-than-8', 2 ** 33],
      ['max', 2 ** 32 - 1],
    ] as const) {
      putRecord(writer, count, Buffer.from(word), 0, word.length)
    }
    writer.close()
  }
  const out = folderOf(t)
  const { words } = groupFiles({ files, out, shared: null })
  t.equal(words, 2 * (2 ** 40 + 2 ** 33 + 2 ** 32))
  const sorted = folderOf(t)
  sortFiles({ files: { g0: join(out, 'g0') }, out: sorted, shared: null })
  t.equal(
    readFileSync(join(sorted, 'results.txt'), 'latin1'),
    `${2 ** 41 + 2} big\n${2 ** 34} longer-than-8\n${2 ** 33 - 2} max\n`,
  )
})

t.test('a table counts like a Map, and is full at its limits', async (t) => {
  const random = createRandom(3)
  const table = createWordTable({ wordsMax: 20_000, longBytesMax: 10_000 })
  const expected = new Map<string, number>()
  const add = (word: string): boolean => {
    const text = createText(word.length)
    text.bytes.write(word, 'latin1')
    return table.add(text, 0, word.length, 1)
  }
  for (let i = 0; i < 60_000; i++) {
    const word =
      random.integer(60) === 0 ? `longer-word-${random.integer(300)}` : `${random.integer(15_000)}`
    if (!add(word)) t.fail('it has room')
    expected.set(word, (expected.get(word) ?? 0) + 1)
  }
  const found = new Map<string, number>()
  table.forEach(({ bytes }, from, to, count) => {
    found.set(bytes.toString('latin1', from, to), count)
  })
  t.same(found, expected)
  t.notOk(add('y'.repeat(9_000)), 'no room for a long one')
  t.ok(add('7'), 'what is known needs none')
  for (let i = 0; table.distinct() < 20_000; i++) add(`n${i}`)
  t.notOk(add('new'))
  t.ok(table.isFull())
})

t.test('orders by count, then by bytes, as a comparing sort does', async (t) => {
  const random = createRandom(5)
  for (let round = 0; round < 30; round++) {
    const alphabet = 1 + random.integer(4)
    const prefix = 'p'.repeat(random.integer(3) * random.integer(40))
    const set = new Set<string>()
    for (let i = 0; i < 3000; i++) {
      let word = random.integer(2) === 0 ? prefix : ''
      const length = 1 + random.integer(14)
      for (let k = 0; k < length; k++) word += '\0a\x7fÿ'[random.integer(alphabet)]
      set.add(word)
    }
    const list = [...set].map((word) => ({
      word: Buffer.from(word, 'latin1'),
      count: random.integer(9) === 0 ? 2 ** 32 - 2 + random.integer(5) : 1 + random.integer(3),
    }))
    const words = {
      text: Buffer.concat(list.flatMap(({ word }) => [word, Buffer.from(' ')])),
      starts: new Uint32Array(list.length),
      lengths: Uint32Array.from(list, ({ word }) => word.length),
      counts: Float64Array.from(list, ({ count }) => count),
    }
    for (let i = 1; i < list.length; i++) {
      words.starts[i] = words.starts[i - 1]! + list[i - 1]!.word.length + 1
    }
    const expected = list.toSorted((a, b) => b.count - a.count || Buffer.compare(a.word, b.word))
    const given = [...orderOf(words)].map((i) => list[i]!)
    if (!given.every((each, i) => each === expected[i])) t.fail(`round ${round}`)
  }
  t.pass('30 rounds')
})
