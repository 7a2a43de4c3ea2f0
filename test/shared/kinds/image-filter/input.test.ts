// What is read and how, and what is refused: with words, and before anything is decoded.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import sharp from 'sharp'
import t from 'tap'
import { decodeImage } from '../../../../shared/kinds/image-filter/codec.ts'
import type { Pixels } from '../../../../shared/kinds/image-filter/filters.ts'
import {
  expected,
  filterImage,
  kinds,
  photograph,
  pixelsOf,
  png,
  pngOf,
  sharpOf,
} from './images.ts'

const image = photograph(31, 23, 3)
const photo = readFileSync(join(import.meta.dirname, '../../../fixtures/photo.jpg'))

const fixture = (name: string) => readFileSync(join(import.meta.dirname, '../../../fixtures', name))
const refused = (message: string | RegExp) => ({ type: 'rejected-input', message })
const far = (a: Pixels, b: Pixels) =>
  Math.max(...a.data.map((value, i) => Math.abs(value - (b.data[i] ?? Number.NaN))))

t.test('gray, palette and 16-bit PNG become 8-bit colour, alpha stays', async (t) => {
  const gray = Buffer.from(Array.from({ length: 31 * 23 }, (_, i) => (i * 7) % 256))
  const tripled = Buffer.from([...gray].flatMap((value) => [value, value, value]))
  const wide = (bytes: Iterable<number>) => Uint16Array.from(bytes, (value) => value * 257)
  const raw = (channels: 1 | 2 | 3 | 4) => ({ raw: { width: 31, height: 23, channels } })

  const file = await sharp(gray, raw(1)).toColourspace('b-w').png().toBuffer()
  t.equal((await sharp(file).metadata()).channels, 1)
  t.same(Buffer.from((await decodeImage(file)).data), tripled)

  const file16 = await sharp(wide(gray), raw(1)).toColourspace('grey16').png().toBuffer()
  t.equal((await sharp(file16).metadata()).depth, 'ushort')
  t.same(Buffer.from((await decodeImage(file16)).data), tripled)

  const rgb16 = await sharp(wide(image.data), raw(3)).toColourspace('rgb16').png().toBuffer()
  t.equal((await sharp(rgb16).metadata()).depth, 'ushort')
  t.same(Buffer.from((await decodeImage(rgb16)).data), Buffer.from(image.data))

  const flat = { ...image, data: image.data.map((value) => 60 * (value >> 7)) }
  const palette = await sharpOf(flat).png({ palette: true }).toBuffer()
  t.equal((await sharp(palette).metadata()).isPalette, true)
  t.same(Buffer.from((await decodeImage(palette)).data), Buffer.from(flat.data))

  const pairs = Buffer.from([...gray].flatMap((value, i) => [value, (i * 3) % 256]))
  const withAlpha = await sharp(pairs, raw(2)).toColourspace('b-w').png().toBuffer()
  t.equal((await sharp(withAlpha).metadata()).channels, 2)
  const four = [...gray].flatMap((value, i) => [value, value, value, (i * 3) % 256])
  t.same([...(await decodeImage(withAlpha)).data], four)
})

t.test('an embedded profile is applied', async (t) => {
  const file = await sharpOf(image).withIccProfile('p3').png().toBuffer()
  const stored = await sharp(file, { ignoreIcc: true }).raw().toBuffer()
  t.ok(far({ ...image, data: stored }, image) > 30, 'the numbers in the file are others')
  t.ok(far(await decodeImage(file), image) <= 8)
})

t.test('CMYK becomes sRGB', async (t) => {
  const colours = [200, 60, 60, 60, 160, 60, 128, 128, 128, 20, 20, 20, 240, 240, 240, 200, 180, 60]
  const patches = sharp(Buffer.from(colours), { raw: { width: 6, height: 1, channels: 3 } })
  const large = await pixelsOf(await patches.resize(96, 16, { kernel: 'nearest' }).png().toBuffer())
  const file = await sharpOf(large).toColourspace('cmyk').jpeg({ quality: 100 }).toBuffer()
  t.match(await sharp(file).metadata(), { space: 'cmyk', channels: 4 })
  const decoded = await decodeImage(file)
  t.match(decoded, { width: 96, height: 16, channels: 3 })
  t.ok(far(decoded, large) <= 60, 'as near as the colours of ink come')
})

