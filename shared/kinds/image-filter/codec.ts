// Images as files: what is read, what is refused, and how JPEG and WebP results are written. Owns
// sharp, which is imported at the first use. Must not know filters or strips.
//
//   bytes --magic--> PNG, JPEG or WebP --header--> size, frames --decode--> upright 8-bit sRGB
//             |                            |                    |
//             +-- another type             +-- too many pixels  +-- broken, cut short
//
// Whatever the bytes say, libvips has no other loaders here than the three, from memory: all
// others (SVG, PDF, GIF, TIFF, HEIF, ImageMagick ...) are blocked, and so are all that take a path.

import type { Metadata } from 'sharp'
import { TaskFailure } from '../kind.ts'
import type { Colours, Samples } from './colours.ts'
import { coloursOfGamma, coloursOfProfile, toSrgb } from './colours.ts'
import type { Pixels } from './filters.ts'
import { decodePlain } from './png.ts'

export type Format = 'png' | 'jpeg' | 'webp'

/** At 4 bytes a pixel: 400 MB. */
export const PIXELS_MAX = 100_000_000
/** What a JPEG may have on either side; a PNG of more is not a picture. */
export const SIDE_MAX = 65_500

/** Formats, their media types and what a side of theirs may be, in pixels. */
export const FORMATS: Record<Format, { type: string; sideMax: number }> = {
  png: { type: 'image/png', sideMax: SIDE_MAX },
  jpeg: { type: 'image/jpeg', sideMax: SIDE_MAX },
  webp: { type: 'image/webp', sideMax: 16_383 },
}

const NAMES: Record<Format, string> = { png: 'PNG', jpeg: 'JPEG', webp: 'WebP' }

const LOADERS = ['Png', 'Jpeg', 'Webp'].map((name) => `VipsForeignLoad${name}Buffer`)
/** The colour type in the header of a PNG. */
const COLOUR_TYPE_AT = 25

/** How results are written. libvips knows nothing of an executor's permissions: no path, ever. */
const SAVERS = ['Png', 'Jpeg', 'Webp'].map((name) => `VipsForeignSave${name}Buffer`)

/** What the header of an image says of it, once it is upright. */
export type ImageInfo = Omit<Pixels, 'data'> & {
  format: Format
  /** Some rows can be read without those below and without keeping those above. */
  isStreamed: boolean
}
/** Rows of an upright image. */
export type Rows = { top: number; height: number }

/** Reads the header. Throws `rejected-input`. */
export async function imageInfo(bytes: Buffer): Promise<ImageInfo> {
  const { format, header } = await open(bytes)
  const { width, height } = header.autoOrient
  const { hasAlpha, isProgressive, orientation = 1 } = header
  const isStreamed = format !== 'webp' && !isProgressive && orientation === 1
  return { format, width, height, channels: hasAlpha ? 4 : 3, isStreamed }
}

/**
 * Decodes an image, or some rows of it, as a person sees it: upright (EXIF), in 8 bits of sRGB (embedded
 * profiles are applied; 16 bits, palettes, gray and CMYK converted), alpha kept. Throws `rejected-input`.
 */
export async function decodeImage(bytes: Buffer, rows?: Rows): Promise<Pixels> {
  const { format, header, sharp } = await open(bytes)
  const reading = { failOn: 'error', limitInputPixels: PIXELS_MAX } as const
  const { width, height } = header.autoOrient
  const place = { left: 0, top: 0, width, height, ...rows }
  const colours = coloursOf(format === 'png' ? bytes : null, header)
  if (colours) {
    const read = (): Sharp => sharp(bytes, { ...reading, ignoreIcc: true })
    return await readable(format, decodeBy(colours, read, header, place))
  }
  const image = sharp(bytes, reading)
  // Of 16 bits sharp applies a profile of colours towards Display P3: from there it is another step.
  const isWide = header.depth === 'ushort' && header.hasProfile && header.space === 'rgb16'
  const inSrgb = isWide ? image.withIccProfile('srgb') : image
  const turned = inSrgb.autoOrient()
  const part = rows ? turned.extract(place) : turned
  const upright = part.toColourspace('srgb').raw({ depth: 'uchar' })
  return pixelsOf(await readable(format, upright.toBuffer({ resolveWithObject: true })))
}

/** Looks at the header before anything is decoded. */
async function open(bytes: Buffer) {
  const format = formatOf(bytes)
  const sharp = await loadSharp()
  // 'error', not 'warning': cameras write files with harmless faults.
  const reading = { failOn: 'error', limitInputPixels: false } as const
  const header = await readable(format, sharp(bytes, reading).metadata())
  if ((header.pages ?? 1) > 1 || (format === 'png' && isAnimatedPng(bytes))) {
    throw rejected(`this ${NAMES[format]} is animated; only still images are supported`)
  }
  checkSize(header)
  return { format, header, sharp }
}

