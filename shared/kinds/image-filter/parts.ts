// What slaves do for the job: cut an image into strips, filter a strip, stitch strips together.
// Strips travel as PNG: a slave in any language can filter one (strip.png in, strip.png out).
//
//   strip.png, pixels as they are --filter--> of pieces (a PNG results) | pixels as they are (JPEG, WebP)
//
// A PNG is compressed once, where it is filtered; the stitch joins what is compressed.

import { appendFile, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Static } from 'typebox'
import { Type } from 'typebox'
import type { Kind, Work } from '../kind.ts'
import { TaskFailure } from '../kind.ts'
import type { Format } from './codec.ts'
import {
  decodeImage,
  decodeStrip,
  encodeGrey,
  encodeImage,
  imageInfo,
  isGreyPng,
  loadSharp,
} from './codec.ts'
import type { Filter, Pixels } from './filters.ts'
import { FILTERS } from './filters.ts'
import type { Piece } from './pieces.ts'
import { bodyOf, compress, encodePieces, headOf, pieceIn, tailOf } from './pieces.ts'
import { encodePlain } from './png.ts'
import { planStrips, STRIPS_MAX } from './strips.ts'

const strict = { additionalProperties: false }
const Count = Type.Integer({ minimum: 1 })
const Rows = Type.Integer({ minimum: 0 })
const Adler = Type.Integer({ minimum: 0, maximum: 2 ** 32 - 1 })
const Channels = Type.Union([Type.Literal(3), Type.Literal(4)])
export const FormatName = Type.Union([
  Type.Literal('png'),
  Type.Literal('jpeg'),
  Type.Literal('webp'),
])

export const QUALITY = 85
export const FILTERS_MAX = 16
/**
 * Each region decodes the rows above it, too: 40 ms more for each of a JPEG of 8.6 megapixels, and twice
 * that for a PNG. Strips that travel cost 2.5 s of processor time in all.
 */
const REGIONS_MAX = 24
/** An image that is decoded as a whole for each region: 128 MB at 4 bytes a pixel. */
const REGION_PIXELS_MAX = 32_000_000
const Strips = <T extends Parameters<typeof Type.Object>[0]>(properties: T) =>
  Type.Array(Type.Object(properties, strict), { minItems: 1, maxItems: STRIPS_MAX })

const CutInput = Type.Object(
  {
    filters: Type.Array(Type.String(), { minItems: 1, maxItems: FILTERS_MAX }),
    strips: Type.Integer({ minimum: 1, maximum: STRIPS_MAX }),
    regions: Type.Optional(
      Type.Boolean({ description: 'the slaves that filter can read their rows of the image' }),
    ),
  },
  strict,
)
export type CutInput = Static<typeof CutInput>

const Cut = Type.Object({
  width: Count,
  height: Count,
  channels: Channels,
  format: FormatName,
  strips: Strips({ filter: Type.String(), top: Rows, height: Count, above: Rows, below: Rows }),
  regions: Type.Optional(Type.Boolean({ description: 'there are no files: regions do without' })),
})
export type Cut = Static<typeof Cut>

const cut: Kind<CutInput> = {
  name: 'image-filter.cut',
  summary: 'Cuts an image into horizontal strips.',
  files: true,
  load,
  input: CutInput,
  output: Cut,
  async run({ filters, strips: wanted, regions = false }, work) {
    const bytes = await read(work, 'image')
    const { isStreamed, ...info } = await imageInfo(bytes)
    const strips = planStrips(info.height, filters, wanted)
    const isSmall = info.width * info.height <= REGION_PIXELS_MAX
    if (regions && strips.length <= REGIONS_MAX && (isStreamed || isSmall)) {
      const bare = strips.map((strip) => ({ ...strip, above: 0, below: 0 }))
      return { result: { ...info, strips: bare, regions } satisfies Cut }
    }
    const image = await decodeImage(bytes)
    for (const [i, { top, height, above, below }] of strips.entries()) {
      const strip = rowsOf(image, top - above, above + height + below)
      await writeFile(join(work.out, `strip-${i}.png`), encodePlain(strip))
    }
    const { width, height, channels } = image
    return { result: { width, height, channels, format: info.format, strips } satisfies Cut }
  },
  examples: [],
}

