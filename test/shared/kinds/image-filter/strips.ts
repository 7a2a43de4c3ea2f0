// Compares an image that was filtered in strips with one that was filtered as a whole.

import type { Test } from 'tap'
import type { Pixels } from '../../../../shared/kinds/image-filter/filters.ts'
import { expected, filterImage, photograph, pixelsOf, png } from './images.ts'

export function same(t: Test, found: Pixels, wanted: Pixels, message: string): void {
  const { data, ...shape } = found
  const { data: pixels, ...size } = wanted
  t.same(shape, size, message)
  t.ok(Buffer.from(data).equals(pixels), `${message}: pixel for pixel`)
}

/** The whole job, in each of these numbers of strips, gives what the filter makes of the whole image. */
export async function isWhole(t: Test, filter: string, numbers: number[]): Promise<void> {
  const images = [photograph(67, 53, 4), photograph(41, 37, 3)]
  const files = await Promise.all(images.map(png))
  for (const [parts, together] of numbers.flatMap((n) => [
    [n, true] as const,
    [n, false] as const,
  ])) {
    const which = parts % 2
    const image = files[which] as Buffer
    const { bytes, counts, file } = await filterImage(image, { filter }, parts, [], together)
    t.same(counts, [1, parts, 1])
    t.match(file, { type: 'image/png', name: 'image.png' })
    const words = `${parts} ${together ? 'regions' : 'strips'}`
    same(t, await pixelsOf(bytes), expected(images[which] as Pixels, [filter]), words)
  }
}
