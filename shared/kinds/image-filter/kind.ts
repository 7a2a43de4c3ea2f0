// Filters an image, strip by strip: an uploaded PNG, JPEG or WebP is cut into horizontal strips,
// each goes to a slave that offers its filter, and the filtered strips are stitched together.
//
//   image --cut--> strip-0.png --image-filter.sepia--> strip.png --stitch--> image.png
//                  strip-1.png --image-filter.sepia--> strip.png --+
//
// Where all slaves that filter can read rows of the image's file, no pixels travel, and the result is
// sent in pieces (two files of the stitch stand around them):
//
//   image --region--> piece --------------------> head, piece, piece ..., tail
//         --region--> piece --stitch--> head, tail
//
// With several filters the height is divided into as many bands, from the top: band i is what
// filter i would make of the whole image, there. No strip is in two bands. The result is the same,
// pixel for pixel, however many strips there are and whoever filtered them.

import type { Static } from 'typebox'
import { Type } from 'typebox'
import type { Mistake } from '../../protocol/asked.ts'
import { Sha256 } from '../../protocol/wire.ts'
import type { JobKind, JobSoFar, Part, PartDone } from '../job-kind.ts'
import { TaskFailure } from '../kind.ts'
import { FORMATS } from './codec.ts'
import { FILTERS } from './filters.ts'
import type {
  Cut,
  CutInput,
  FilterInput,
  Region,
  RegionInput,
  Stitched,
  StitchInput,
} from './parts.ts'
import { FILTERS_MAX, FormatName, HEAD, PIECE, QUALITY, resultName, TAIL } from './parts.ts'
import { STRIPS_MAX } from './strips.ts'

export { kinds } from './parts.ts'

const strict = { additionalProperties: false }
const names = Object.keys(FILTERS).sort()
const FilterName = Type.String({ description: `one of ${names.join(', ')}` })

const Input = Type.Object(
  {
    image: Type.String({
      ...Sha256,
      description: 'SHA-256 of the uploaded image: PNG, JPEG or WebP',
    }),
    filter: Type.Optional(FilterName),
    filters: Type.Optional(
      Type.Array(FilterName, {
        minItems: 1,
        maxItems: FILTERS_MAX,
        description: 'instead of filter: one per band of the image, from the top',
      }),
    ),
    format: Type.Optional(FormatName),
    quality: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 100,
        description: `for jpeg and webp; default ${QUALITY} when not given`,
      }),
    ),
  },
  strict,
)
type Input = Static<typeof Input>

const Rows = Type.Integer({ minimum: 0 })
const Output = Type.Object({
  width: Rows,
  height: Rows,
  format: FormatName,
  bytes: Rows,
  filters: Type.Array(Type.String()),
  strips: Type.Array(
    Type.Object({ top: Rows, height: Rows, filter: Type.String(), slave: Type.String() }),
  ),
})
type Output = Static<typeof Output>

/** `parts` is the number of strips, 64 at most; as many as there are slots when not given. */
export const job: JobKind<Input> = {
  name: 'image-filter',
  summary: 'Filters an image in horizontal strips, in parallel.',
  input: Input,
  output: Output,
  mistakes,
  needs: (input) => [
    'image-filter.cut',
    ...new Set(filtersOf(input).map(partKind)),
    'image-filter.stitch',
  ],
  together: (input) => [
    'image-filter.region',
    ...new Set(filtersOf(input).map(partKind)),
    'image-filter.stitch',
  ],
  stages: [
    { name: 'cut', parts: cutParts },
    { name: 'filter', parts: filterParts },
    { name: 'stitch', parts: stitchParts },
  ],
  combine(job) {
    const { width, height, strips } = cutOf(job)
    const filtered = job.done[1] as PartDone[]
    const stitched = job.done[2]?.[0] as PartDone
    const { format } = stitched.result as Stitched
    const name = resultName(format)
    const files = piecesOf(job)
      ? [
          fileOf(stitched, HEAD),
          ...filtered.map((part) => fileOf(part, PIECE)),
          fileOf(stitched, TAIL),
        ]
      : [fileOf(stitched, name)]
    const bytes = files.reduce((sum, file) => sum + file.bytes, 0)
    const result: Output = {
      width,
      height,
      format,
      bytes,
      filters: filtersOf(job.input),
      strips: strips.map(({ top, height, filter }, i) => {
        return { top, height, filter, slave: filtered[i]?.slave ?? '' }
      }),
    }
    const blobs = files.map(({ sha256 }) => sha256)
    return { result, file: { blobs, type: FORMATS[format].type, name } }
  },
  examples: [],
}

