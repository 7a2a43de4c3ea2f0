// Colours do not depend on how an image says them: 8 or 16 bits, gray or RGB, with alpha or without, by
// a profile or a gamma. What is right says LittleCMS, by Pillow: Debian's python3-pil.

import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import t from 'tap'
import { decodeImage } from '../../../../shared/kinds/image-filter/codec.ts'
import { findPython } from '../../../python.ts'
import { filterImage, pixelsOf } from './images.ts'
import type { Sort } from './png-files.ts'
import {
  chunk,
  gammaChunk,
  linear,
  PRIMARIES,
  pngFile,
  profile,
  profileChunk,
} from './png-files.ts'

const python = findPython('PIL.ImageCms')
const skip = python ? false : 'python3 (3.11 or later) with Pillow is not installed'
/** Of 255: each of several steps rounds. */
const NEAR = 1

/** Samples of 8 bits in a profile, to sRGB. Each job: mode, samples, profile (hexadecimal). */
const ORACLE = `
import io, json, sys
from PIL import Image, ImageCms
srgb = ImageCms.createProfile("sRGB")
EXACT = 0x100  # cmsFLAGS_NOOPTIMIZE: no tables of few entries in place of curves
made = []
for mode, samples, profile in json.load(sys.stdin):
    image = Image.frombytes(mode, (len(samples) // len(mode), 1), bytes(samples))
    if profile:
        given = ImageCms.ImageCmsProfile(io.BytesIO(bytes.fromhex(profile)))
        how = {"renderingIntent": ImageCms.Intent.PERCEPTUAL, "flags": EXACT}
        image = ImageCms.profileToProfile(image, given, srgb, outputMode="RGB", **how)
    made.append(list(image.convert("RGB").tobytes()))
print(json.dumps(made))
`

/** Gray from black to white; and colours of all hues, pale and full. */
const GRAYS = Array.from({ length: 52 }, (_, i) => i / 51)
const LEVELS = [0, 0.2, 0.6, 1]
const COLOURS = LEVELS.flatMap((r) => LEVELS.flatMap((g) => LEVELS.map((b) => [r, g, b])))
const alphaOf = (i: number): number => ((i * 51) % 256) / 255

type Says = {
  name: string
  chunks: (gray: boolean) => Buffer[]
  /** What it means, as a profile for the oracle; none: sRGB. */
  means: ((gray: boolean) => Buffer) | null
}

const byProfile = (
  name: keyof typeof PRIMARIES,
  trc: Parameters<typeof profile>[1],
  words: string = name,
): Says => {
  const means = (gray: boolean): Buffer => profile(gray ? 'gray' : PRIMARIES[name], trc)
  return { name: words, chunks: (gray) => [profileChunk(means(gray))], means }
}
const byGamma = (gamma: number): Says => ({
  name: `gamma ${gamma}`,
  chunks: () => [gammaChunk(gamma)],
  means: (gray) => profile(gray ? 'gray' : PRIMARIES.srgb, { power: 1 / gamma }),
})

const SAYINGS: Says[] = [
  { name: 'no profile', chunks: () => [], means: null },
  byProfile('srgb', 'srgb', 'sRGB'),
  byProfile('srgb', 'table', 'sRGB by a table'),
  byProfile('p3', 'srgb', 'Display P3'),
  byProfile('adobe', { power: 2.2 }, 'Adobe RGB'),
  byProfile('proPhoto', { power: 1.8 }, 'ProPhoto RGB'),
  byProfile('srgb', { power: 1 }, 'linear sRGB'),
  byGamma(1),
  byGamma(0.8),
  {
    name: 'an sRGB chunk that goes before its gamma',
    chunks: () => [chunk('sRGB', Buffer.from([0])), gammaChunk(1)],
    means: null,
  },
  { name: 'the usual gamma, 1/2.2', chunks: () => [gammaChunk(0.45455)], means: null },
]

const SORTS = ([8, 16] as const).flatMap((depth) =>
  [true, false].flatMap((gray) => [false, true].map((alpha): Sort => ({ depth, gray, alpha }))),
)
const nameOf = ({ depth, gray, alpha }: Sort): string =>
  `${depth} bits, ${gray ? 'gray' : 'RGB'}${alpha ? ' and alpha' : ''}`

