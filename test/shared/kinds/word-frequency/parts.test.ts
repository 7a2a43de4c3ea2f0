// The parts by themselves: hash, table, order and the format of files that slaves exchange.

import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { createRandom } from '../../../../shared/data/random.ts'
import { groupFiles } from '../../../../shared/kinds/word-frequency/group.ts'
import { orderOf } from '../../../../shared/kinds/word-frequency/order.ts'
import { createRecordReader, putRecord } from '../../../../shared/kinds/word-frequency/records.ts'
import { sortFiles } from '../../../../shared/kinds/word-frequency/sort.ts'
import type { WordTable } from '../../../../shared/kinds/word-frequency/word-table.ts'
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
        record.text.subarray(record.from, record.to).equals(word)
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

/** What a table has, read from its records. */
function wordsIn(table: WordTable, groups = 1): Map<string, { count: number; group: number }> {
  const pieces: Buffer[][] = Array.from({ length: groups }, () => [])
  table.eachRecords(groups, (group, bytes) => pieces[group]!.push(Buffer.from(bytes)))
  const found = new Map<string, { count: number; group: number }>()
  for (const [group, bytes] of pieces.map((each) => Buffer.concat(each)).entries()) {
    for (let at = 0; at < bytes.length; ) {
      const [count, length] = [number(), number()]
      const word = bytes.toString('latin1', at, at + length)
      if (found.has(word)) throw new Error(`${word} is there twice`)
      found.set(word, { count, group })
      at += length
      function number(): number {
        for (let value = 0, factor = 1; ; factor *= 128) {
          const byte = bytes[at++]!
          value += (byte & 127) * factor
          if (byte < 128) return value
        }
      }
    }
  }
  return found
}

function piecesOf(table: WordTable): Buffer[] {
  const pieces: Buffer[] = []
  table.eachRecords(1, (_, bytes) => pieces.push(Buffer.from(bytes)))
  return pieces
}

/** A text as a table is given it, counted as a whole; false when the table was full. */
function countAll(table: WordTable, text: string): boolean {
  const end = table.text.write(text, 'latin1')
  return table.count(0, end, end, end + 1) === end && !table.isFull()
}

t.test('counts like a Map, whatever bytes and however long the words are', async (t) => {
  const random = createRandom(3)
  for (let round = 0; round < 25; round++) {
    const table = createWordTable()
    const expected = new Map<string, number>()
    const space = () => ' \t\n\v\f\r'[random.integer(6)]!
    // NUL, what is white space beyond ASCII, and neighbours of what is white space here.
    const letters = 'ab\0\x08\x0e\x1f!\x7f\x85\xa0\xff'
    let text = random.integer(2) === 0 ? space() : ''
    for (let n = random.integer(1_500); n > 0; n--) {
      const most = [3, 9, 18, 40, 150][random.integer(5)]!
      const length = 1 + random.integer(most)
      let word = ''
      for (let k = 0; k < length; k++) word += letters[random.integer(letters.length)]
      expected.set(word, (expected.get(word) ?? 0) + 1)
      text += word + space()
      while (random.integer(4) === 0) text += space()
    }
    if (random.integer(2) === 0) text = text.replace(/[ \t\n\v\f\r]+$/, '')
    // What stands behind the text is of no text.
    table.text.fill(random.integer(2) === 0 ? 'x' : ' ', 0, text.length + 200)
    if (!countAll(table, text)) t.fail('it has room')
    const groups = 1 + random.integer(64)
    const found = wordsIn(table, groups)
    const right = [...expected].every(([word, count]) => {
      const group = groupOf(hashOf(Buffer.from(word, 'latin1'), 0, word.length), groups)
      return found.get(word)?.count === count && found.get(word)?.group === group
    })
    if (!right || found.size !== expected.size) t.fail(`round ${round}`)
    const total = [...expected.values()].reduce((sum, count) => sum + count, 0)
    if (table.counted() !== total || table.distinct() !== expected.size) t.fail(`round ${round}`)
  }
  t.pass('25 rounds')
})

