// The filters: from pixels to pixels, in integer arithmetic, so that every machine and every cut
// into strips gives the same bytes. Owns the formulas. Must not know files, formats or strips.
//
// A filter of reach r gives a pixel from those up to r rows and columns away; beyond an edge of
// what it is given it repeats the edge. A strip that carries r more rows on either side (or ends
// where the image does) therefore gives its own rows exactly as the whole image would.
//
// Alpha is left as it is, except by blur. A new filter is one more entry of FILTERS.

export type Pixels = {
  /** Row by row from the top, each pixel R, G, B and, with 4 channels, alpha (not multiplied in). */
  data: Uint8Array
  width: number
  height: number
  channels: 3 | 4
}

export type Filter = {
  /** One sentence for people. */
  summary: string
  /** How many rows and columns away it looks. */
  reach: number
  /** The filtered pixels, as many as before. What it is given stays as it is. */
  apply(pixels: Pixels): Uint8Array
}

export const FILTERS: Record<string, Filter> = {
  grayscale: {
    summary: 'Converts it to grayscale with the same luma (ITU-R BT.601).',
    reach: 0,
    apply: pointwise((data, at) => {
      data[at] = data[at + 1] = data[at + 2] = lightness(data, at)
    }),
  },
  sepia: {
    summary: 'Applies a sepia tone.',
    reach: 0,
    apply: pointwise(sepia),
  },
  invert: {
    summary: 'Inverts each colour.',
    reach: 0,
    apply: pointwise((data, at) => {
      for (let i = at; i < at + 3; i++) data[i] = 255 - data[i]!
    }),
  },
  posterize: {
    summary: 'Reduces each colour to four levels: 0, 85, 170, 255.',
    reach: 0,
    apply: pointwise((data, at) => {
      for (let i = at; i < at + 3; i++) data[i] = 85 * (data[i]! >> 6)
    }),
  },
  threshold: {
    summary: 'Converts it to white where its gray value is 128 or more, else to black.',
    reach: 0,
    apply: pointwise((data, at) => {
      data[at] = data[at + 1] = data[at + 2] = lightness(data, at) < 128 ? 0 : 255
    }),
  },
  blur: {
    summary: 'Blurs it, including alpha: 5 x 5 kernel, weights 1 4 6 4 1 in both directions.',
    reach: 2,
    apply: blur,
  },
  sharpen: {
    summary: 'Sharpens it: adds the difference to its blurred version.',
    reach: 2,
    apply: sharpen,
  },
}

/** A filter that looks at one pixel at a time; `change` changes the one at `at` in place. */
function pointwise(change: (data: Uint8ClampedArray, at: number) => void) {
  return ({ data, channels }: Pixels): Uint8Array => {
    const changed = new Uint8ClampedArray(data)
    for (let at = 0; at < changed.length; at += channels) change(changed, at)
    return new Uint8Array(changed.buffer)
  }
}

/** ITU-R BT.601 luma in 16-bit fixed point, rounded half up: what Pillow's `convert("L")` gives. */
function lightness(data: Uint8ClampedArray, at: number): number {
  return (data[at]! * 19595 + data[at + 1]! * 38470 + data[at + 2]! * 7471 + 32768) >> 16
}

/** The usual matrix in thousandths, rounded half up; what is above 255 is 255. */
function sepia(data: Uint8ClampedArray, at: number) {
  const r = data[at]!
  const g = data[at + 1]!
  const b = data[at + 2]!
  data[at] = ((393 * r + 769 * g + 189 * b + 500) / 1000) | 0
  data[at + 1] = ((349 * r + 686 * g + 168 * b + 500) / 1000) | 0
  data[at + 2] = ((272 * r + 534 * g + 131 * b + 500) / 1000) | 0
}

/** By distance; both ways together they add up to 256. */
const WEIGHTS = [6, 4, 1]
const REACH = WEIGHTS.length - 1

/**
 * The binomial 5 x 5 kernel, rounded once, half up. A colour weighs as much as its alpha, so that
 * what cannot be seen does not stain its neighbours; where all around is transparent it stays.
 */
function blur({ data, width, height, channels }: Pixels): Uint8Array {
  const blurred = new Uint8Array(data.length)
  const sums = new Int32Array(width * channels)
  for (let y = 0; y < height; y++) {
    sumColumns(y)
    for (let x = 0; x < width; x++) blurPixel(x, (y * width + x) * channels)
  }
  return blurred

  function sumColumns(y: number) {
    sums.fill(0)
    for (let dy = -REACH; dy <= REACH; dy++) {
      const weight = WEIGHTS[Math.abs(dy)]!
      const row = clamp(y + dy, height) * width * channels
      for (let i = 0; i < sums.length; i += channels) {
        const alpha = channels === 4 ? data[row + i + 3]! : 1
        for (let c = 0; c < 3; c++) sums[i + c]! += weight * alpha * data[row + i + c]!
        if (channels === 4) sums[i + 3]! += weight * alpha
      }
    }
  }

  function blurPixel(x: number, at: number) {
    const alpha = channels === 4 ? sumRow(x, 3) : 256
    for (let c = 0; c < 3; c++) {
      blurred[at + c] = alpha === 0 ? data[at + c]! : ((sumRow(x, c) + (alpha >> 1)) / alpha) | 0
    }
    if (channels === 4) blurred[at + 3] = (alpha + 128) >> 8
  }

  function sumRow(x: number, channel: number): number {
    let sum = 0
    for (let dx = -REACH; dx <= REACH; dx++) {
      sum += WEIGHTS[Math.abs(dx)]! * sums[clamp(x + dx, width) * channels + channel]!
    }
    return sum
  }
}

function sharpen(pixels: Pixels): Uint8Array {
  const { data, channels } = pixels
  const blurred = blur(pixels)
  const sharpened = new Uint8ClampedArray(data)
  for (let at = 0; at < data.length; at += channels) {
    for (let i = at; i < at + 3; i++) sharpened[i] = 2 * data[i]! - blurred[i]!
  }
  return new Uint8Array(sharpened.buffer)
}

const clamp = (index: number, length: number): number => Math.min(Math.max(index, 0), length - 1)
