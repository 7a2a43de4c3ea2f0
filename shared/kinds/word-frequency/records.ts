// The format of all files that slaves exchange: words with their counts.
//
//   file     records, one after the other, to its end
//   record   count (1 or more) in LEB128, length of the word in bytes in LEB128, the word
//
// In `r<k>` (of a part of count) records stand in no order and a word may stand in it twice. In
// `g<n>` (of group) and `s<k>.<n>` (of exchange) they are in the order of the result: by count,
// highest first, then by the bytes of the word; and a word stands in one place only.

import { closeSync, openSync, readSync } from 'node:fs'
import { WORD_BYTES_MAX } from './words.ts'
import type { Writer } from './writer.ts'

/** More bytes than the two numbers of a record can have. */
const NUMBERS_BYTES_MAX = 13

export function putRecord(
  writer: Writer,
  count: number,
  bytes: Uint8Array,
  from: number,
  to: number,
) {
  writer.putNumber(count)
  writer.putNumber(to - from)
  writer.put(bytes, from, to)
}

/** A record that was read: its word is `text` from `from` to `to`, until the next is read. */
export type Record = { count: number; text: Buffer; from: number; to: number }

export type RecordReader = ReturnType<typeof createRecordReader>

/** Reads a file record by record, with a buffer of `bufferBytes` or what its longest word takes. */
export function createRecordReader(path: string, bufferBytes = 256 * 1024) {
  const file = openSync(path, 'r')
  const record: Record = { count: 0, text: Buffer.allocUnsafe(bufferBytes), from: 0, to: 0 }
  let at = 0
  let end = 0
  let ended = false
  let closed = false

  /** Reads one more into `record`; false when there is none, and the file is closed. */
  function next(): boolean {
    if (end - at < NUMBERS_BYTES_MAX) fill(NUMBERS_BYTES_MAX)
    if (at === end) {
      close()
      return false
    }
    record.count = number()
    const length = number()
    if (record.count < 1 || length < 1 || length > WORD_BYTES_MAX) throw broken()
    if (end - at < length) fill(length)
    if (end - at < length) throw broken()
    record.from = at
    at += length
    record.to = at
    return true
  }

  function number(): number {
    const bytes = record.text
    let value = 0
    for (let factor = 1; ; factor *= 128) {
      if (at === end || factor > 2 ** 49) throw broken()
      const byte = bytes[at++]!
      if (byte < 128) return value + byte * factor
      value += (byte - 128) * factor
    }
  }

  /** Moves what is left to the front and reads on until there are `wanted` bytes, or no more. */
  function fill(wanted: number) {
    if (ended) return
    record.text.copyWithin(0, at, end)
    end -= at
    at = 0
    if (wanted > record.text.length) record.text = longer(record.text, end, 2 * wanted)
    const bytes = record.text
    const { length } = bytes
    while (end < length && !ended) {
      const read = readSync(file, bytes, end, length - end, null)
      end += read
      ended = read === 0
    }
  }

  const broken = () => brokenRecords(path)

  function close() {
    if (!closed) closeSync(file)
    closed = true
  }

  return { record, next, close }
}

export const brokenRecords = (path: string) =>
  new Error(`${path} is not a file of words and counts, or is truncated`)

/** The same bytes up to `used`, in a longer buffer. */
function longer(bytes: Buffer, used: number, length: number): Buffer {
  const more = Buffer.allocUnsafe(length)
  bytes.copy(more, 0, 0, used)
  return more
}