t.test('images are turned upright, for each of the 8 orientations of EXIF', async (t) => {
  for (const format of ['jpeg', 'png', 'webp'] as const) {
    for (let orientation = 1; orientation <= 8; orientation++) {
      const file = await sharpOf(image).withMetadata({ orientation }).toFormat(format).toBuffer()
      t.equal((await sharp(file).metadata()).orientation, orientation)
      const upright = turned(await pixelsOf(file), orientation)
      const { bytes } = await filterImage(file, { filter: 'sharpen' }, 3)
      const message = `${format}, orientation ${orientation}`
      t.ok(far(await pixelsOf(bytes), expected(upright, ['sharpen'])) === 0, message)
    }
  }
})

/** EXIF 2.32, 4.6.5.1: where row and column 0 of what is stored are, as a person sees it. */
function turned(stored: Pixels, orientation: number): Pixels {
  const { width, height, channels } = stored
  const w = width - 1
  const h = height - 1
  const from = [
    (x: number, y: number) => [x, y],
    (x: number, y: number) => [w - x, y],
    (x: number, y: number) => [w - x, h - y],
    (x: number, y: number) => [x, h - y],
    (x: number, y: number) => [y, x],
    (x: number, y: number) => [y, h - x],
    (x: number, y: number) => [w - y, h - x],
    (x: number, y: number) => [w - y, x],
  ][orientation - 1]!
  const size = orientation > 4 ? { width: height, height: width } : { width, height }
  const data = new Uint8Array(stored.data.length)
  for (let y = 0, at = 0; y < size.height; y++) {
    for (let x = 0; x < size.width; x++, at += channels) {
      const [column, row] = from(x, y) as [number, number]
      const start = (row * width + column) * channels
      data.set(stored.data.subarray(start, start + channels), at)
    }
  }
  return { data, ...size, channels }
}

t.test('WebP is read with its alpha', async (t) => {
  const clear = photograph(31, 23, 4)
  const file = await sharpOf(clear).webp({ lossless: true, exact: true }).toBuffer()
  const { bytes } = await filterImage(file, { filter: 'blur' }, 4)
  t.ok(far(await pixelsOf(bytes), expected(clear, ['blur'])) === 0)
})

t.test('too many pixels are refused by the header alone, in all formats', async (t) => {
  const size = (width: number, height: number) =>
    refused(
      `the image has ${width} x ${height} = ${width * height} pixels; the maximum is 100000000`,
    )
  await t.rejects(decodeImage(pngOf(50_000, 50_000)), size(50_000, 50_000))
  await t.rejects(decodeImage(pngOf(10_001, 10_000)), size(10_001, 10_000))
  await t.rejects(decodeImage(pngOf(10_000, 10_000)), refused(/damaged or truncated/))

  const jpeg = Buffer.from(photo)
  const frame = jpeg.indexOf(Buffer.from([0xff, 0xc0]))
  jpeg.writeUInt16BE(65_000, frame + 5)
  jpeg.writeUInt16BE(64_000, frame + 7)
  await t.rejects(decodeImage(jpeg), size(64_000, 65_000))

  const webp = await sharpOf(image).webp({ lossless: true }).toBuffer()
  webp.writeUInt32LE((webp.readUInt32LE(21) & 0xf0000000) | (16_382 << 14) | 16_382, 21)
  await t.rejects(decodeImage(webp), size(16_383, 16_383))

  await t.rejects(
    decodeImage(pngOf(65_501, 1)),
    refused('the image has 65501 x 1 pixels; the maximum of a side is 65500'),
  )
})