t.test('counts no word that may go on beyond the text, or that begins at the limit', async (t) => {
  const table = createWordTable()
  for (let size = 1; size < 140; size += 3) {
    table.clear()
    const text = `${'w '.repeat(20)}${'x'.repeat(size)}`
    const end = table.text.write(text, 'latin1')
    t.equal(table.count(0, end, end, end), 40, 'stops where the last begins')
    t.equal(table.distinct(), 1)
    t.equal(table.count(40, 40, end, end + 1), 40, 'that is the limit')
    t.equal(table.count(40, 41, end, end + 1), end)
    t.equal(wordsIn(table).get('x'.repeat(size))?.count, 1)
  }
})

t.test('a table is full at its limits, and goes on when it was emptied', async (t) => {
  const table = createWordTable({ wordsMax: 1000, bytesMax: 40_000 })
  const texts = (from: number, to: number) =>
    Array.from({ length: to - from }, (_, i) => `n${from + i}`).join(' ')
  t.ok(countAll(table, texts(0, 1000)))
  t.ok(countAll(table, texts(500, 1000)), 'what is known needs no room')
  const end = table.text.write('n1 n2 new n3', 'latin1')
  t.equal(table.count(0, end, end, end + 1), 6, 'stops at the word for which there is no room')
  t.ok(table.isFull())
  t.equal(table.counted(), 1502)
  table.clear()
  t.equal(table.count(6, end, end, end + 1), end)
  t.notOk(table.isFull())
  t.same([...wordsIn(table).keys()], ['new', 'n3'])
  t.notOk(countAll(table, 'y'.repeat(40_000)), 'no room for a long one')
  t.ok(countAll(table, 'y'.repeat(39_000)))
})

t.test('keeps the words of some classes only, and adds those', async (t) => {
  const folder = folderOf(t)
  const writer = createWriter(join(folder, 'r0'))
  for (let i = 0; i < 5000; i++) {
    const word = Buffer.from(i % 7 === 0 ? `a-long-word-of-many-letters-${i}` : `w${i}`)
    putRecord(writer, 1 + i, word, 0, word.length)
  }
  writer.close()
  const records = readFileSync(join(folder, 'r0'))
  const table = createWordTable()
  const kept = createWordTable()
  table.text.set(records)
  kept.text.set(records)
  t.equal(table.addRecords(0, records.length, { from: 0, to: 2 ** 32 }), records.length)
  t.equal(table.counted(), (5000 * 5001) / 2)
  const classes = { from: 2 ** 30, to: 2 ** 31 }
  table.keep(classes)
  kept.addRecords(0, records.length, classes)
  t.ok(kept.distinct() > 1000 && kept.distinct() < 1500, `${kept.distinct()} of 5000`)
  t.same(wordsIn(table), wordsIn(kept))
  t.equal(table.counted(), kept.counted())
})

t.test('writes words that no buffer holds as records too', async (t) => {
  const table = createWordTable()
  const sizes = [1, 65_000, 65_499, 65_500, 65_501, 65_536, 70_000, 3_000_000]
  const text = sizes.map((size) => 'z'.repeat(size)).join(' ')
  const end = table.text.write(text, 'latin1')
  t.equal(table.count(0, end, end, end + 1), end)
  t.same(
    [...wordsIn(table).keys()].map(({ length }) => length).toSorted((a, b) => a - b),
    sizes,
  )
  const records = Buffer.concat(piecesOf(table))
  const { lengths } = table.list()
  const written: Buffer[] = []
  const order = orderOf(table.list())
  table.eachOrdered(order, (bytes) => written.push(Buffer.from(bytes)))
  t.same(
    [...order].map((i) => lengths[i]),
    sizes,
    'a shorter one stands before what goes on',
  )
  t.equal(Buffer.concat(written).compare(records), 0, 'they were counted in this order')
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
