// PNG files of 8 bits per channel, written and read: enough to give a slave an image and to look at
// what it made of it.

import { crc32, deflateSync, inflateSync } from 'node:zlib'

export type Image = { width: number; height: number; channels: 1 | 2 | 3 | 4; data: Buffer }

const SIGNATURE = Buffer.from('89504e470d0a1a0a', 'hex')
/** The colour type of PNG, by number of channels. */
const COLOUR = { 1: 0, 2: 4, 3: 2, 4: 6 } as const
const CHANNELS: Record<number, Image['channels']> = { 0: 1, 4: 2, 2: 3, 6: 4 }

/** A PNG file. `claimed` is the size that its head tells, when it is not the true one. */
export function encodePng({ width, height, channels, data }: Image, claimed = { width, height }) {
  const head = Buffer.alloc(13)
  head.writeUInt32BE(claimed.width, 0)
  head.writeUInt32BE(claimed.height, 4)
  head.set([8, COLOUR[channels], 0, 0, 0], 8)
  const line = width * channels
  const raw = Buffer.alloc(height * (line + 1))
  for (let y = 0; y < height; y++) data.copy(raw, y * (line + 1) + 1, y * line, (y + 1) * line)
  const parts = [chunk('IHDR', head), chunk('IDAT', deflateSync(raw)), chunk('IEND')]
  return Buffer.concat([SIGNATURE, ...parts])
}

/** Reads a PNG file that is not interlaced. Throws when it is none, or of another depth. */
export function decodePng(file: Buffer): Image {
  if (!file.subarray(0, 8).equals(SIGNATURE)) throw new Error('not a PNG')
  let head: Buffer | undefined
  const parts: Buffer[] = []
  for (let at = 8; at + 8 <= file.length; ) {
    const length = file.readUInt32BE(at)
    const body = file.subarray(at + 8, at + 8 + length)
    const name = file.toString('latin1', at + 4, at + 8)
    if (name === 'IHDR') head = body
    if (name === 'IDAT') parts.push(body)
    at += length + 12
  }
  const channels = CHANNELS[head?.[9] ?? -1]
  if (!head || !channels || head[8] !== 8 || head[12] !== 0) {
    throw new Error('not a PNG of 8 bits per channel without palette and interlacing')
  }
  const [width, height] = [head.readUInt32BE(0), head.readUInt32BE(4)]
  const raw = inflateSync(Buffer.concat(parts))
  return { width, height, channels, data: unfiltered(raw, height, width * channels, channels) }
}

function chunk(name: string, body: Buffer = Buffer.alloc(0)): Buffer {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(body.length)
  const rest = Buffer.concat([Buffer.from(name, 'latin1'), body])
  const sum = Buffer.alloc(4)
  sum.writeUInt32BE(crc32(rest))
  return Buffer.concat([length, rest, sum])
}

/** Undoes the filters of PNG (its specification, section 9). */
function unfiltered(raw: Buffer, height: number, line: number, step: number): Buffer {
  if (raw.length < height * (line + 1)) throw new Error('the PNG is cut short')
  const data = Buffer.alloc(height * line)
  for (let y = 0; y < height; y++) {
    const filter = raw[y * (line + 1)] as number
    for (let x = 0; x < line; x++) {
      const at = y * line + x
      const left = x < step ? 0 : (data[at - step] as number)
      const up = y === 0 ? 0 : (data[at - line] as number)
      const corner = x < step || y === 0 ? 0 : (data[at - line - step] as number)
      const guess = [0, left, up, (left + up) >> 1, paeth(left, up, corner)][filter] ?? 0
      data[at] = (raw[y * (line + 1) + 1 + x] as number) + guess
    }
  }
  return data
}

function paeth(left: number, up: number, corner: number): number {
  const guess = left + up - corner
  const [l, u, c] = [Math.abs(guess - left), Math.abs(guess - up), Math.abs(guess - corner)]
  if (l <= u && l <= c) return left
  return u <= c ? up : corner
}

/** The same image in grey: R = G = B = L, alpha unchanged, with L as in ITU-R 601, rounded. */
export function grayscale({ width, height, channels, data }: Image): Image {
  const grey = Buffer.from(data)
  for (let at = 0; channels >= 3 && at < grey.length; at += channels) {
    const [r, g, b] = [grey[at], grey[at + 1], grey[at + 2]] as [number, number, number]
    grey.fill((r * 19_595 + g * 38_470 + b * 7_471 + 32_768) >> 16, at, at + 3)
  }
  return { width, height, channels, data: grey }
}
