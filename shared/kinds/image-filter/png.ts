// PNG files, chunk by chunk (W3C PNG, 3rd edition): what strips need, without libpng, which would compress
// each. Owns the form of a file and of a strip whose pixels stand in it as they are.
//
//   signature  IHDR  [asPC]  IDAT ...  IEND      all IDAT together: 78 01, deflate blocks, Adler-32
//
// Every PNG reader takes these files: a slave in another language need not know how they came about.

import { crc32 } from 'node:zlib'
import type { Pixels } from './filters.ts'

/** What a header says, of 8 bits per sample in RGB or RGBA. */
export type Size = Omit<Pixels, 'data'>
export type Chunk = { type: string; data: Buffer }

const SIGNATURE = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1')
/** Colour types by number of channels. */
const COLOURS = { 3: 2, 4: 6 } as const
/** Deflate in blocks of 32 KiB, "fastest". */
export const ZLIB_HEADER = Buffer.from([0x78, 0x01])
/** A block of deflate that is not compressed: its head, and the most that it holds. */
const HEAD_BYTES = 5
const BLOCK_BYTES_MAX = 65_535

/** Bytes of a row in a file: its filter type, and its samples. */
export const lineBytes = ({ width, channels }: Size): number => 1 + width * channels

/** The signature and the header. */
export function beginning({ width, height, channels }: Size): Buffer[] {
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width, 0)
  header.writeUInt32BE(height, 4)
  header[8] = 8
  header[9] = COLOURS[channels]
  return [SIGNATURE, ...chunk('IHDR', header)]
}

/** A chunk, in buffers to be written one after the other. */
export function chunk(type: string, ...data: Buffer[]): Buffer[] {
  const head = Buffer.alloc(8)
  head.writeUInt32BE(data.reduce((sum, { length }) => sum + length, 0))
  head.write(type, 4, 'latin1')
  const crc = data.reduce((sum, bytes) => crc32(bytes, sum), crc32(head.subarray(4)))
  return [head, ...data, uint32(crc)]
}

export const ending = (): Buffer[] => chunk('IEND')

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value >>> 0)
  return bytes
}

/** The chunks of a file after its header, and what that says; null unless all of it is as we write it. */
export function chunksOf(png: Buffer): { size: Size; chunks: Chunk[] } | null {
  if (!png.subarray(0, 8).equals(SIGNATURE)) return null
  const chunks: Chunk[] = []
  for (let at = 8; at < png.length; ) {
    if (at + 12 > png.length) return null
    const end = at + 8 + png.readUInt32BE(at)
    if (end + 4 > png.length) return null
    if (crc32(png.subarray(at + 4, end)) !== png.readUInt32BE(end)) return null
    chunks.push({ type: png.toString('latin1', at + 4, at + 8), data: png.subarray(at + 8, end) })
    at = end + 4
  }
  const [header, ...others] = chunks
  const size = header?.type === 'IHDR' ? sizeOf(header.data) : null
  if (!size || others.pop()?.type !== 'IEND') return null
  return { size, chunks: others }
}

function sizeOf(header: Buffer): Size | null {
  const channels = header[9] === COLOURS[3] ? 3 : 4
  if (header.length !== 13 || header[8] !== 8 || header[9] !== COLOURS[channels]) return null
  // The compression, the filter method, and whether it is interlaced.
  if (header.readUIntBE(10, 3) !== 0) return null
  return { width: header.readUInt32BE(0), height: header.readUInt32BE(4), channels }
}