function mistakes(input: Input): Mistake[] {
  if ((input.filter === undefined) === (input.filters === undefined)) {
    return [{ field: 'input', rule: 'must have either filter or filters' }]
  }
  const at = (i: number) => (input.filters ? `input.filters.${i}` : 'input.filter')
  const found = filtersOf(input).flatMap((filter, i) =>
    names.includes(filter) ? [] : [{ field: at(i), rule: `must be one of ${names.join(', ')}` }],
  )
  if (input.quality !== undefined && formatOf(input) === 'png') {
    found.push({ field: 'input.quality', rule: 'applies only to the formats jpeg and webp' })
  }
  return found
}

function cutParts({ input, parts, slots, together }: JobSoFar<Input>) {
  const strips = Math.min(Math.max(parts ?? slots, 1), STRIPS_MAX)
  const cut: CutInput = { filters: filtersOf(input), strips, regions: together }
  const files = [{ name: 'image', blob: input.image }]
  return [{ kind: 'image-filter.cut', input: cut, files, keep: 'master' as const }]
}

function filterParts(job: JobSoFar<Input>): Part[] {
  const { width, height, strips, regions = false } = cutOf(job)
  const format = formatOf(job.input)
  const plain = format !== 'png'
  const { sideMax } = FORMATS[format]
  if (Math.max(width, height) > sideMax) {
    throw new TaskFailure(
      'rejected-input',
      `the image has ${width} x ${height} pixels; the maximum of a side in ${format} is ${sideMax}`,
    )
  }
  const keep = 'master'
  return strips.map(({ filter, top, height: rows, above, below }, i): Part => {
    if (regions) {
      const input: RegionInput = { filter, imageHeight: height, top, height: rows, plain }
      const files = [{ name: 'image', blob: job.input.image }]
      return { kind: 'image-filter.region', input, files, keep }
    }
    const input: FilterInput = { above, below, plain }
    const files = [{ name: 'strip.png', stage: 0, part: 0, file: `strip-${i}.png` }]
    return { kind: partKind(filter), input, files, keep }
  })
}

function stitchParts(job: JobSoFar<Input>) {
  const { width, height, channels, strips } = cutOf(job)
  const { quality } = job.input
  const pieces = piecesOf(job)
  const stitch: StitchInput = {
    width,
    height,
    channels,
    strips: strips.map(({ height, above, below }, i) => {
      const adler = pieces?.[i]
      return { height, above, below, ...(adler === undefined ? {} : { adler }) }
    }),
    format: formatOf(job.input),
    ...(quality === undefined ? {} : { quality }),
  }
  const strip = (i: number) => ({ name: `strip-${i}.png`, stage: 1, part: i, file: 'strip.png' })
  const files = pieces ? [] : strips.map((_, i) => strip(i))
  return [{ kind: 'image-filter.stitch', input: stitch, files, keep: 'master' as const }]
}

/** The Adler-32 of each piece, where the filters gave pieces of the result; null: they gave strips. */
function piecesOf({ done }: JobSoFar<Input>): number[] | null {
  const adlers = (done[1] ?? []).flatMap(({ result }) => (result as Partial<Region>).adler ?? [])
  return adlers.length > 0 && adlers.length === done[1]?.length ? adlers : null
}

function fileOf({ files }: PartDone, wanted: string): { sha256: string; bytes: number } {
  const { sha256, bytes = 0 } = files.find(({ name }) => name === wanted) ?? {}
  if (sha256 !== undefined) return { sha256, bytes }
  throw new TaskFailure('missing-file', `a part did not produce ${wanted}`)
}

const filtersOf = ({ filter, filters = [] }: Input): string[] =>
  filter === undefined ? filters : [filter]

const formatOf = ({ format = 'png' }: Input) => format

const partKind = (filter: string): string => `image-filter.${filter}`

const cutOf = ({ done }: JobSoFar<Input>): Cut => done[0]?.[0]?.result as Cut
