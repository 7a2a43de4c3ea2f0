// The formulas of the filters, and what lets them be applied strip by strip.

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import sharp from 'sharp'
import t from 'tap'
import type { Pixels } from '../../../../shared/kinds/image-filter/filters.ts'
import { FILTERS } from '../../../../shared/kinds/image-filter/filters.ts'
import { planStrips } from '../../../../shared/kinds/image-filter/strips.ts'
import { kinds } from './images.ts'

const one = (name: string, ...pixel: number[]): number[] => {
  const channels = pixel.length as 3 | 4
  const data = Uint8Array.from(pixel)
  return [...FILTERS[name]!.apply({ data, width: 1, height: 1, channels })]
}

t.test('grayscale is the luma of BT.601, rounded half up', async (t) => {
  t.same(one('grayscale', 255, 0, 0), [76, 76, 76])
  t.same(one('grayscale', 0, 255, 0), [150, 150, 150])
  t.same(one('grayscale', 0, 0, 255), [29, 29, 29])
  t.same(one('grayscale', 255, 255, 255), [255, 255, 255])
  t.same(one('grayscale', 12, 200, 77, 9), [130, 130, 130, 9])
})

t.test('sepia is the usual matrix, rounded half up, 255 at most', async (t) => {
  t.same(one('sepia', 0, 0, 0), [0, 0, 0])
  t.same(one('sepia', 100, 100, 100), [135, 120, 94]) // 135.1, 120.3, 93.7
  t.same(one('sepia', 255, 255, 255), [255, 255, 239]) // 344.5, 306.8, 238.9
  t.same(one('sepia', 10, 20, 30, 40), [25, 22, 17, 40]) // 24.98, 22.25, 17.33
})

t.test('invert, posterize and threshold are what they say', async (t) => {
  t.same(one('invert', 0, 100, 255, 7), [255, 155, 0, 7])
  t.same(one('posterize', 63, 64, 191, 7), [0, 85, 170, 7])
  t.same(one('posterize', 192, 255, 128), [255, 255, 170])
  t.same(one('threshold', 127, 127, 127, 7), [0, 0, 0, 7])
  t.same(one('threshold', 128, 128, 128), [255, 255, 255])
})

t.test('blur spreads a point by its weights, and leaves an even colour as it is', async (t) => {
  const data = new Uint8Array(7 * 7 * 3)
  data[(3 * 7 + 3) * 3] = 255
  const red = FILTERS.blur!.apply({ data, width: 7, height: 7, channels: 3 })
  const row = (y: number) => Array.from({ length: 7 }, (_, x) => red[(y * 7 + x) * 3])
  t.same(row(1), [0, 1, 4, 6, 4, 1, 0])
  t.same(row(3), [0, 6, 24, 36, 24, 6, 0]) // 255 * [6 24 36 24 6] / 256
  t.same(one('blur', 1, 2, 3, 4), [1, 2, 3, 4])
  t.same(one('sharpen', 1, 2, 3, 4), [1, 2, 3, 4])
})

t.test('blur keeps the colour of what cannot be seen out of its neighbours', async (t) => {
  const data = Uint8Array.of(255, 0, 0, 255, 0, 255, 0, 0, 0, 255, 0, 0)
  const blurred = FILTERS.blur!.apply({ data, width: 3, height: 1, channels: 4 })
  t.same([...blurred.subarray(0, 3)], [255, 0, 0])
  t.same([...blurred.subarray(4, 7)], [255, 0, 0])
  t.equal(blurred[3], 175) // 255 * (6 + 4 + 1) / 16
})

const pixels = fc
  .record({
    width: fc.integer({ min: 1, max: 9 }),
    height: fc.integer({ min: 1, max: 25 }),
    channels: fc.constantFrom(3 as const, 4 as const),
  })
  .chain(({ width, height, channels }) => {
    const length = width * height * channels
    return fc
      .uint8Array({ minLength: length, maxLength: length, size: 'max' })
      .map((data): Pixels => ({ data, width, height, channels }))
  })