t.test('what is damaged or truncated is refused', async (t) => {
  const files = {
    PNG: await png(photograph(80, 80, 3)),
    JPEG: photo,
    WebP: await sharp(photo).webp().toBuffer(),
  }
  for (const [name, file] of Object.entries(files)) {
    for (const share of [0.001, 0.3, 0.6, 0.95]) {
      const cut = file.subarray(0, Math.max(16, file.length * share))
      await t.rejects(
        decodeImage(cut),
        refused(new RegExp(`^this ${name} is damaged or truncated`)),
      )
    }
  }
  const changed = Buffer.from(files.PNG)
  changed.fill(0xa5, 2000, 2100)
  await t.rejects(decodeImage(changed), refused(/^this PNG is damaged or truncated/))
  t.ok(await decodeImage(files.PNG))
})

t.test('other types are refused by their first bytes, whatever they are called', async (t) => {
  const svg = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'
  allowSavers()
  const files: [string, Buffer][] = [
    ['a GIF', await sharpOf(image).gif().toBuffer()],
    ['a TIFF', await sharpOf(image).tiff().toBuffer()],
    ['a HEIF or AVIF', await sharpOf(image).avif({ effort: 0 }).toBuffer()],
    ['an SVG or other XML', Buffer.from(svg)],
    ['an SVG or other XML', Buffer.from(`<?xml version="1.0"?>${svg}`)],
    ['a PDF', Buffer.from('%PDF-1.7\n')],
    ['HTML', Buffer.from('\n<!DOCTYPE html><title>404</title>')],
    ['a BMP', Buffer.from('BM      ')],
    ['the image type is unknown; PNG, JPEG and WebP are supported', Buffer.from('hello')],
    [
      'the image type is unknown; PNG, JPEG and WebP are supported',
      Buffer.from('RIFF\x10\0\0\0WAVE'),
    ],
  ]
  for (const [name, file] of files) {
    await t.rejects(decodeImage(file), refused(`this is ${name}; PNG, JPEG and WebP are supported`))
  }
  await t.rejects(decodeImage(Buffer.alloc(0)), refused('the image is empty'))
})

t.test('no other loader of libvips can be reached', async (t) => {
  await decodeImage(await png(image))
  allowSavers()
  for (const file of [
    await sharpOf(image).gif().toBuffer(),
    await sharpOf(image).tiff().toBuffer(),
    Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'),
  ]) {
    await t.rejects(sharp(file).metadata(), /unsupported image format/)
  }
  await t.rejects(sharp(join(import.meta.dirname, '../../../fixtures/photo.jpg')).metadata())
})

t.test('an animated PNG of one frame is a picture', async (t) => {
  t.match(await decodeImage(fixture('apng1.png')), { width: 301, height: 203 })
})

t.test('a profile means the same in 16 bits', async (t) => {
  const { data } = await decodeImage(fixture('red16_1x1.png'))
  t.same([...data], [255, 0, 0])
})

t.test('animated images are refused', async (t) => {
  const frames = photograph(20, 40, 3)
  const animated = await sharp(frames.data, {
    raw: { width: 20, height: 40, channels: 3, pageHeight: 20 },
  })
    .webp()
    .toBuffer()
  t.equal((await sharp(animated).metadata()).pages, 2)
  const only = (name: string) =>
    refused(`this ${name} is animated; only still images are supported`)
  await t.rejects(decodeImage(animated), only('WebP'))
  await t.rejects(decodeImage(pngOf(5, 5, [['acTL', Buffer.alloc(8, 1)]])), only('PNG'))
})

t.test('a part without its file says so', async (t) => {
  const cut = kinds.get('image-filter.cut')!
  const work = { files: {}, out: '', shared: null }
  await t.rejects(
    Promise.resolve(cut.run({ filters: ['sepia'], strips: 1 } as never, work)),
    refused('the file image is missing: only a job provides it'),
  )
})

/** What an executor may not write is what these tests refuse to read. */
function allowSavers() {
  sharp.unblock({ operation: ['VipsForeignSave'] })
}