/** Colours that sharp would not apply, or not exactly; null: it does. `png`: the file, if it is one. */
function coloursOf(png: Buffer | null, { icc, depth, space }: Metadata): Colours | null {
  if (!icc) {
    const gamma = png && gammaOf(png)
    return gamma === null ? null : coloursOfGamma(gamma)
  }
  // Of 8 bits LittleCMS is exact for RGB; gray it takes through a table that is too coarse for dark tones.
  const isGray = space === 'grey16' || space === 'b-w'
  if (depth !== 'ushort' && !isGray) return null
  const colours = coloursOfProfile(icc)
  return colours?.curves.length === (isGray ? 1 : 3) ? colours : null
}

/** Pixels that are held as samples of 16 bits at a time: 128 MB. */
const BAND_PIXELS = 16_000_000

type Place = Rows & { left: number; width: number }

/** Upright, as decodeImage. The samples are read as they are, in bands from the top. */
async function decodeBy(
  colours: Colours,
  read: () => Sharp,
  header: Metadata,
  { top, width, height }: Place,
): Promise<Pixels> {
  const rows = Math.max(1, Math.floor(BAND_PIXELS / width))
  let image: Pixels | undefined
  for (let done = 0; done < height; done += rows) {
    const band = { left: 0, top: top + done, width, height: Math.min(rows, height - done) }
    const samples = await samplesOf(read().autoOrient().extract(band), header)
    const { data, channels } = toSrgb(samples, colours)
    image ??= { data: new Uint8Array(width * height * channels), width, height, channels }
    image.data.set(data, done * width * channels)
  }
  return image as Pixels
}

async function samplesOf(image: Sharp, { depth, space }: Metadata): Promise<Samples> {
  const is16 = depth === 'ushort'
  const as = !is16 ? 'srgb' : space === 'grey16' ? 'grey16' : 'rgb16'
  const raw = image.toColourspace(as).raw({ depth: is16 ? 'ushort' : 'uchar' })
  const { data, info } = await raw.toBuffer({ resolveWithObject: true })
  const { channels } = info
  if (!is16) return { data, max: 255, channels }
  return {
    data: new Uint16Array(data.buffer, data.byteOffset, data.length / 2),
    max: 65_535,
    channels,
  }
}

/** Decodes a strip as some slave wrote it. Throws `rejected-input`. */
export async function decodeStrip(bytes: Buffer): Promise<Pixels> {
  if (formatOf(bytes) !== 'png') throw rejected('a strip must be a PNG')
  const plain = decodePlain(bytes)
  if (plain) return plain
  const sharp = await loadSharp()
  const image = sharp(bytes, { failOn: 'error', limitInputPixels: PIXELS_MAX })
  const pixels = image.toColourspace('srgb').raw({ depth: 'uchar' })
  return pixelsOf(await readable('png', pixels.toBuffer({ resolveWithObject: true })))
}

/** Whether the pixels of a PNG are grey, with or without alpha. */
export const isGreyPng = (png: Buffer): boolean =>
  png[COLOUR_TYPE_AT] === 0 || png[COLOUR_TYPE_AT] === 4

/** Pixels that are grey (R = G = B), as a PNG of one channel, or two with alpha. */
export async function encodeGrey({ data, width, height, channels: all }: Pixels): Promise<Buffer> {
  const channels = all === 4 ? 2 : 1
  const grey = new Uint8Array(width * height * channels)
  for (let i = 0; i < width * height; i++) {
    grey[i * channels] = data[i * all] as number
    if (channels === 2) grey[2 * i + 1] = data[4 * i + 3] as number
  }
  const sharp = await loadSharp()
  const image = sharp(grey, { raw: { width, height, channels }, limitInputPixels: false })
  return image.toColourspace('b-w').png({ compressionLevel: 1 }).toBuffer()
}

/**
 * The result as JPEG or WebP, without any metadata. JPEG has no alpha: what is transparent becomes white.
 * `quality`: 1 to 100.
 */
export async function encodeImage(
  pixels: Pixels,
  format: Exclude<Format, 'png'>,
  quality: number,
): Promise<Buffer> {
  const image = await sharpOf(pixels)
  if (format === 'webp') return image.webp({ quality }).toBuffer()
  return image.flatten({ background: '#ffffff' }).jpeg({ quality }).toBuffer()
}

async function sharpOf({ data, width, height, channels }: Pixels) {
  const sharp = await loadSharp()
  return sharp(data, { raw: { width, height, channels }, limitInputPixels: false })
}

type Sharp = import('sharp').Sharp
let loading: Promise<typeof import('sharp').default> | undefined

