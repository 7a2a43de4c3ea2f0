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
  const counts = divide(Math.max(wanted, filters.length), filters.length)
  return divide(height, filters.length).flatMap(({ start, length }, i) => {
    const filter = filters[i] as string
    const count = Math.min(counts[i]?.length ?? 1, length)
    return divide(length, count).map((piece) => {
      const top = start + piece.start
      const reach = FILTERS[filter]?.reach ?? 0
      const above = Math.min(reach, top)
      const below = Math.min(reach, height - top - piece.length)
      return { filter, top, height: piece.length, above, below }
    })
  })
}

/** `total` in `count` pieces, one after the other, whose lengths differ by one at most. */
function divide(total: number, count: number): { start: number; length: number }[] {
  const border = (i: number) => Math.floor((i * total) / count)
  return Array.from({ length: count }, (_, i) => ({
    start: border(i),
    length: border(i + 1) - border(i),
  }))
}
