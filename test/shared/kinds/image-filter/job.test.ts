// The whole job: in any number of strips it gives what the filters make of the whole image.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import sharp from 'sharp'
import t from 'tap'
import { FILTERS } from '../../../../shared/kinds/image-filter/filters.ts'
import { job } from '../../../../shared/kinds/image-filter/kind.ts'
import type { Kind } from '../../../../shared/kinds/kind.ts'
import { expected, filterImage, kinds, photograph, pixelsOf, png, sharpOf } from './images.ts'
import { isWhole, same } from './strips.ts'

const photo = readFileSync(join(import.meta.dirname, '../../../fixtures/photo.jpg'))
const names = Object.keys(FILTERS)

for (const filter of names) {
  t.test(`${filter} in 1, 3 and 16 strips is ${filter} of the whole`, async (t) => {
    await isWhole(t, filter, [1, 3, 16])
  })
}

t.test('images of odd sizes are filtered whole', async (t) => {
  for (const [width, height] of [
    [1, 1],
    [1, 17],
    [17, 1],
    [2, 3],
    [641, 479],
  ] as const) {
    for (const filter of ['sepia', 'blur']) {
      const image = photograph(width, height, 3)
      const { bytes, counts, result } = await filterImage(await png(image), { filter }, 7)
      t.equal(counts[1], Math.min(7, height))
      t.match(result, { width, height, format: 'png', bytes: bytes.length, filters: [filter] })
      same(t, await pixelsOf(bytes), expected(image, [filter]), `${filter} of ${width} x ${height}`)
    }
  }
})

t.test('each of several filters has its band, and no strip is in two', async (t) => {
  const image = photograph(40, 51, 4)
  const file = await png(image)
  for (const filters of [['grayscale', 'sepia'], ['blur', 'invert', 'sharpen'], names]) {
    for (const parts of [1, 2, 11]) {
      const { bytes, counts, result } = await filterImage(file, { filters }, parts)
      t.equal(counts[1], Math.max(parts, filters.length))
      same(t, await pixelsOf(bytes), expected(image, filters), `${filters} in ${parts}`)
      t.same([...new Set(result.strips.map(({ filter }) => filter))], filters)
    }
  }
})

t.test('the result says who filtered which rows', async (t) => {
  const file = await png(photograph(10, 9, 3))
  const { result } = await filterImage(file, { filters: ['grayscale', 'sepia'] }, 2)
  t.same(result.strips, [
    { top: 0, height: 4, filter: 'grayscale', slave: 'slave-1' },
    { top: 4, height: 5, filter: 'sepia', slave: 'slave-1' },
  ])
})

t.test('a photograph is filtered as the whole is', async (t) => {
  const filters = ['grayscale', 'sepia']
  const { bytes, result } = await filterImage(photo, { filters }, 4)
  t.match(result, { width: 600, height: 400 })
  same(t, await pixelsOf(bytes), expected(await pixelsOf(photo), filters), 'the photograph')
})

t.test('without a number of parts there are as many strips as slots, 64 at most', async (t) => {
  const plan = (slots: number, parts: number | null) => {
    const input = { image: '', filter: 'sepia' }
    const [cut] = job.stages[0]!.parts({ input, parts, slots, slaves: 1, done: [] } as never)
    return (cut!.input as { strips: number }).strips
  }
  t.same([plan(1, null), plan(6, null), plan(500, null)], [1, 6, 64])
  t.same([plan(6, 2), plan(6, 65), plan(6, 0)], [2, 64, 1])
})

t.test('the result is a JPEG or WebP on demand', async (t) => {
  const image = photograph(65, 33, 4)
  const file = await png(image)
  const wanted = sharpOf(expected(image, ['sepia']))
  const jpeg = await filterImage(file, { filter: 'sepia', format: 'jpeg', quality: 90 }, 3)
  t.match(jpeg.file, { type: 'image/jpeg', name: 'image.jpg' })
  const flat = await wanted
    .clone()
    .flatten({ background: 'white' })
    .jpeg({ quality: 90 })
    .toBuffer()
  t.ok(jpeg.bytes.equals(flat), 'what is transparent is white')
  const webp = await filterImage(file, { filter: 'sepia', format: 'webp' }, 3)
  t.match(webp.file, { type: 'image/webp', name: 'image.webp' })
  t.ok(webp.bytes.equals(await wanted.clone().webp({ quality: 85 }).toBuffer()))
  const wide = await png(photograph(16_384, 2, 3))
  await t.rejects(filterImage(wide, { filter: 'sepia', format: 'webp' }), {
    type: 'rejected-input',
    message: 'the image has 16384 x 2 pixels; the maximum of a side in webp is 16383',
  })
})

t.test('the result tells nothing of where and when the image was taken', async (t) => {
  const exif = { IFD0: { Make: 'A camera' }, IFD3: { GPSLatitude: '47/1 22/1 0/1' } }
  const file = await sharp(photo).withExif(exif).jpeg().toBuffer()
  t.ok((await sharp(file).metadata()).exif)
  for (const format of ['png', 'jpeg', 'webp']) {
    const { bytes } = await filterImage(file, { filter: 'sepia', format })
    t.equal((await sharp(bytes).metadata()).exif, undefined)
  }
})

t.test('a filter that gives another size or mode is found out', async (t) => {
  const image = await png(photograph(8, 8, 4))
  const giving = (width: number, height: number, channels: 3 | 4): Kind => ({
    ...(kinds.get('image-filter.sepia') as Kind),
    async run(_, { out }) {
      const { writeFile } = await import('node:fs/promises')
      await writeFile(join(out, 'strip.png'), await png(photograph(width, height, channels)))
      return { result: { width, height } }
    },
  })
  for (const [width, height, channels, words] of [
    [8, 3, 4, '8 x 3 pixels with alpha'],
    [9, 4, 4, '9 x 4 pixels with alpha'],
    [8, 4, 3, '8 x 4 pixels without alpha'],
  ] as const) {
    await t.rejects(filterImage(image, { filter: 'sepia' }, 2, [giving(width, height, channels)]), {
      message: `strip 0 was returned by its filter as ${words}, not as 8 x 4 pixels with alpha`,
    })
  }
})

t.test('a mistake in the request is named, with all filters there are', async (t) => {
  const all = 'blur, grayscale, invert, posterize, sepia, sharpen, threshold'
  const mistakes = (input: object) => job.mistakes!({ image: '', ...input } as never)
  const either = [{ field: 'input', rule: 'must have either filter or filters' }]
  t.same(mistakes({}), either)
  t.same(mistakes({ filter: 'sepia', filters: ['sepia'] }), either)
  const rule = `must be one of ${all}`
  t.same(mistakes({ filter: 'sepai' }), [{ field: 'input.filter', rule }])
  t.same(mistakes({ filter: 'constructor' }), [{ field: 'input.filter', rule }])
  t.same(mistakes({ filters: ['sepia', 'cut'] }), [{ field: 'input.filters.1', rule }])
  t.same(mistakes({ filter: 'sepia', quality: 50 }), [
    { field: 'input.quality', rule: 'applies only to the formats jpeg and webp' },
  ])
  t.same(mistakes({ filter: 'sepia', quality: 50, format: 'webp' }), [])
})

t.test('the kinds that it needs are named once', async (t) => {
  t.same(job.needs({ image: '', filters: ['sepia', 'blur', 'sepia'] } as never), [
    'image-filter.cut',
    'image-filter.sepia',
    'image-filter.blur',
    'image-filter.stitch',
  ])
})