/** An executor computes one thing at a time, and never the same twice: no threads, no cache. */
export function loadSharp(): Promise<typeof import('sharp').default> {
  loading ??= import('sharp').then(({ default: sharp }) => {
    sharp.concurrency(1)
    sharp.cache(false)
    sharp.block({ operation: ['VipsForeignLoad', 'VipsForeignSave'] })
    sharp.unblock({ operation: [...LOADERS, ...SAVERS] })
    return sharp
  })
  return loading
}

function pixelsOf(raw: {
  data: Buffer
  info: { width: number; height: number; channels: number }
}): Pixels {
  const { data, info } = raw
  const { width, height, channels } = info
  if (channels !== 3 && channels !== 4) throw rejected(`an image with ${channels} channels`)
  return { data, width, height, channels }
}

async function readable<T>(format: Format, reading: Promise<T>): Promise<T> {
  try {
    return await reading
  } catch (error) {
    const [reason] = String((error as Error).message).split('\n', 1)
    throw rejected(`this ${NAMES[format]} is damaged or truncated: ${reason}`)
  }
}

function checkSize({ width, height }: { width: number; height: number }) {
  const pixels = width * height
  if (pixels > PIXELS_MAX) {
    throw rejected(
      `the image has ${width} x ${height} = ${pixels} pixels; the maximum is ${PIXELS_MAX}`,
    )
  }
  if (Math.max(width, height) > SIDE_MAX) {
    throw rejected(
      `the image has ${width} x ${height} pixels; the maximum of a side is ${SIDE_MAX}`,
    )
  }
}

/** By its first bytes, whatever it is called. */
function formatOf(bytes: Buffer): Format {
  const head = bytes.toString('latin1', 0, 64)
  if (head.startsWith('\x89PNG\r\n\x1a\n')) return 'png'
  if (head.startsWith('\xff\xd8\xff')) return 'jpeg'
  if (/^RIFF.{4}WEBP/s.test(head)) return 'webp'
  if (bytes.length === 0) throw rejected('the image is empty')
  const other =
    OTHERS.find(([, magic]) => magic.test(head))?.[0] ??
    'the image type is unknown; PNG, JPEG and WebP are supported'
  throw rejected(`this is ${other}; PNG, JPEG and WebP are supported`)
}

/** Only to say what it is. */
const OTHERS: [string, RegExp][] = [
  ['a GIF', /^GIF8/],
  ['a TIFF', /^(II\*\0|MM\0\*|II\+\0|MM\0\+)/],
  ['a BMP', /^BM/],
  ['a HEIF or AVIF', /^.{4}ftyp(hei|hev|mif|msf|avi)/s],
  ['a PDF', /^%PDF/],
  ['HTML', /^(\xef\xbb\xbf)?\s*<(!doctype html|html|head|body)/i],
  ['an SVG or other XML', /^(\xef\xbb\xbf)?\s*<(\?xml|svg|!doctype)/i],
]

/**
 * Whether an `acTL` chunk of more than one frame stands before the pixels (W3C PNG, 3rd edition,
 * 11.3.6.1). One frame is a picture.
 */
function isAnimatedPng(bytes: Buffer): boolean {
  return (numberIn(bytes, 'acTL') ?? 0) > 1
}

/** Samples of a gamma so near to this, as libpng has it, are shown as they are. */
const GAMMA_USUAL = 1 / 2.2
const GAMMA_NEAR = 0.05

/** What the samples of a PNG are of light, where that is not near to sRGB's and nothing else says it. */
function gammaOf(bytes: Buffer): number | null {
  const gamma = (numberIn(bytes, 'gAMA') ?? 0) / 100_000
  const isUsual = Math.abs(gamma / GAMMA_USUAL - 1) < GAMMA_NEAR
  // Profiles and sRGB go before it (W3C PNG, 3rd edition, 4.3).
  const isSaid = ['sRGB', 'iCCP', 'cICP'].some((type) => chunkOf(bytes, type))
  return gamma < GAMMA_MIN || gamma > GAMMA_MAX || isUsual || isSaid ? null : gamma
}
const [GAMMA_MIN, GAMMA_MAX] = [0.05, 20]

function numberIn(png: Buffer, type: string): number | null {
  const chunk = chunkOf(png, type)
  return chunk && chunk.length >= 4 ? chunk.readUInt32BE(0) : null
}

/** What stands in the first chunk of a type before the pixels, if there is one. */
function chunkOf(png: Buffer, wanted: string): Buffer | null {
  for (let at = 8; at + 8 <= png.length; at += 12 + png.readUInt32BE(at)) {
    const type = png.toString('latin1', at + 4, at + 8)
    if (type === wanted) return png.subarray(at + 8, at + 8 + png.readUInt32BE(at))
    if (type === 'IDAT') return null
  }
  return null
}

const rejected = (message: string) => new TaskFailure('rejected-input', message)
