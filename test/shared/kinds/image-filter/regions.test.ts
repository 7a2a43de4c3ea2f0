// Rows of an image, read from its file: those of the whole, whatever the file is.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import sharp from 'sharp'
import t from 'tap'
import { decodeImage, imageInfo } from '../../../../shared/kinds/image-filter/codec.ts'
import { expected, filterImage, kinds, photograph, pixelsOf, png, sharpOf } from './images.ts'
import { gammaChunk, pngFile } from './png-files.ts'
import { same } from './strips.ts'

const opaque = photograph(37, 29, 3)
const clear = photograph(37, 29, 4)
const photo = readFileSync(join(import.meta.dirname, '../../../fixtures/photo.jpg'))
const [A_FEW, MANY] = [24, 25]

async function filesOf(): Promise<Record<string, Buffer>> {
  const jpeg = sharpOf(opaque).jpeg()
  const wide = Uint16Array.from(clear.data, (value) => value * 257)
  const raw = { raw: { width: 37, height: 29, channels: 4 as const } }
  const turned = await Promise.all(
    [2, 3, 6, 8].map((orientation) => jpeg.clone().withMetadata({ orientation }).toBuffer()),
  )
  const samples = Float64Array.from(opaque.data, (value) => value / 255)
  return {
    png: await png(opaque),
    'png with alpha': await png(clear),
    'interlaced png': await sharpOf(clear).png({ progressive: true }).toBuffer(),
    'palette png': await sharpOf(opaque).png({ palette: true }).toBuffer(),
    'palette png with alpha': await sharpOf(clear).png({ palette: true }).toBuffer(),
    'gray png': await sharpOf(opaque).toColourspace('b-w').png().toBuffer(),
    'png of 16 bits': await sharp(wide, raw).toColourspace('rgb16').png().toBuffer(),
    'png with a profile': await sharpOf(clear).withIccProfile('p3').png().toBuffer(),
    'png with a gamma': pngFile(
      { depth: 16, gray: false, alpha: false },
      samples,
      [gammaChunk(1)],
      29,
    ),
    jpeg: await jpeg.toBuffer(),
    'progressive jpeg': await sharpOf(opaque).jpeg({ progressive: true }).toBuffer(),
    'gray jpeg': await sharpOf(opaque).toColourspace('b-w').jpeg().toBuffer(),
    'cmyk jpeg': await sharpOf(opaque).toColourspace('cmyk').jpeg().toBuffer(),
    'webp with alpha': await sharpOf(clear).webp({ lossless: true }).toBuffer(),
    webp: await sharpOf(opaque).webp().toBuffer(),
    ...Object.fromEntries(turned.map((file, i) => [`jpeg, orientation ${[2, 3, 6, 8][i]}`, file])),
    photograph: photo,
  }
}

for (const [name, file] of Object.entries(await filesOf())) {
  t.test(
    `${name}: any rows are those of the whole, and the header says what they are like`,
    async (t) => {
      const whole = await decodeImage(file)
      const { data, ...shape } = whole
      t.match(await imageInfo(file), shape)
      const row = shape.width * shape.channels
      for (const [top, height] of [
        [0, 1],
        [0, shape.height],
        [3, 11],
        [shape.height - 2, 2],
      ] as const) {
        const part = await decodeImage(file, { top, height })
        t.match(part, { ...shape, height })
        t.same(Buffer.from(part.data), Buffer.from(data.subarray(top * row, (top + height) * row)))
      }
    },
  )
}

t.test('a piece of the result is an image of its rows, with what stands around it', async (t) => {
  const folder = t.testdir({ 'image.png': await png(clear), out: {} })
  const work = {
    files: { image: join(folder, 'image.png') },
    out: join(folder, 'out'),
    shared: null,
  }
  const input = { filter: 'blur', imageHeight: 29, top: 7, height: 4, plain: false }
  const { result } = await kinds.get('image-filter.region')!.run(input as never, work)
  const { around } = result as { around: { head: string; tail: string } }
  const [head, tail] = [around.head, around.tail].map((text) => Buffer.from(text, 'base64'))
  const file = Buffer.concat([head!, readFileSync(join(work.out, 'piece')), tail!])
  const { data } = expected(clear, ['blur'])
  const rows = { width: 37, height: 4, channels: 4 as const, data: data.slice(7 * 148, 11 * 148) }
  same(t, await pixelsOf(file), rows, 'its rows')
})

t.test('a truncated image is refused by the part that reads its end', async (t) => {
  await t.rejects(filterImage(photo.subarray(0, -9_000), { filter: 'blur' }, 2), {
    type: 'rejected-input',
    message: /^this JPEG is damaged or truncated/,
  })
})

t.test('strips are cut once where there are many, or where slaves differ', async (t) => {
  const kindsOf = async (parts: number, together: boolean) => {
    const asked: string[] = []
    const watched = [...kinds.values()].map((kind) => ({
      ...kind,
      run: (input: never, work: never) => {
        asked.push(kind.name)
        return kind.run(input, work)
      },
    }))
    await filterImage(await png(opaque), { filter: 'sepia' }, parts, watched, together)
    return [...new Set(asked)]
  }
  const [region, strip] = ['region', 'sepia'].map((name) => `image-filter.${name}`)
  t.ok((await kindsOf(A_FEW, true)).includes(region!))
  t.notOk((await kindsOf(A_FEW, true)).includes(strip!))
  t.notOk((await kindsOf(MANY, true)).includes(region!))
  t.notOk((await kindsOf(A_FEW, false)).includes(region!))
})
