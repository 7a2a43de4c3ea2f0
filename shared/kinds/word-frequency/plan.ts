// What the master decides: who counts what, and where the result is cut into even pieces. Pure.

import type { CountOutput, ListOutput, Mark, Piece, Place } from './inputs.ts'
import { isSpace } from './words.ts'

export const CHUNK_BYTES = 64 * 2 ** 20
const CHUNK_BYTES_MIN = 2 ** 20
const COUNT_PARTS_MAX = 2000
/** A piece of the result is about this long at most ... */
const PIECE_BYTES = 64 * 2 ** 20
/** ... unless there would be more of them than this. */
const SORT_PARTS_MAX = 1000
/**
 * A result up to this is not cut, unless the client said into how many parts: one part merges it sooner than
 * one more stage takes.
 */
const WHOLE_BYTES_MAX = 8 * 2 ** 20

export type Blob = { sha256: string; name?: string; bytes?: number }

/**
 * Ranges of files, for one part each: all equally long, and as many as all slots can take in whole rounds,
 * when that does not make them tiny. `chunkBytes` is how long the client wants them.
 */
export function cutFiles(
  files: ListOutput['files'],
  slots: number,
  chunkBytes: number | undefined,
): Piece[][] {
  const total = files.reduce((sum, { bytes }) => sum + bytes, 0)
  let wanted = Math.ceil(total / (chunkBytes ?? CHUNK_BYTES))
  if (chunkBytes === undefined) {
    const even = Math.ceil(wanted / slots) * slots
    wanted = Math.min(even, Math.floor(total / CHUNK_BYTES_MIN))
  }
  const parts = Math.max(1, Math.min(COUNT_PARTS_MAX, wanted))
  const chunk = Math.max(1, Math.ceil(total / parts))

  const cut: Piece[][] = [[]]
  let left = chunk
  for (const { name, bytes } of files) {
    let from = 0
    do {
      if (left === 0) {
        cut.push([])
        left = chunk
      }
      const to = Math.min(bytes, from + left)
      cut.at(-1)!.push({ name, bytes, from, to })
      left -= to - from
      from = to
    } while (from < bytes)
  }
  return cut
}

/** One part counts about so many characters of a text. 15 MB as one part were one commit and one offer. */
export const TEXT_PART_CHARS = 500_000

/** The pieces of a text, cut before spaces. A longer word stays whole, to be counted or refused as such. */
export function cutText(text: string): string[] {
  const pieces: string[] = []
  let from = 0
  while (text.length - from > TEXT_PART_CHARS) {
    const to = spaceAfter(text, from + TEXT_PART_CHARS)
    pieces.push(text.slice(from, to))
    from = to
  }
  return from < text.length || from === 0 ? [...pieces, text.slice(from)] : pieces
}

function spaceAfter(text: string, from: number): number {
  let at = from
  while (at < text.length && !isSpace(text.charCodeAt(at))) at++
  return at
}

/** The first file of which two parts read different versions in one folder; null when none. */
export function changedFile(counted: CountOutput[]): string | null {
  const versions = new Map<string, string>()
  for (const { name, folder, version } of counted.flatMap(({ seen = [] }) => seen)) {
    const key = `${folder} ${name}`
    if ((versions.get(key) ?? version) !== version) return name
    versions.set(key, version)
  }
  return null
}

/** Blobs, for one part each: small ones together. One whose size was not said is alone. */
export function packBlobs(blobs: Blob[], chunkBytes = CHUNK_BYTES): Blob[][] {
  const least = Math.ceil(blobs.length / COUNT_PARTS_MAX)
  const packed: Blob[][] = []
  let left = 0
  for (const blob of blobs) {
    const bytes = blob.bytes ?? chunkBytes
    const last = packed.at(-1)
    const fits = last && (bytes <= left || last.length < least)
    if (fits) last.push(blob)
    else packed.push([blob])
    left = (fits ? left : chunkBytes) - bytes
  }
  return packed
}

/** Where the result is cut. `parts` is what the client said, `groups` what is used. */
export function cutsOf(
  outputs: { bytes: number; marks: Mark[] }[],
  { parts, groups }: { parts: number | null; groups: number },
): Place[] {
  const total = outputs.reduce((sum, { bytes }) => sum + bytes, 0)
  return parts === null && total <= WHOLE_BYTES_MAX ? [] : cutResult(outputs, groups)
}

/**
 * Places that divide the result into pieces of about the same number of bytes: as many as `groups`,
 * or more when they would be too long. The marks of all groups, put in order, are the distribution
 * of all frequencies: a place is wrong by as much as one mark of each group stands for.
 */
export function cutResult(outputs: { bytes: number; marks: Mark[] }[], groups: number): Place[] {
  const total = outputs.reduce((sum, { bytes }) => sum + bytes, 0)
  const pieces = Math.max(groups, Math.min(SORT_PARTS_MAX, Math.ceil(total / PIECE_BYTES)))
  const marks = outputs
    .flatMap(({ marks }) => marks)
    .map((mark) => ({ mark, word: Buffer.from(mark.word, 'base64') }))
    .sort((a, b) => b.mark.frequency - a.mark.frequency || Buffer.compare(a.word, b.word))
  const cuts: Place[] = []
  let before = 0
  let piece = 0
  for (const { mark } of marks) {
    before += mark.bytes
    const next = Math.min(pieces - 1, Math.floor((before * pieces) / total))
    if (next > piece) cuts.push({ frequency: mark.frequency, word: mark.word })
    piece = next
  }
  return cuts
}