const RegionInput = Type.Object(
  {
    filter: Type.String(),
    imageHeight: Count,
    top: Rows,
    height: Count,
    plain: Type.Boolean({ description: 'the pixels are encoded later' }),
  },
  strict,
)
export type RegionInput = Static<typeof RegionInput>

/** What makes a PNG of a piece: what stands before and after it, in base64. */
const Around = Type.Object({ head: Type.String(), tail: Type.String() })
const Region = Type.Object({
  width: Count,
  height: Count,
  adler: Type.Optional(Adler),
  around: Type.Optional(Around),
})
export type Region = Static<typeof Region>
export const PIECE = 'piece'

/**
 * For the slaves that can: a strip is decoded where it is filtered, so no pixels travel. It gives a piece
 * of the PNG that results, or a strip with its pixels as they are.
 */
const region: Kind<RegionInput> = {
  name: 'image-filter.region',
  summary: 'Filters some rows of an image, read from its file.',
  files: true,
  load,
  input: RegionInput,
  output: Region,
  async run({ filter: name, imageHeight, top, height, plain }, work) {
    const filter = FILTERS[name]
    if (!filter) throw rejected(`there is no filter ${name}`)
    const above = Math.min(filter.reach, top)
    const below = Math.min(filter.reach, imageHeight - top - height)
    const rows = { top: top - above, height: above + height + below }
    const image = await decodeImage(await read(work, 'image'), rows)
    const strip = rowsOf({ ...image, data: filter.apply(image) }, above, height)
    const result: Region = { width: strip.width, height }
    if (plain) {
      await writeFile(join(work.out, 'strip.png'), encodePlain(strip))
      return { result }
    }
    const piece = await compress(strip)
    await writeFile(join(work.out, PIECE), bodyOf(piece))
    const [head, tail] = [headOf(strip), tailOf(strip, [piece])].map(inBase64) as [string, string]
    return { result: { ...result, adler: piece.adler, around: { head, tail } } satisfies Region }
  },
  examples: [],
}

/** What another version or language leaves out: one piece of all rows. */
const FilterInput = Type.Object(
  {
    above: Type.Optional({ ...Rows, description: 'rows that only the filter needs' }),
    below: Type.Optional({ ...Rows, description: 'rows that only the filter needs' }),
    plain: Type.Optional(Type.Boolean({ description: 'the pixels are encoded later' })),
  },
  strict,
)
export type FilterInput = Static<typeof FilterInput>

const filterKind = (name: string, { summary, apply }: Filter): Kind<FilterInput> => ({
  name: `image-filter.${name}`,
  summary: `${summary} One strip of an image.`,
  files: true,
  load,
  input: FilterInput,
  output: Type.Object({ width: Count, height: Count }),
  async run(input, work) {
    const given = await read(work, 'strip.png')
    const strip = await decodeStrip(given)
    const filtered = { ...strip, data: apply(strip) }
    // A cut makes no grey strips; of others the protocol says that the channels stay.
    const isGrey = name === 'grayscale' && isGreyPng(given)
    const made = isGrey ? await encodeGrey(filtered) : await encodeStrip(filtered, input)
    await writeFile(join(work.out, 'strip.png'), made)
    return { result: { width: strip.width, height: strip.height } }
  },
  examples: [],
})

async function encodeStrip(strip: Pixels, { above = 0, below = 0, plain = false }: FilterInput) {
  if (plain) return encodePlain(strip)
  const heights = [above, strip.height - above - below, below]
  const pieces = []
  let top = 0
  for (const height of heights) {
    if (height > 0) pieces.push(await compress(rowsOf(strip, top, height)))
    top += height
  }
  return Buffer.concat(encodePieces(strip, pieces))
}

const StitchInput = Type.Object(
  {
    width: Count,
    height: Count,
    channels: Channels,
    strips: Strips({
      height: Count,
      above: Rows,
      below: Rows,
      adler: Type.Optional({ ...Adler, description: 'it is a piece, which is not given' }),
    }),
    format: FormatName,
    quality: Type.Optional(Type.Integer({ minimum: 1, maximum: 100 })),
  },
  strict,
)
export type StitchInput = Static<typeof StitchInput>

/** `bytes`: of all files that it wrote. */
const Stitched = Type.Object({ width: Count, height: Count, format: FormatName, bytes: Count })
export type Stitched = Static<typeof Stitched>

/** What stands before and after the pieces of the result, where these are not joined in one file. */
export const [HEAD, TAIL] = ['head', 'tail']