/** A file in which the pixels stand uncompressed: it is read once, and soon. */
export function encodePlain({ data, ...size }: Pixels): Buffer {
  const line = lineBytes(size)
  const total = line * size.height
  const blocks = Math.ceil(total / BLOCK_BYTES_MAX)
  const idat = Buffer.allocUnsafe(ZLIB_HEADER.length + blocks * HEAD_BYTES + total + 4)
  ZLIB_HEADER.copy(idat)
  let [at, left, room] = [ZLIB_HEADER.length, total, 0]
  const put = (bytes: Uint8Array): void => {
    for (let from = 0; from < bytes.length; ) {
      if (room === 0) at = beginBlock()
      const part = bytes.subarray(from, from + room)
      idat.set(part, at)
      at += part.length
      from += part.length
      room -= part.length
    }
  }
  const beginBlock = (): number => {
    room = Math.min(left, BLOCK_BYTES_MAX)
    left -= room
    idat[at] = left === 0 ? 1 : 0
    idat.writeUInt16LE(room, at + 1)
    idat.writeUInt16LE(room ^ 0xffff, at + 3)
    return at + HEAD_BYTES
  }
  let adler = 1
  for (let y = 0; y < size.height; y++) {
    const row = data.subarray(y * (line - 1), (y + 1) * (line - 1))
    put(UNFILTERED)
    put(row)
    adler = adler32(row, adler32(UNFILTERED, adler))
  }
  idat.writeUInt32BE(adler, at)
  return Buffer.concat([...beginning(size), ...chunk('IDAT', idat), ...ending()])
}

const UNFILTERED = new Uint8Array([0])

/** The pixels of a file that encodePlain wrote, or another encoder just so; null: it is another one. */
export function decodePlain(png: Buffer): Pixels | null {
  const { size, chunks } = chunksOf(png) ?? {}
  const [idat, ...others] = chunks ?? []
  if (!size || idat?.type !== 'IDAT' || others.length > 0) return null
  const line = lineBytes(size)
  const lines = unpacked(idat.data, line * size.height)
  if (!lines) return null
  const data = new Uint8Array(lines.length - size.height)
  for (let y = 0; y < size.height; y++) {
    if (lines[y * line] !== 0) return null
    data.set(lines.subarray(y * line + 1, (y + 1) * line), y * (line - 1))
  }
  return { ...size, data }
}

/** What stands in uncompressed blocks, if that is all of it and has this length. */
function unpacked(stream: Buffer, length: number): Buffer | null {
  const end = stream.length - 4
  // Also of a header that promises more than the file has.
  if (!stream.subarray(0, 2).equals(ZLIB_HEADER) || length > end) return null
  const bytes = Buffer.allocUnsafe(length)
  let filled = 0
  for (let at = 2, isLast = false; !isLast; ) {
    const kind = stream[at] as number
    if (at + HEAD_BYTES > end || kind > 1) return null
    isLast = kind === 1
    const size = stream.readUInt16LE(at + 1)
    const from = at + HEAD_BYTES
    at = from + size
    if (at > end || filled + size > length) return null
    if (stream.readUInt16LE(from - 2) !== (size ^ 0xffff)) return null
    filled += stream.copy(bytes, filled, from, at)
    if (isLast && at !== end) return null
  }
  // The CRC of the chunk was right; Adler-32 would tell nothing more.
  return filled === length ? bytes : null
}

const BASE = 65_521
/** So many bytes at a time keep both sums below 2^31. */
const SUMMED = 2_900

/** Adler-32 (RFC 1950) of bytes that come after those of `before`; 1: after none. */
export function adler32(bytes: Uint8Array, before: number): number {
  let [a, b] = [before & 0xffff, before >>> 16]
  for (let at = 0; at < bytes.length; ) {
    const end = Math.min(at + SUMMED, bytes.length)
    for (; at < end; at++) {
      a += bytes[at] as number
      b += a
    }
    a %= BASE
    b %= BASE
  }
  return b * 65_536 + a
}

/** Of bytes with one Adler-32 followed by `length` bytes with another. */
export function joinAdlers(first: number, second: number, length: number): number {
  const [a1, b1, a2, b2] = [first & 0xffff, first >>> 16, second & 0xffff, second >>> 16]
  const a = (a1 + a2 + BASE - 1) % BASE
  const b = (b1 + b2 + (length % BASE) * (a1 + BASE - 1)) % BASE
  return b * 65_536 + a
}
