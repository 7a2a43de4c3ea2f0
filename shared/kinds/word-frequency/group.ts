// Adds up the counts of a group's words from all parts of count, and writes them in the order of
// the result. Memory is bounded: when the table is full, words whose class is in the upper half are
// dropped, and a later pass over the same files takes them. Each pass writes a file of its own.
//
//   classes of words, 0 to 2^32:   |--- pass 0 ---|--- pass 1 ---|------- pass 2 -------|

import { closeSync, openSync, readSync } from 'node:fs'
import { join } from 'node:path'
import type { Work } from '../kind.ts'
import type { GroupOutput, Mark } from './inputs.ts'
import { orderOf } from './order.ts'
import { brokenRecords } from './records.ts'
import type { Classes, TableLimits, Words, WordTable } from './word-table.ts'
import { ALL_CLASSES, createWordTable } from './word-table.ts'
import { lineBytes } from './words.ts'
import { createWriter } from './writer.ts'

/** Read at a time, unless a record is longer. */
const READ_BYTES = 256 * 1024
/** Marks of the first pass; later ones have fewer, so that the result stays small. */
const MARKS_MAX = 512
const MARKS_MIN = 32
/** Where a longer word would be needed to tell its place, there is no mark. */
const MARK_WORD_BYTES_MAX = 128

/** Writes `g0`, `g1` ...: as many as passes were needed. */
export function groupFiles(work: Work, limits?: TableLimits): GroupOutput {
  const paths = Object.values(work.files)
  const total: GroupOutput = { words: 0, distinctWords: 0, bytes: 0, marks: [] }
  const table = createWordTable(limits)
  let from = 0
  for (let pass = 0; from < ALL_CLASSES.to; pass++) {
    const classes = { from, to: ALL_CLASSES.to }
    table.clear()
    for (const path of paths) addFile(table, path, classes)
    const marksMax = Math.max(MARKS_MIN, Math.floor(MARKS_MAX / (pass + 1)))
    writeGroup(table, join(work.out, `g${pass}`), marksMax, total)
    from = classes.to
  }
  return total
}

/** Adds up the words of these classes in a file. Lowers `classes.to` when the table is full. */
function addFile(table: WordTable, path: string, classes: Classes) {
  const { text } = table
  const file = openSync(path, 'r')
  try {
    for (let end = 0; ; ) {
      const read = readSync(file, text, end, Math.min(READ_BYTES, text.length - end), null)
      end += read
      let at = table.addRecords(0, end, classes)
      while (at !== null && table.isFull()) {
        halve(classes)
        table.keep(classes)
        at = table.addRecords(at, end, classes)
      }
      if (at === null || (read === 0 && at < end)) throw brokenRecords(path)
      if (read === 0) return
      text.copyWithin(0, at, end)
      end -= at
    }
  } finally {
    closeSync(file)
  }
}

function halve(classes: Classes) {
  const { from, to } = classes
  if (to - from <= 1) throw new Error('too many words have the same hash')
  classes.to = from + Math.floor((to - from) / 2)
}

function writeGroup(table: WordTable, path: string, marksMax: number, total: GroupOutput) {
  const words = table.list()
  const { lengths, counts } = words
  const order = orderOf(words)
  const writer = createWriter(path)
  table.eachOrdered(order, (records) => writer.put(records, 0, records.length))
  writer.close()
  const bytes = linesBytes(words)
  const step = bytes / marksMax
  const since = { words: 0, bytes: 0 }
  for (let i = 0; i < order.length; i++) {
    const index = order[i]!
    const count = counts[index]!
    total.words += count
    since.words++
    since.bytes += lineBytes(count, lengths[index]!)
    if (since.bytes < step || i + 1 === order.length) continue
    const mark = markBetween(words, index, order[i + 1]!, since)
    if (!mark) continue
    total.marks.push(mark)
    since.words = 0
    since.bytes = 0
  }
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