const stitch: Kind<StitchInput> = {
  name: 'image-filter.stitch',
  summary: 'Joins strips into an image.',
  files: true,
  load,
  input: StitchInput,
  output: Stitched,
  async run(input, work) {
    const { width, height, format, strips } = input
    const rows = strips.reduce((sum, strip) => sum + strip.height, 0)
    if (rows !== height) throw rejected(`the strips do not have ${height} rows in total`)
    const all = strips.flatMap(({ adler, height }) =>
      adler === undefined ? [] : [{ adler, rows: height }],
    )
    let bytes = 0
    const write = async (name: string, buffers: Buffer[]): Promise<void> => {
      await appendFile(join(work.out, name), Buffer.concat(buffers))
      bytes += buffers.reduce((sum, { length }) => sum + length, 0)
    }
    if (all.length === strips.length) {
      await write(HEAD, headOf(input))
      await write(TAIL, tailOf(input, all))
    } else if (format === 'png') {
      await stitchPng(input, work, (buffers) => write(resultName(format), buffers))
    } else {
      await write(resultName(format), [await stitchPixels(input, work, format)])
    }
    return { result: { width, height, format, bytes } satisfies Stitched }
  },
  examples: [],
}

/** Joins the pieces of a PNG: what is compressed stays so. */
async function stitchPng(
  input: StitchInput,
  work: Work,
  write: (buffers: Buffer[]) => Promise<void>,
): Promise<void> {
  const pieces: Omit<Piece, 'data'>[] = []
  await write(headOf(input))
  for (const [i, { height, above, below }] of input.strips.entries()) {
    const bytes = await read(work, `strip-${i}.png`)
    const size = { ...input, height: above + height + below }
    const piece =
      (await pieceIn(bytes, size, above, height)) ??
      (await compress(await ownRows(bytes, i, input)))
    await write(bodyOf(piece))
    pieces.push({ rows: height, adler: piece.adler })
  }
  await write(tailOf(input, pieces))
}

async function stitchPixels(
  input: StitchInput,
  work: Work,
  format: Exclude<Format, 'png'>,
): Promise<Buffer> {
  const { width, height, channels, strips, quality = QUALITY } = input
  const image = { data: Buffer.alloc(width * height * channels), width, height, channels }
  let end = 0
  for (const i of strips.keys()) {
    const { data } = await ownRows(await read(work, `strip-${i}.png`), i, input)
    image.data.set(data, end)
    end += data.length
  }
  return await encodeImage(image, format, quality)
}

/** Decodes a strip, and drops the rows that only its filter needed. */
async function ownRows(bytes: Buffer, i: number, input: StitchInput): Promise<Pixels> {
  const { width, channels } = input
  const { height, above, below } = input.strips[i]!
  const strip = await decodeStrip(bytes)
  checkStrip(i, strip, { width, height: above + height + below, channels })
  return rowsOf(strip, above, height)
}

export const kinds: Kind[] = [
  cut,
  region,
  ...Object.entries(FILTERS).map(([name, filter]) => filterKind(name, filter)),
  stitch,
]

const inBase64 = (buffers: Buffer[]): string => Buffer.concat(buffers).toString('base64')

/** What the stitch calls its output file. */
export const resultName = (format: Format): string => `image.${format === 'jpeg' ? 'jpg' : format}`

async function load(): Promise<void> {
  await loadSharp()
}

function rowsOf(image: Pixels, top: number, height: number): Pixels {
  const row = image.width * image.channels
  return { ...image, data: image.data.subarray(top * row, (top + height) * row), height }
}

/** A slave in another language may have given something else than it was asked for. */
function checkStrip(i: number, strip: Pixels, wanted: Omit<Pixels, 'data'>) {
  const words = ({ width, height, channels }: Omit<Pixels, 'data'>) =>
    `${width} x ${height} pixels ${channels === 4 ? 'with' : 'without'} alpha`
  if (words(strip) === words(wanted)) return
  throw rejected(
    `strip ${i} was returned by its filter as ${words(strip)}, not as ${words(wanted)}`,
  )
}

async function read({ files }: Work, name: string): Promise<Buffer> {
  const path = files[name]
  if (path === undefined) throw rejected(`the file ${name} is missing: only a job provides it`)
  return await readFile(path)
}

const rejected = (message: string) => new TaskFailure('rejected-input', message)
