// Adds up the counts of a group's words from all parts of count, and writes them in the order of
// the result. Memory is bounded: when the table is full, words whose class is in the upper half are
// dropped, and a later pass over the same files takes them. Each pass writes a file of its own.
//
//   classes of words, 0 to 2^32:   |--- pass 0 ---|--- pass 1 ---|------- pass 2 -------|

import { join } from 'node:path'
import type { Work } from '../kind.ts'
import type { GroupOutput, Mark } from './inputs.ts'
import type { Words } from './order.ts'
import { orderOf } from './order.ts'
import type { Record } from './records.ts'
import { createRecordReader, putRecord } from './records.ts'
import type { TableLimits, WordTable } from './word-table.ts'
import { createWordTable } from './word-table.ts'
import { hashOf, lineBytes, SPACE } from './words.ts'
import { createWriter } from './writer.ts'

const CLASSES = 2 ** 32
/** Marks of the first pass; later ones have fewer, so that the result stays small. */
const MARKS_MAX = 512
const MARKS_MIN = 32
/** Where a longer word would be needed to tell its place, there is no mark. */
const MARK_WORD_BYTES_MAX = 128

/** Writes `g0`, `g1` ...: as many as passes were needed. */
export function groupFiles(work: Work, limits?: TableLimits): GroupOutput {
  const paths = Object.values(work.files)
  const total: GroupOutput = { words: 0, distinctWords: 0, bytes: 0, marks: [] }
  let from = 0
  for (let pass = 0; from < CLASSES; pass++) {
    const { table, to } = gather(paths, from, limits)
    const marksMax = Math.max(MARKS_MIN, Math.floor(MARKS_MAX / (pass + 1)))
    writeGroup(wordsOf(table), join(work.out, `g${pass}`), marksMax, total)
    from = to
  }
  return total
}

/** Counts all words whose class is `from` or higher and below `to`, which it finds. */
function gather(paths: string[], from: number, limits?: TableLimits) {
  let table = createWordTable(limits)
  let to = CLASSES
  for (const path of paths) {
    const { record, next } = createRecordReader(path)
    while (next()) {
      while (isOf(record, from, to) && !addRecord(table, record)) {
        if (to - from <= 1) throw new Error('too many words have the same hash')
        to = from + Math.floor((to - from) / 2)
        table = kept(table, from, to, limits)
      }
    }
  }
  return { table, to }
}

const addRecord = (table: WordTable, { text, from, to, count }: Record): boolean =>
  table.add(text, from, to, count)

function isOf({ text, from, to }: Omit<Record, 'count'>, lowest: number, end: number): boolean {
  if (lowest === 0 && end === CLASSES) return true
  // The hash, mixed again: within a group its high bits hardly differ.
  const ofWord = Math.imul(hashOf(text.bytes, from, to), 0x9e3779b1) >>> 0
  return ofWord >= lowest && ofWord < end
}

function kept(table: WordTable, lowest: number, end: number, limits?: TableLimits): WordTable {
  const smaller = createWordTable(limits)
  table.forEach((text, from, to, count) => {
    if (isOf({ text, from, to }, lowest, end)) smaller.add(text, from, to, count)
  })
  return smaller
}

function wordsOf(table: WordTable): Words {
  const size = table.distinct()
  const text = new Uint8Array(table.bytes() + size)
  const starts = new Uint32Array(size)
  const lengths = new Uint32Array(size)
  const counts = new Float64Array(size)
  let used = 0
  let n = 0
  table.forEach(({ bytes }, from, to, count) => {
    starts[n] = used
    lengths[n] = to - from
    counts[n++] = count
    for (let i = from; i < to; i++) text[used++] = bytes[i]!
    text[used++] = SPACE
  })
  return { text, starts, lengths, counts }
}

function writeGroup(words: Words, path: string, marksMax: number, total: GroupOutput) {
  const { text, starts, lengths, counts } = words
  const order = orderOf(words)
  const writer = createWriter(path)
  const bytes = linesBytes(words)
  const step = bytes / marksMax
  const since = { words: 0, bytes: 0 }
  for (let i = 0; i < order.length; i++) {
    const index = order[i]!
    const count = counts[index]!
    const from = starts[index]!
    const length = lengths[index]!
    putRecord(writer, count, text, from, from + length)
    total.words += count
    since.words++
    since.bytes += lineBytes(count, length)
    if (since.bytes < step || i + 1 === order.length) continue
    const mark = markBetween(words, index, order[i + 1]!, since)
    if (!mark) continue
    total.marks.push(mark)
    since.words = 0
    since.bytes = 0
  }
  writer.close()
  total.distinctWords += order.length
  total.bytes += bytes
}

function linesBytes({ lengths, counts }: Words): number {
  let bytes = 0
  for (let i = 0; i < lengths.length; i++) bytes += lineBytes(counts[i]!, lengths[i]!)
  return bytes
}

/** The shortest place after word a and not after word b, which is the next. */
function markBetween(
  { text, starts, counts }: Words,
  a: number,
  b: number,
  since: { words: number; bytes: number },
): Mark | null {
  const frequency = counts[b]!
  if (counts[a] !== frequency) return { frequency, word: '', ...since }
  const start = starts[b]!
  let length = 0
  while (text[start + length] === text[starts[a]! + length]) length++
  if (++length > MARK_WORD_BYTES_MAX) return null
  const word = Buffer.from(text.subarray(start, start + length)).toString('base64')
  return { frequency, word, ...since }
}
