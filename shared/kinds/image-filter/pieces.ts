// Rows of an image, compressed apart from all others, so that the pieces of one image can be made side by
// side and joined as they are. Owns the compression of results.
//
//   strip.png   IHDR  asPC  IDAT 78 01  IDAT above  IDAT own rows  IDAT below  IDAT 03 00 Adler-32  IEND
//                                                   |
//   image.png               IHDR  IDAT 78 01  IDAT own rows  IDAT of the next strip ...  IEND
//
// A piece is whole blocks of deflate that end at a byte and refer to no earlier piece; no row refers to
// one either. `asPC` (ancillary, private, not to be copied by editors) says how many rows each piece has,
// and its Adler-32. A strip without it is no worse: it is decoded, and compressed where it is joined.

import { finished } from 'node:stream/promises'
import { createDeflate, createInflate, constants as zlib } from 'node:zlib'
import type { Pixels } from './filters.ts'
import type { Size } from './png.ts'
import {
  beginning,
  chunk,
  chunksOf,
  ending,
  joinAdlers,
  lineBytes,
  uint32,
  ZLIB_HEADER,
} from './png.ts'

/** `data`: blocks of deflate, none of them the last. */
export type Piece = { rows: number; adler: number; data: Buffer }

/** How a row is filtered (W3C PNG, 9.2): by its left neighbours, or by those above. */
const [SUB, UP, TYPES] = [1, 2, 5]
/**
 * Of zlib. With rows filtered by those above, a photograph of 8.6 megapixels is 7.1 MB after 0.30 s; at
 * level 2 6.8 MB after 0.37 s, at 4 6.0 MB after 0.54 s; filtered by Paeth's function 7.1 MB too, after
 * 0.2 s more.
 */
const LEVEL = 1
/** What zlib compresses or expands to at a time. In bytes. */
const CHUNK_BYTES = 1 << 20
/** An empty last block. */
const LAST_BLOCK = Buffer.from([0x03, 0x00])
const ADLER_BYTES = 4
const PIECES = 'asPC'

/** Compresses all rows of an image as one piece. */
export async function compress(pixels: Pixels): Promise<Piece> {
  const deflate = createDeflate({ level: LEVEL, chunkSize: CHUNK_BYTES })
  const chunks: Buffer[] = []
  deflate.on('data', (part: Buffer) => chunks.push(part))
  const rows = Math.max(1, Math.floor(CHUNK_BYTES / lineBytes(pixels)))
  let written = Promise.resolve()
  for (let top = 0; top < pixels.height; top += rows) {
    // The next rows are filtered while zlib, in a thread, compresses these.
    const lines = filtered(pixels, top, Math.min(rows, pixels.height - top))
    await written
    written = new Promise((resolve) => deflate.write(lines, () => resolve()))
  }
  await written
  // Ends the piece at a byte. What comes after it is dropped, but for the Adler-32.
  await new Promise<void>((resolve) => deflate.flush(zlib.Z_SYNC_FLUSH, resolve))
  deflate.end()
  await finished(deflate)
  const stream = Buffer.concat(chunks)
  const end = stream.length - ADLER_BYTES - LAST_BLOCK.length
  return {
    rows: pixels.height,
    adler: stream.readUInt32BE(stream.length - ADLER_BYTES),
    data: stream.subarray(ZLIB_HEADER.length, end),
  }
}

/** Some rows as they are compressed, each with its filter type. */
function filtered({ data, ...size }: Pixels, top: number, rows: number): Uint8Array {
  const line = lineBytes(size)
  const row = (y: number): Uint8Array => data.subarray(y * (line - 1), (y + 1) * (line - 1))
  const lines = Buffer.allocUnsafe(line * rows)
  for (let y = 0; y < rows; y++) {
    const samples = row(top + y)
    const to = lines.subarray(y * line + 1, (y + 1) * line)
    if (top + y === 0) {
      lines[y * line] = SUB
      for (let i = 0; i < to.length; i++) to[i] = samples[i]! - (samples[i - size.channels] ?? 0)
    } else {
      lines[y * line] = UP
      const above = row(top + y - 1)
      for (let i = 0; i < to.length; i++) to[i] = samples[i]! - above[i]!
    }
  }
  return lines
}

/** A strip as a file of pieces. */
export function encodePieces(size: Size, pieces: Piece[]): Buffer[] {
  const list = pieces.flatMap(({ rows, adler }) => [uint32(rows), uint32(adler)])
  return [
    ...beginning(size),
    ...chunk(PIECES, ...list),
    ...chunk('IDAT', ZLIB_HEADER),
    ...pieces.flatMap(bodyOf),
    ...tailOf(size, pieces),
  ]
}

/** The piece of a file that consists of the rows from `top` on; null when it has none, or a faulty one. */
export async function pieceIn(png: Buffer, size: Size, top: number, rows: number) {
  const file = chunksOf(png)
  if (!file || (['width', 'height', 'channels'] as const).some((of) => file.size[of] !== size[of]))
    return null
  const [list, head, ...pieces] = file.chunks
  const tail = pieces.pop()
  if (list?.type !== PIECES || list.data.length !== 8 * pieces.length || !head || !tail) return null
  if (![head, tail, ...pieces].every(({ type }) => type === 'IDAT')) return null
  let start = 0
  for (const [i, { data }] of pieces.entries()) {
    const piece: Piece = {
      rows: list.data.readUInt32BE(8 * i),
      adler: list.data.readUInt32BE(8 * i + 4),
      data,
    }
    if (start === top && piece.rows === rows) return (await isSound(size, piece)) ? piece : null
    start += piece.rows
  }
  return null
}

/** Whether a piece is what it says: a slave in another language may have written it. */
async function isSound(size: Size, { rows, adler, data }: Piece): Promise<boolean> {
  const line = lineBytes(size)
  const inflate = createInflate({ chunkSize: CHUNK_BYTES })
  const stream = [ZLIB_HEADER, data, LAST_BLOCK, uint32(adler)]
  for (const bytes of stream) inflate.write(bytes)
  inflate.end()
  let [count, next] = [0, 0]
  try {
    for await (const part of inflate as AsyncIterable<Buffer>) {
      for (; next < count + part.length; next += line) {
        const type = part[next - count] as number
        if (next === 0 ? type > SUB : type >= TYPES) return false
      }
      count += part.length
      if (count > rows * line) return false
    }
  } catch {
    return false
  }
  // A block in between that says it is the last would end the image here.
  const isRead = inflate.bytesWritten === stream.reduce((sum, { length }) => sum + length, 0)
  return isRead && count === rows * line
}

/** What stands before the pieces of an image, without a list of them. */
export const headOf = (size: Size): Buffer[] => [...beginning(size), ...chunk('IDAT', ZLIB_HEADER)]

/** A piece as it stands in an image. */
export const bodyOf = ({ data }: Pick<Piece, 'data'>): Buffer[] => chunk('IDAT', data)

/** What stands after the pieces of an image. */
export function tailOf(size: Size, pieces: Omit<Piece, 'data'>[]): Buffer[] {
  const line = lineBytes(size)
  const adler = pieces.reduce((sum, next) => joinAdlers(sum, next.adler, next.rows * line), 1)
  return [...chunk('IDAT', LAST_BLOCK, uint32(adler)), ...ending()]
}
