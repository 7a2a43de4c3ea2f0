// Where an image is cut. Owns the arithmetic of bands and strips; knows nothing of pixels.
//
//   height ---> one band per filter, equal but for rounding ---> strips, each within one band
//
//   |  above  |     height     |  below  |     what a strip's file holds: its own rows, and on
//             ^ top                            either side those that its filter looks at, too

import { FILTERS } from './filters.ts'

/** More give nothing: each costs a slave its encoding, and the stitch its decoding. */
export const STRIPS_MAX = 64

/** All in rows. */
export type Strip = { filter: string; top: number; height: number; above: number; below: number }

/**
 * Cuts `height` rows into `wanted` strips: fewer when there are fewer rows, more when there are more
 * bands. The strips cover all rows, from the top, and each has at least one.
 */
export function planStrips(height: number, filters: string[], wanted: number): Strip[] {
  const bands = divide(height, filters.length)
    .map((band, i) => ({ ...band, filter: filters[i] as string }))
    .filter(({ length }) => length > 0)
  const counts = divide(Math.max(wanted, bands.length), bands.length)
  return bands.flatMap(({ start, length, filter }, i) =>
    divide(length, Math.min(counts[i]?.length ?? 1, length)).map((piece) => {
      const top = start + piece.start
      const reach = FILTERS[filter]?.reach ?? 0
      const above = Math.min(reach, top)
      const below = Math.min(reach, height - top - piece.length)
      return { filter, top, height: piece.length, above, below }
    }),
  )
}

/** `total` in `count` pieces, one after the other, whose lengths differ by one at most. */
function divide(total: number, count: number): { start: number; length: number }[] {
  const border = (i: number) => Math.floor((i * total) / count)
  return Array.from({ length: count }, (_, i) => ({
    start: border(i),
    length: border(i + 1) - border(i),
  }))
}
