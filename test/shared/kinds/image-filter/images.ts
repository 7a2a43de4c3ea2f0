// Images for the tests of image-filter, made here, and the job run on them.

import { createHash } from 'node:crypto'
import { crc32, deflateSync } from 'node:zlib'
import sharp from 'sharp'
import { createRandom } from '../../../../shared/data/random.ts'
import type { Pixels } from '../../../../shared/kinds/image-filter/filters.ts'
import { FILTERS } from '../../../../shared/kinds/image-filter/filters.ts'
import { job } from '../../../../shared/kinds/image-filter/kind.ts'
import type { Kind } from '../../../../shared/kinds/kind.ts'
import { loadKinds } from '../../../../shared/kinds/load-kinds.ts'
import { runJob } from '../../run-job.ts'

export const kinds = await loadKinds()

/** Like a photograph: gradients, edges and noise; with 4 channels some of it is transparent. */
export function photograph(width: number, height: number, channels: 3 | 4, seed = 1): Pixels {
  const random = createRandom(seed)
  const data = new Uint8Array(width * height * channels)
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const disc = (x - width / 2) ** 2 + (y - height / 2) ** 2 < (height / 3) ** 2
      const light = disc ? 90 : 0
      data[i++] = (200 * x) / width + light * 0.5 + random.integer(25)
      data[i++] = (200 * y) / height + random.integer(25)
      data[i++] = 120 - (60 * (x + y)) / (width + height) + light + random.integer(25)
      if (channels === 4) data[i++] = disc ? 0 : 255 - random.integer(200)
    }
  }
  return { data, width, height, channels }
}

/** Without loss, by sharp itself. */
export const png = (pixels: Pixels): Promise<Buffer> => sharpOf(pixels).png().toBuffer()

export const sharpOf = ({ data, width, height, channels }: Pixels) =>
  sharp(data, { raw: { width, height, channels } })

/** What a file shows, as sharp reads it; it is not turned. */
export async function pixelsOf(file: Buffer): Promise<Pixels> {
  const { data, info } = await sharp(file).raw().toBuffer({ resolveWithObject: true })
  const { width, height, channels } = info
  return { data: new Uint8Array(data), width, height, channels: channels as 3 | 4 }
}

/** Each band of what its filter makes of the whole image: what every cut must give. */
export function expected(pixels: Pixels, filters: string[]): Pixels {
  const { height, width, channels } = pixels
  const row = width * channels
  const data = new Uint8Array(pixels.data.length)
  for (const [i, name] of filters.entries()) {
    const start = Math.floor((i * height) / filters.length) * row
    const end = Math.floor(((i + 1) * height) / filters.length) * row
    data.set(FILTERS[name]!.apply(pixels).subarray(start, end), start)
  }
  return { ...pixels, data }
}

/**
 * Runs the job on an uploaded file. `replaced`: kinds as a slave in another language has them. `together`:
 * every slave that filters reads regions; not by default where there is such a slave.
 */
export async function filterImage(
  file: Buffer,
  input: object,
  parts: number | null = null,
  replaced: Kind[] = [],
  together = replaced.length === 0,
) {
  const image = createHash('sha256').update(file).digest('hex')
  const all = new Map([...kinds, ...replaced.map((kind) => [kind.name, kind] as const)])
  const run = await runJob({
    job: job as never,
    kinds: all,
    input: { image, ...input },
    parts,
    together,
    blobs: new Map([[image, file]]),
    random: createRandom(7),
  })
  return { ...run, bytes: run.bytes as Buffer, result: run.result as FilterResult }
}

type FilterResult = {
  width: number
  height: number
  format: string
  bytes: number
  filters: string[]
  strips: { top: number; height: number; filter: string; slave: string }[]
}

/** A PNG of any header, with few pixels or none behind it. */
export function pngOf(width: number, height: number, chunks: [string, Buffer][] = []): Buffer {
  const header = Buffer.from([0, 0, 0, 0, 0, 0, 0, 0, 8, 2, 0, 0, 0])
  header.writeUInt32BE(width, 0)
  header.writeUInt32BE(height, 4)
  const all: [string, Buffer][] = [
    ['IHDR', header],
    ...chunks,
    ['IDAT', deflateSync(Buffer.alloc(100))],
    ['IEND', Buffer.alloc(0)],
  ]
  return Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), ...all.map(chunk)])
}

function chunk([type, data]: [string, Buffer]): Buffer {
  const bytes = Buffer.alloc(12 + data.length)
  bytes.writeUInt32BE(data.length, 0)
  bytes.write(type, 4, 'latin1')
  data.copy(bytes, 8)
  bytes.writeUInt32BE(crc32(bytes.subarray(4, 8 + data.length)), 8 + data.length)
  return bytes
}
