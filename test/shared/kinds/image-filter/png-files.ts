// PNG files and ICC profiles, byte by byte, as no library need write them: of 8 and 16 bits, gray and RGB, with
// and without alpha, with a profile or a gamma.

import { crc32, deflateSync } from 'node:zlib'

export type Sort = { depth: 8 | 16; gray: boolean; alpha: boolean }

/** `samples`: from 0 to 1, pixel by pixel, in so many rows. */
export function pngFile(
  { depth, gray, alpha }: Sort,
  samples: ArrayLike<number>,
  chunks: Buffer[] = [],
  rows = 1,
): Buffer {
  const channels = (gray ? 1 : 3) + (alpha ? 1 : 0)
  const width = samples.length / channels / rows
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width, 0)
  header.writeUInt32BE(rows, 4)
  header[8] = depth
  header[9] = (gray ? 0 : 2) + (alpha ? 4 : 0)
  const ofRow = width * channels
  const bytes = depth / 8
  const data = Buffer.alloc(rows + samples.length * bytes)
  for (let i = 0; i < samples.length; i++) {
    const sample = samples[i] as number
    // Each row begins with its filter: none.
    const at = 1 + Math.floor(i / ofRow) + i * bytes
    if (depth === 8) data[at] = Math.round(sample * 255)
    else data.writeUInt16BE(Math.round(sample * 65_535), at)
  }
  return Buffer.concat([
    Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
    chunk('IHDR', header),
    ...chunks,
    chunk('IDAT', deflateSync(data, { level: 1 })),
    chunk('IEND', Buffer.alloc(0)),
  ])
}

export function chunk(type: string, data: Buffer): Buffer {
  const named = Buffer.concat([Buffer.from(type, 'latin1'), data])
  return Buffer.concat([uint32(data.length), named, uint32(crc32(named))])
}

export const gammaChunk = (gamma: number): Buffer =>
  chunk('gAMA', uint32(Math.round(gamma * 100_000)))

export const profileChunk = (profile: Buffer): Buffer =>
  chunk('iCCP', Buffer.concat([Buffer.from('p\0\0', 'latin1'), deflateSync(profile)]))

/** Red, green and blue in XYZ (D50), as profiles have them. */
export const PRIMARIES = {
  srgb: [0.43607, 0.22249, 0.01392, 0.38515, 0.71687, 0.09708, 0.14307, 0.06061, 0.7141],
  p3: [0.51512, 0.2412, -0.00105, 0.29198, 0.69225, 0.04189, 0.1571, 0.06657, 0.78407],
  adobe: [0.60974, 0.31111, 0.01947, 0.20528, 0.62567, 0.06087, 0.14919, 0.06322, 0.74457],
  proPhoto: [0.79767, 0.28804, 0, 0.13519, 0.71188, 0, 0.03134, 0.00009, 0.82491],
}

/** A curve of an ICC profile: a power, the curve of sRGB by its parameters, or by a table. */
export type Trc = { power: number } | 'srgb' | 'table'

/** A profile of curves, and for RGB a matrix: ICC.1:2022, version 4. */
export function profile(primaries: readonly number[] | 'gray', trc: Trc): Buffer {
  const curve = curveTag(trc)
  const white = xyzTag([0.9642, 1, 0.8249])
  const named: [string, Buffer][] =
    primaries === 'gray'
      ? [['kTRC', curve]]
      : ['r', 'g', 'b'].flatMap((each, i): [string, Buffer][] => [
          [`${each}XYZ`, xyzTag(primaries.slice(3 * i, 3 * i + 3))],
          [`${each}TRC`, curve],
        ])
  const tags: [string, Buffer][] = [['wtpt', white], ...named]
  const header = Buffer.alloc(128)
  header.writeUInt32BE(0x04300000, 8)
  header.write(`mntr${primaries === 'gray' ? 'GRAY' : 'RGB '}XYZ `, 12, 'latin1')
  header.write('acsp', 36, 'latin1')
  for (const [i, each] of [0.9642, 1, 0.8249].entries()) fixed(each).copy(header, 68 + 4 * i)
  const directory = [uint32(tags.length)]
  let at = 128 + 4 + 12 * tags.length
  for (const [name, tag] of tags) {
    directory.push(Buffer.from(name, 'latin1'), uint32(at), uint32(tag.length))
    at += tag.length
  }
  const whole = Buffer.concat([header, ...directory, ...tags.map(([, tag]) => tag)])
  whole.writeUInt32BE(whole.length, 0)
  return whole
}

/** sRGB's own curve, from samples to light. */
export const linear = (sample: number): number =>
  sample <= 0.04045 ? sample / 12.92 : ((sample + 0.055) / 1.055) ** 2.4

const TABLE = 1024

function curveTag(trc: Trc): Buffer {
  if (trc === 'srgb') {
    const parameters = [2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045]
    return Buffer.concat([
      Buffer.from('para\0\0\0\0\0\x03\0\0', 'latin1'),
      ...parameters.map(fixed),
    ])
  }
  if (trc === 'table') {
    const entries = Buffer.alloc(2 * TABLE)
    for (let i = 0; i < TABLE; i++) {
      entries.writeUInt16BE(Math.round(65_535 * linear(i / (TABLE - 1))), 2 * i)
    }
    return Buffer.concat([Buffer.from('curv\0\0\0\0', 'latin1'), uint32(TABLE), entries])
  }
  return Buffer.concat([Buffer.from('para\0\0\0\0\0\0\0\0', 'latin1'), fixed(trc.power)])
}

const xyzTag = (xyz: readonly number[]): Buffer =>
  Buffer.concat([Buffer.from('XYZ \0\0\0\0', 'latin1'), ...xyz.map(fixed)])

function fixed(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(Math.round(value * 65_536))
  return bytes
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}
