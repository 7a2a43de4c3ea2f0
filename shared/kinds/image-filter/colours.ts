// From the samples of an image to 8-bit sRGB, where libvips or sharp would lose colours: samples of 16
// bits with a profile, and PNGs that say their gamma. Owns the arithmetic; knows nothing of files.
//
//   sample --curve--> linear light --matrix--> linear sRGB --cut off at 0 and 1--> sRGB, 8 bits
//
// Profiles are those that consist of curves and a matrix (ICC.1:2022, 8.3.3 and 8.4.3), as nearly all of
// cameras and displays do. Others are left to sharp.

/** How samples become linear sRGB. */
export type Colours = {
  /** One for gray, three for RGB: from 0 to 1 to linear light from 0 to 1. */
  curves: readonly ((sample: number) => number)[]
  /** From the curves' values to linear sRGB, row by row; null: they are linear sRGB. */
  matrix: readonly number[] | null
}

/** A PNG's gAMA: samples are light to this power. */
export const coloursOfGamma = (gamma: number): Colours => {
  const curve = (sample: number): number => sample ** (1 / gamma)
  return { curves: [curve, curve, curve], matrix: null }
}

/** From XYZ as profiles have it (D50) to linear sRGB, by Bradford's adaptation. */
const FROM_XYZ = [
  [3.1338561, -1.6168667, -0.4906146],
  [-0.9787684, 1.9161415, 0.033454],
  [0.0719453, -0.2289914, 1.4052427],
] as const
const TAGS_MAX = 100

/** What an ICC profile says; null when it does so by tables, is for other colours, or is damaged. */
export function coloursOfProfile(profile: Buffer): Colours | null {
  try {
    const tags = tagsOf(profile)
    const isXyz = profile.toString('latin1', 20, 24) === 'XYZ '
    if (!isXyz || tags.has('A2B0')) return null
    const space = profile.toString('latin1', 16, 20)
    if (space === 'GRAY') return { curves: [curveOf(tags.get('kTRC'))], matrix: null }
    if (space !== 'RGB ') return null
    const columns = ['rXYZ', 'gXYZ', 'bXYZ'].map((name) => xyzOf(tags.get(name)))
    const matrix = FROM_XYZ.flatMap((row) =>
      columns.map((column) => row.reduce((sum, each, i) => sum + each * (column[i] as number), 0)),
    )
    return { curves: ['rTRC', 'gTRC', 'bTRC'].map((name) => curveOf(tags.get(name))), matrix }
  } catch {
    return null
  }
}

function tagsOf(profile: Buffer): Map<string, Buffer> {
  const count = Math.min(TAGS_MAX, profile.readUInt32BE(128))
  const tags = new Map<string, Buffer>()
  for (let at = 132; at < 132 + 12 * count; at += 12) {
    const start = profile.readUInt32BE(at + 4)
    const name = profile.toString('latin1', at, at + 4)
    tags.set(name, profile.subarray(start, start + profile.readUInt32BE(at + 8)))
  }
  return tags
}

const fixed = (tag: Buffer, at: number): number => tag.readInt32BE(at) / 65_536

function xyzOf(tag: Buffer = Buffer.alloc(0)): number[] {
  return [fixed(tag, 8), fixed(tag, 12), fixed(tag, 16)]
}

function curveOf(tag: Buffer = Buffer.alloc(0)): (sample: number) => number {
  const type = tag.toString('latin1', 0, 4)
  if (type === 'para') return parametric(tag)
  if (type !== 'curv') throw new Error(`a curve of type ${type}`)
  const count = tag.readUInt32BE(8)
  if (count === 0) return (sample) => sample
  if (count === 1) {
    const power = tag.readUInt16BE(12) / 256
    return (sample) => sample ** power
  }
  // Looked at once, so that a damaged one is known now.
  tag.readUInt16BE(10 + 2 * count)
  const entry = (i: number): number => tag.readUInt16BE(12 + 2 * i) / 65_535
  return (sample) => {
    const i = Math.min(Math.floor(sample * (count - 1)), count - 2)
    const part = sample * (count - 1) - i
    return entry(i) * (1 - part) + entry(i + 1) * part
  }
}

/** How many parameters each type has (ICC.1:2022, table 68). */
const PARAMETERS = [1, 3, 4, 5, 7]

function parametric(tag: Buffer): (sample: number) => number {
  const type = tag.readUInt16BE(8)
  const count = PARAMETERS[type]
  if (count === undefined) throw new Error(`a parametric curve of type ${type}`)
  const given = Array.from({ length: count }, (_, i) => fixed(tag, 12 + 4 * i))
  const [power = 1, a = 1, b = 0, c = 0, d = 0, e = 0, f = 0] = given
  // The first types have no straight part: below its zero they stay at it.
  if (type < 3) return (sample) => Math.max(0, a * sample + b) ** power + c
  return (sample) => (sample >= d ? Math.max(0, a * sample + b) ** power + e : c * sample + f)
}

/** Samples of one of these, row by row; alpha comes last and is not multiplied in. */
export type Samples = { data: Uint8Array | Uint16Array; channels: 1 | 2 | 3 | 4; max: 255 | 65_535 }

/** sRGB of 8 bits: three channels, and alpha where the samples have it. */
export function toSrgb(
  { data, channels, max }: Samples,
  { curves, matrix }: Colours,
): { data: Uint8Array; channels: 3 | 4 } {
  const colours = channels < 3 ? 1 : 3
  const made = colours === channels ? 3 : 4
  const tables = curves.map((curve) => tableOf(curve, max))
  const table = (i: number): Float64Array => tables[i % tables.length] as Float64Array
  const [red, green, blue] = [table(0), table(1), table(2)]
  const out = new Uint8Array((data.length / channels) * made)
  for (let from = 0, to = 0; from < data.length; from += channels, to += made) {
    const r = red[data[from]!]!
    const g = colours === 1 ? r : green[data[from + 1]!]!
    const b = colours === 1 ? r : blue[data[from + 2]!]!
    if (matrix) {
      out[to] = encoded(matrix[0]! * r + matrix[1]! * g + matrix[2]! * b)
      out[to + 1] = encoded(matrix[3]! * r + matrix[4]! * g + matrix[5]! * b)
      out[to + 2] = encoded(matrix[6]! * r + matrix[7]! * g + matrix[8]! * b)
    } else {
      out[to] = encoded(r)
      out[to + 1] = encoded(g)
      out[to + 2] = encoded(b)
    }
    if (made === 4) out[to + 3] = Math.round((data[from + colours]! * 255) / max)
  }
  return { data: out, channels: made }
}

function tableOf(curve: (sample: number) => number, max: number): Float64Array {
  return Float64Array.from({ length: max + 1 }, (_, i) => curve(i / max))
}

/** By linear light: fine enough that no step of 8 bits is passed over. */
const STEPS = 65_535
const ENCODED = Uint8Array.from({ length: STEPS + 1 }, (_, i) => {
  const light = i / STEPS
  return Math.round(255 * (light <= 0.0031308 ? 12.92 * light : 1.055 * light ** (1 / 2.4) - 0.055))
})

const encoded = (light: number): number =>
  light <= 0 ? 0 : light >= 1 ? 255 : ENCODED[Math.round(light * STEPS)]!
