// What slaves do for the job: cut an image into strips, filter a strip, stitch strips together.
// Strips travel as PNG: a slave in any language can filter one (strip.png in, strip.png out).

import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Static } from 'typebox'
import { Type } from 'typebox'
import type { Kind, Work } from '../kind.ts'
import { TaskFailure } from '../kind.ts'
import type { Format } from './codec.ts'
import { decodeImage, decodeStrip, encodeImage, encodeStrip, loadSharp } from './codec.ts'
import type { Filter, Pixels } from './filters.ts'
import { FILTERS } from './filters.ts'
import { planStrips, STRIPS_MAX } from './strips.ts'

const strict = { additionalProperties: false }
const Count = Type.Integer({ minimum: 1 })
const Rows = Type.Integer({ minimum: 0 })
const Channels = Type.Union([Type.Literal(3), Type.Literal(4)])
export const FormatName = Type.Union([
  Type.Literal('png'),
  Type.Literal('jpeg'),
  Type.Literal('webp'),
])

export const QUALITY = 85
export const FILTERS_MAX = 16
const Strips = <T extends Parameters<typeof Type.Object>[0]>(properties: T) =>
  Type.Array(Type.Object(properties, strict), { minItems: 1, maxItems: STRIPS_MAX })

const CutInput = Type.Object(
  {
    filters: Type.Array(Type.String(), { minItems: 1, maxItems: FILTERS_MAX }),
    strips: Type.Integer({ minimum: 1, maximum: STRIPS_MAX }),
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
})
export type Cut = Static<typeof Cut>

const cut: Kind<CutInput> = {
  name: 'image-filter.cut',
  summary: 'Cuts an image into horizontal strips.',
  files: true,
  load,
  input: CutInput,
  output: Cut,
  async run({ filters, strips: wanted }, work) {
    const { format, ...image } = await decodeImage(await read(work, 'image'))
    const strips = planStrips(image.height, filters, wanted)
    for (const [i, { top, height, above, below }] of strips.entries()) {
      const strip = rowsOf(image, top - above, above + height + below)
      await writeFile(join(work.out, `strip-${i}.png`), await encodeStrip(strip))
    }
    const { width, height, channels } = image
    return { result: { width, height, channels, format, strips } satisfies Cut }
  },
  examples: [],
}

const filterKind = (name: string, { summary, apply }: Filter): Kind<object> => ({
  name: `image-filter.${name}`,
  summary: `${summary} One strip of an image.`,
  files: true,
  load,
  input: Type.Object({}, strict),
  output: Type.Object({ width: Count, height: Count }),
  async run(_, work) {
    const strip = await decodeStrip(await read(work, 'strip.png'))
    const filtered = await encodeStrip({ ...strip, data: apply(strip) })
    await writeFile(join(work.out, 'strip.png'), filtered)
    return { result: { width: strip.width, height: strip.height } }
  },
  examples: [],
})

const StitchInput = Type.Object(
  {
    width: Count,
    height: Count,
    channels: Channels,
    strips: Strips({ height: Count, above: Rows, below: Rows }),
    format: FormatName,
    quality: Type.Optional(Type.Integer({ minimum: 1, maximum: 100 })),
  },
  strict,
)
export type StitchInput = Static<typeof StitchInput>

const Stitched = Type.Object({ width: Count, height: Count, format: FormatName, bytes: Count })
export type Stitched = Static<typeof Stitched>

const stitch: Kind<StitchInput> = {
  name: 'image-filter.stitch',
  summary: 'Joins strips into an image.',
  files: true,
  load,
  input: StitchInput,
  output: Stitched,
  async run({ width, height, channels, strips, format, quality = QUALITY }, work) {
    const image = { data: Buffer.alloc(width * height * channels), width, height, channels }
    let end = 0
    for (const [i, { height, above, below }] of strips.entries()) {
      const strip = await decodeStrip(await read(work, `strip-${i}.png`))
      checkStrip(i, strip, { width, height: above + height + below, channels })
      const { data } = rowsOf(strip, above, height)
      if (end + data.length > image.data.length) break
      image.data.set(data, end)
      end += data.length
    }
    if (end !== image.data.length) throw rejected(`the strips do not have ${height} rows in total`)
    const bytes = await encodeImage(image, format, quality)
    await writeFile(join(work.out, resultName(format)), bytes)
    return { result: { width, height, format, bytes: bytes.length } satisfies Stitched }
  },
  examples: [],
}

export const kinds: Kind[] = [
  cut,
  ...Object.entries(FILTERS).map(([name, filter]) => filterKind(name, filter)),
  stitch,
]

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
