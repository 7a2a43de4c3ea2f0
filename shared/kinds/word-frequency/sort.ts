// Sorts one piece of the result: merges the sub-lists that groups have for it, each in order
// already, through a heap. Memory is bounded by the number of sub-lists.

import { join } from 'node:path'
import type { Work } from '../kind.ts'
import type { SortOutput } from './inputs.ts'
import { TOP_CHARACTERS_MAX, TOP_MAX } from './inputs.ts'
import type { RecordReader } from './records.ts'
import { createRecordReader } from './records.ts'
import { compareWords, lineBytes, SPACE } from './words.ts'
import { createWriter } from './writer.ts'

const BUFFERS_BYTES = 32 * 2 ** 20
const BUFFER_BYTES_MAX = 256 * 1024
const BUFFER_BYTES_MIN = 4096
const NEWLINE = 10

/** Writes lines of `<count> <word>` to `results.txt`, which has no bytes when there are no words. */
export function sortFiles(work: Work): SortOutput {
  const paths = Object.values(work.files)
  const share = Math.floor(BUFFERS_BYTES / Math.max(1, paths.length))
  const bufferBytes = Math.max(BUFFER_BYTES_MIN, Math.min(BUFFER_BYTES_MAX, share))
  const heap = paths
    .map((path) => createRecordReader(path, bufferBytes))
    .filter(({ next }) => next())
  for (let i = heap.length >> 1; i >= 0; i--) sink(heap, i)

  const writer = createWriter(join(work.out, 'results.txt'))
  writer.touch()
  const output: SortOutput = { distinctWords: 0, bytes: 0, top: [] }
  while (heap.length > 0) {
    const { record, next } = heap[0]!
    const { count, text, from, to } = record
    writer.putDecimal(count)
    writer.putByte(SPACE)
    writer.put(text, from, to)
    writer.putByte(NEWLINE)
    output.distinctWords++
    output.bytes += lineBytes(count, to - from)
    if (output.top.length < TOP_MAX) {
      // A character takes at most four bytes.
      const shown = text.toString('utf8', from, Math.min(to, from + 4 * TOP_CHARACTERS_MAX))
      output.top.push({ word: shown.slice(0, TOP_CHARACTERS_MAX).toWellFormed(), count })
    }
    if (!next()) {
      const last = heap.pop()!
      if (heap.length > 0) heap[0] = last
    }
    sink(heap, 0)
  }
  writer.close()
  return output
}

function sink(heap: RecordReader[], from: number) {
  let at = from
  for (;;) {
    let first = at
    for (let child = 2 * at + 1; child <= 2 * at + 2 && child < heap.length; child++) {
      if (stands(heap[child]!, heap[first]!)) first = child
    }
    if (first === at) return
    const moved = heap[at]!
    heap[at] = heap[first]!
    heap[first] = moved
    at = first
  }
}

/** Whether what a holds stands before what b holds. */
function stands({ record: a }: RecordReader, { record: b }: RecordReader): boolean {
  if (a.count !== b.count) return a.count > b.count
  return compareWords(a.text, a.from, a.to, b.text, b.from, b.to) < 0
}
