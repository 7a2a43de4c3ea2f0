// Counts the words of ranges of files. A range owns the words that begin in it: it passes over what
// is left of a word at its front and reads on behind its end until its last word ends. Memory is
// bounded: by a buffer that holds the longest word, and by the table, which is emptied when it is
// full.

import { readSync } from 'node:fs'
import { join } from 'node:path'
import type { SteadyFile } from '../../process/unchanged-file.ts'
import { fileChanged, openSteady } from '../../process/unchanged-file.ts'
import type { Work } from '../kind.ts'
import { TaskFailure } from '../kind.ts'
import { identityOf, openListed } from './folder.ts'
import type { CountOutput, Piece, Seen } from './inputs.ts'
import { putRecord } from './records.ts'
import type { Text } from './text.ts'
import { createText, longerText } from './text.ts'
import type { TableLimits, WordTable } from './word-table.ts'
import { createWordTable } from './word-table.ts'
import { groupOf, hashOf, isSpace, SPACE, WORD_BYTES_MAX } from './words.ts'
import type { Writer } from './writer.ts'
import { createWriter } from './writer.ts'

const BUFFER_BYTES = 2 ** 20
/** Enough for what stands around a short range. */
const BUFFER_BYTES_MIN = 4096

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
    table.forEach((text, from, to, times) => {
      const group = groupOf(hashOf(text.bytes, from, to), groups)
      putRecord(writers[group]!, times, text.bytes, from, to)
    })
  }
  let bytes = 0
  const seen: Seen[] = []
  let text = createText(Math.min(BUFFER_BYTES, BUFFER_BYTES_MIN + longestOf(pieces)))
  for (const piece of pieces) {
    const source = sourceOf(piece, work)
    try {
      const from = 'from' in piece ? piece.from : 0
      const to = 'from' in piece ? piece.to : source.size
      text = countRange(source, from, to, text, table, write)
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

/** How long the longest piece is; unknown ones are taken for long. */
const longestOf = (pieces: Piece[]): number =>
  pieces.reduce(
    (most, piece) => Math.max(most, 'from' in piece ? piece.to - piece.from : BUFFER_BYTES),
    0,
  )

/** Gives the buffer back, which may have had to become a longer one. */
function countRange(
  source: Source,
  from: number,
  to: number,
  buffer: Text,
  table: WordTable,
  write: () => void,
): Text {
  let text = buffer
  // Begins a byte early, to see whether the range begins inside of a word.
  let base = Math.max(0, from - 1)
  let inside = from > 0
  let end = 0
  while (base < to) {
    if (end === text.length - 1) text = longer(text, source.name)
    end += read(source, text, end, base)
    const ended = base + end === source.size
    text.bytes[end] = SPACE
    const limit = Math.min(end, to - base)
    let at = inside ? firstSpace(text, end) : 0
    inside &&= at === end
    if (!inside) {
      const stop = ended ? end + 1 : end
      at = table.count(text, at, limit, stop)
      while (table.isFull()) {
        write()
        table.clear()
        at = table.count(text, at, limit, stop)
      }
    }
    if (ended) return text
    text.bytes.copyWithin(0, at, end)
    base += at
    end -= at
  }
  return text
}

/** Fills the buffer from `end`, but for one byte. `base` is where it begins in the source. */
function read(source: Source, text: Text, end: number, base: number): number {
  const position = base + end
  const length = Math.min(text.length - 1 - end, source.size - position)
  if (length <= 0) return 0
  const bytes = source.read(text.bytes, end, length, position)
  if (bytes > 0) return bytes
  throw fileChanged(source.name)
}

function longer(text: Text, name: string): Text {
  if (text.length > WORD_BYTES_MAX) {
    throw new TaskFailure('rejected-input', `${name} has a word of over ${WORD_BYTES_MAX} bytes`)
  }
  return longerText(text, text.length, Math.min(2 * text.length, WORD_BYTES_MAX + 2))
}

function firstSpace({ bytes }: Text, end: number): number {
  let at = 0
  while (at < end && !isSpace(bytes[at]!)) at++
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
