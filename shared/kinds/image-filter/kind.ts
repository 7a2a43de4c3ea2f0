// Filters an image, strip by strip: an uploaded PNG, JPEG or WebP is cut into horizontal strips,
// each goes to a slave that offers its filter, and the filtered strips are stitched together.
//
//   image --cut--> strip-0.png --image-filter.sepia--> strip.png --stitch--> image.png
//                  strip-1.png --image-filter.sepia--> strip.png --+
//
// With several filters the height is divided into as many bands, from the top: band i is what
// filter i would make of the whole image, there. No strip is in two bands. The result is the same,
// pixel for pixel, however many strips there are and whoever filtered them.

import type { Static } from 'typebox'
import { Type } from 'typebox'
import type { Mistake } from '../../protocol/asked.ts'
import { Sha256 } from '../../protocol/wire.ts'
import type { JobKind, JobSoFar, PartDone } from '../job-kind.ts'
import { TaskFailure } from '../kind.ts'
import { FORMATS } from './codec.ts'
import { FILTERS } from './filters.ts'
import type { Cut, CutInput, Stitched, StitchInput } from './parts.ts'
import { FILTERS_MAX, FormatName, QUALITY, resultName } from './parts.ts'
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
  stages: [
    { name: 'cut', parts: cutParts },
    { name: 'filter', parts: filterParts },
    { name: 'stitch', parts: stitchParts },
  ],
  combine(job) {
    const { width, height, strips } = cutOf(job)
    const filtered = job.done[1] as PartDone[]
    const stitched = job.done[2]?.[0] as PartDone
    const { format, bytes } = stitched.result as Stitched
    const name = resultName(format)
    const sha256 = stitched.files.find((file) => file.name === name)?.sha256
    if (sha256 === undefined)
      throw new TaskFailure('missing-file', `the stitch did not produce ${name}`)
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
    return { result, file: { blobs: [sha256], type: FORMATS[format].type, name } }
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

function cutParts({ input, parts, slots }: JobSoFar<Input>) {
  const strips = Math.min(Math.max(parts ?? slots, 1), STRIPS_MAX)
  const cut: CutInput = { filters: filtersOf(input), strips }
  const files = [{ name: 'image', blob: input.image }]
  return [{ kind: 'image-filter.cut', input: cut, files, keep: 'master' as const }]
}

function filterParts(job: JobSoFar<Input>) {
  const { width, height, strips } = cutOf(job)
  const format = formatOf(job.input)
  const { sideMax } = FORMATS[format]
  if (Math.max(width, height) > sideMax) {
    throw new TaskFailure(
      'rejected-input',
      `the image has ${width} x ${height} pixels; the maximum of a side in ${format} is ${sideMax}`,
    )
  }
  return strips.map(({ filter }, i) => ({
    kind: partKind(filter),
    input: {},
    files: [{ name: 'strip.png', stage: 0, part: 0, file: `strip-${i}.png` }],
    keep: 'master' as const,
  }))
}

function stitchParts(job: JobSoFar<Input>) {
  const { width, height, channels, strips } = cutOf(job)
  const { quality } = job.input
  const stitch: StitchInput = {
    width,
    height,
    channels,
    strips: strips.map(({ height, above, below }) => ({ height, above, below })),
    format: formatOf(job.input),
    ...(quality === undefined ? {} : { quality }),
  }
  const files = strips.map((_, i) => {
    return { name: `strip-${i}.png`, stage: 1, part: i, file: 'strip.png' }
  })
  return [{ kind: 'image-filter.stitch', input: stitch, files, keep: 'master' as const }]
}

const filtersOf = ({ filter, filters = [] }: Input): string[] =>
  filter === undefined ? filters : [filter]

const formatOf = ({ format = 'png' }: Input) => format

const partKind = (filter: string): string => `image-filter.${filter}`

const cutOf = ({ done }: JobSoFar<Input>): Cut => done[0]?.[0]?.result as Cut
