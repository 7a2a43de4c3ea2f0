// Counts the words of ranges of files. A range owns the words that begin in it: it passes over what
// is left of a word at its front and reads on behind its end until its last word ends. Memory is
// bounded: by a text that holds the longest word, and by the table, which is emptied when it is
// full.

import { readSync } from 'node:fs'
import { join } from 'node:path'
import type { SteadyFile } from '../../process/unchanged-file.ts'
import { fileChanged, openSteady } from '../../process/unchanged-file.ts'
import type { Work } from '../kind.ts'
import { TaskFailure } from '../kind.ts'
import { identityOf, openListed } from './folder.ts'
import type { CountOutput, Piece, Seen } from './inputs.ts'
import type { TableLimits, WordTable } from './word-table.ts'
import { createWordTable } from './word-table.ts'
import { isSpace, WORD_BYTES_MAX } from './words.ts'
import type { Writer } from './writer.ts'
import { createWriter } from './writer.ts'

/** Read at a time, unless a word is longer. */
const READ_BYTES = 256 * 1024
/** Enough for what stands around a short range. */
const AROUND_BYTES = 4096

/** Bytes that can be read anywhere. */
type Source = {
  name: string
  size: number
  version: string
  read(into: Uint8Array, offset: number, length: number, position: number): number
  /** Throws `file-changed`. */
  check(): void
  close(): void
}

/**
 * Counts the words of all pieces and writes them, group by group, to files `r<group>`. Gives how
 * many bytes and words that were, and which versions of files that other parts read too.
 */
export function countPieces(
  { pieces, groups }: { pieces: Piece[]; groups: number },
  work: Work,
  limits?: TableLimits,
): CountOutput {
  const table = createWordTable(limits)
  const writers: Writer[] = []
  for (let k = 0; k < groups; k++) writers.push(createWriter(join(work.out, `r${k}`)))
  const write = () => {
    table.eachRecords(groups, (group, records) => writers[group]!.put(records, 0, records.length))
  }
  let bytes = 0
  const seen: Seen[] = []
  for (const piece of pieces) {
    const source = sourceOf(piece, work)
    try {
      const from = 'from' in piece ? piece.from : 0
      const to = 'from' in piece ? piece.to : source.size
      countRange(source, from, to, table, write)
      source.check()
      bytes += to - from
      if ('from' in piece && to - from < piece.bytes) {
        const { name, version } = source
        seen.push({ name, folder: identityOf(work.shared), version })
      }
    } finally {
      source.close()
    }
  }
  write()
  for (const writer of writers) writer.close()
  return { bytes, words: table.counted(), ...(seen.length > 0 ? { seen } : {}) }
}

function countRange(source: Source, from: number, to: number, table: WordTable, write: () => void) {
  const { text } = table
  // Begins a byte early, to see whether the range begins inside of a word.
  let base = Math.max(0, from - 1)
  let inside = from > 0
  let end = 0
  let length = Math.min(READ_BYTES, to - from + AROUND_BYTES)
  while (base < to) {
    if (end === length) length = longer(length, source.name)
    end += read(source, text, end, length, base)
    const ended = base + end === source.size
    const limit = Math.min(end, to - base)
    let at = inside ? firstSpace(text, end) : 0
    inside &&= at === end
    if (!inside) {
      const stop = ended ? end + 1 : end
      at = table.count(at, limit, end, stop)
      while (table.isFull()) {
        write()
        table.clear()
        at = table.count(at, limit, end, stop)
      }
    }
    if (ended) return
    text.copyWithin(0, at, end)
    base += at
    end -= at
  }
}

/** Fills the text from `end` to `length`. `base` is where it begins in the source. */
function read(source: Source, text: Buffer, end: number, length: number, base: number): number {
  const position = base + end
  const wanted = Math.min(length - end, source.size - position)
  if (wanted <= 0) return 0
  const bytes = source.read(text, end, wanted, position)
  if (bytes > 0) return bytes
  throw fileChanged(source.name)
}

function longer(length: number, name: string): number {
  if (length > WORD_BYTES_MAX) {
    throw new TaskFailure('rejected-input', `${name} has a word of over ${WORD_BYTES_MAX} bytes`)
  }
  return Math.min(2 * length, WORD_BYTES_MAX + 1)
}

function firstSpace(text: Buffer, end: number): number {
  let at = 0
  while (at < end && !isSpace(text[at]!)) at++
  return at
}

function sourceOf(piece: Piece, work: Work): Source {
  if ('text' in piece) return sourceOfText(piece.text)
  if ('from' in piece) {
    return sourceOfFile(piece.name, openListed(work.shared, piece))
  }
  const path = work.files[piece.file]
  const name = piece.name ?? piece.file
  if (path === undefined)
    throw new TaskFailure('missing-file', `${name} was not sent with the task`)
  const source = sourceOfFile(name, openSteady(path, name))
  if (piece.bytes === undefined || piece.bytes === source.size) return source
  source.close()
  throw new TaskFailure(
    'rejected-input',
    `${name} has ${source.size} bytes instead of ${piece.bytes}, the size in the request`,
  )
}

function sourceOfFile(name: string, file: SteadyFile): Source {
  const { descriptor } = file
  return {
    ...file,
    name,
    read: (into, offset, length, position) => readSync(descriptor, into, offset, length, position),
  }
}

function sourceOfText(text: string): Source {
  const bytes = Buffer.from(text)
  return {
    name: 'the text',
    size: bytes.length,
    version: '',
    read: (into, offset, length, position) => bytes.copy(into, offset, position, position + length),
    check: () => {},
    close: () => {},
  }
}