for (const [name, { apply, reach }] of Object.entries(FILTERS)) {
  t.test(`${name} gives the same for strips as for the whole, and changes nothing`, async (t) => {
    fc.assert(
      fc.property(pixels, fc.integer({ min: 1, max: 16 }), (image, wanted) => {
        const { width, height, channels, data } = image
        const before = Uint8Array.from(data)
        const whole = apply(image)
        const row = width * channels
        for (const { top, height: rows, above, below } of planStrips(height, [name], wanted)) {
          const strip = data.subarray((top - above) * row, (top + rows + below) * row)
          const filtered = apply({ ...image, data: strip, height: above + rows + below })
          const own = filtered.subarray(above * row, (above + rows) * row)
          if (!Buffer.from(own).equals(whole.subarray(top * row, (top + rows) * row))) return false
        }
        return whole.length === data.length && Buffer.from(before).equals(data)
      }),
      { numRuns: 300 },
    )
    t.ok(reach >= 0)
  })
}

t.test('strips cover all rows, keep to their bands and are as even as can be', async (t) => {
  const names = fc.array(fc.constantFrom(...Object.keys(FILTERS)), { minLength: 1, maxLength: 16 })
  const rows = fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 65_500 }))
  fc.assert(
    fc.property(rows, names, fc.integer({ min: 1, max: 64 }), (height, filters, wanted) => {
      const strips = planStrips(height, filters, wanted)
      let end = 0
      for (const strip of strips) {
        if (strip.top !== end || strip.height < 1) return false
        end += strip.height
        const band = filters.findIndex(
          (_, i) => strip.top < Math.floor(((i + 1) * height) / filters.length),
        )
        if (strip.filter !== filters[band]) return false
        if (end > Math.floor(((band + 1) * height) / filters.length)) return false
        const { reach } = FILTERS[strip.filter]!
        if (strip.above !== Math.min(reach, strip.top)) return false
        if (strip.below !== Math.min(reach, height - end)) return false
      }
      return end === height && strips.length <= Math.max(wanted, filters.length)
    }),
  )
  const heights = (height: number, filters: string[], wanted: number) =>
    planStrips(height, filters, wanted).map((strip) => strip.height)
  t.same(heights(479, ['sepia'], 3), [159, 160, 160])
  t.same(heights(3, ['sepia'], 5), [1, 1, 1])
  t.same(heights(10, ['sepia', 'grayscale'], 3), [5, 2, 3])
  t.same(heights(10, ['sepia', 'grayscale', 'blur'], 1), [3, 3, 4])
  t.same(
    planStrips(2, ['sepia', 'grayscale', 'invert'], 9).map(({ filter }) => filter),
    ['grayscale', 'invert'],
  )
})

t.test('a grey strip stays grey, as the protocol says of any slave', async (t) => {
  const folder = t.testdir({})
  const [given, made] = ['given.png', 'strip.png'].map((name) => join(folder, name))
  for (const channels of [1, 2] as const) {
    const data = Uint8Array.from({ length: 5 * 3 * channels }, (_, i) => (i * 37) % 256)
    const raw = sharp(data, { raw: { width: 5, height: 3, channels } })
    writeFileSync(given as string, await raw.toColourspace('b-w').png().toBuffer())
    const work = { files: { 'strip.png': given as string }, out: folder, shared: null }
    await kinds.get('image-filter.grayscale')?.run({} as never, work)
    const file = readFileSync(made as string)
    // The colour type in the header: grey, without or with alpha.
    t.equal(file[25], channels === 1 ? 0 : 4)
    // Read as sRGB: the grey stands in each channel.
    const { data: shown, info } = await sharp(file).raw().toBuffer({ resolveWithObject: true })
    const greys = Array.from({ length: 15 }, (_, i) => [
      shown[i * info.channels],
      ...(channels === 2 ? [shown[i * info.channels + 3]] : []),
    ])
    t.same(Uint8Array.from(greys.flat() as number[]), data)
  }
})