t.test('colours are as LittleCMS has them', { skip }, async (t) => {
  const right = oracle(
    SAYINGS.flatMap(({ means }) =>
      [true, false].map((gray) => ({ gray, profile: means?.(gray) ?? null })),
    ),
  )
  for (const [i, says] of SAYINGS.entries()) {
    await t.test(says.name, async (t) => {
      for (const sort of SORTS) {
        const wanted = right[2 * i + (sort.gray ? 0 : 1)] as number[]
        const pixels = sort.gray ? GRAYS.map((gray) => [gray]) : COLOURS
        const samples = pixels.flatMap((each, n) => (sort.alpha ? [...each, alphaOf(n)] : each))
        const found = await decodeImage(pngFile(sort, samples, says.chunks(sort.gray)))
        t.equal(found.channels, sort.alpha ? 4 : 3, nameOf(sort))
        t.same(differences(found, wanted), [], nameOf(sort))
        if (sort.alpha) {
          const alphas = pixels.map((_, n) => found.data[4 * n + 3])
          const given = pixels.map((_, n) => Math.round(alphaOf(n) * 255))
          t.same(alphas, given, 'alpha is no colour')
        }
      }
    })
  }
})

t.test('the dark tones of 16 bits are not lost', async (t) => {
  // In linear light, each less than one of 8 bits.
  const samples = Array.from({ length: 40 }, (_, i) => i / 10_000)
  const means = Object.entries({
    gamma: gammaChunk(1),
    profile: profileChunk(profile('gray', { power: 1 })),
  })
  for (const [name, said] of means) {
    const sort: Sort = { depth: 16, gray: true, alpha: false }
    const { data } = await decodeImage(pngFile(sort, samples, [said]))
    for (const [i, sample] of samples.entries()) {
      const back = linear((data[3 * i] as number) / 255)
      t.ok(Math.abs(back - sample) < 0.0004, `${name}: ${sample} as ${back}`)
    }
  }
})

t.test('a large image of 16 bits is read in bands, and upright', async (t) => {
  const [width, height] = [300, 60_000]
  const sort: Sort = { depth: 16, gray: true, alpha: false }
  const samples = new Float64Array(width * height)
  for (let y = 0; y < height; y++) samples.fill(y / height, y * width, (y + 1) * width)
  const image = await decodeImage(pngFile(sort, samples, [gammaChunk(1)], height))
  t.same([image.width, image.height, image.channels], [width, height, 3])
  const rows = Array.from({ length: 100 }, (_, i) => i * 600)
  const odd = rows.filter((row) => {
    const light = linear((image.data[3 * row * width] as number) / 255)
    return Math.abs(light - row / height) > 0.01
  })
  t.same(odd, [], 'each row is in its place')
})

t.test('a profile that is damaged, or of other colours, does no harm', async (t) => {
  const whole = profile(PRIMARIES.p3, 'table')
  const sort: Sort = { depth: 16, gray: false, alpha: false }
  const samples = COLOURS.flat()
  const odd = [whole.subarray(0, 140), profile('gray', 'srgb'), Buffer.alloc(200, 0xff)]
  for (const bytes of [...odd, Buffer.concat([whole.subarray(0, 300), Buffer.alloc(900)])]) {
    const { width, channels } = await decodeImage(pngFile(sort, samples, [profileChunk(bytes)]))
    t.same([width, channels], [COLOURS.length, 3])
  }
})

t.test('the opposite of 16-bit red is cyan', async (t) => {
  const file = readFileSync(new URL('../../../fixtures/red16_1x1.png', import.meta.url))
  const { bytes } = await filterImage(file, { filter: 'invert' })
  t.same([...(await pixelsOf(bytes)).data], [0, 255, 255])
})

function oracle(asked: { gray: boolean; profile: Buffer | null }[]): number[][] {
  const jobs = asked.map(({ gray, profile }) => [
    gray ? 'L' : 'RGB',
    (gray ? GRAYS : COLOURS.flat()).map((sample) => Math.round(sample * 255)),
    profile?.toString('hex') ?? null,
  ])
  const input = JSON.stringify(jobs)
  return JSON.parse(execFileSync(python as string, ['-c', ORACLE], { input, encoding: 'utf8' }))
}

/** Pixels that are not near what they should be: which, as they are, as they should be. */
function differences(
  { data, channels }: { data: Uint8Array; channels: number },
  wanted: number[],
): string[] {
  return Array.from({ length: wanted.length / 3 }, (_, i) => {
    const is = [...data.subarray(i * channels, i * channels + 3)]
    const should = wanted.slice(3 * i, 3 * i + 3)
    const isNear = is.every((each, c) => Math.abs(each - (should[c] as number)) <= NEAR)
    return isNear ? '' : `pixel ${i}: ${is} in place of ${should}`
  }).filter((words) => words !== '')
}
