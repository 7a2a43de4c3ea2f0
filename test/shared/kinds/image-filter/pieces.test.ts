// Strips as files: what is written is PNG for every reader, and what is read is checked.

import { deflateRawSync, deflateSync, inflateSync } from 'node:zlib'
import t from 'tap'
import { decodeStrip } from '../../../../shared/kinds/image-filter/codec.ts'
import type { Pixels } from '../../../../shared/kinds/image-filter/filters.ts'
import type { Piece } from '../../../../shared/kinds/image-filter/pieces.ts'
import { compress, encodePieces, pieceIn } from '../../../../shared/kinds/image-filter/pieces.ts'
import {
  adler32,
  beginning,
  chunk,
  chunksOf,
  decodePlain,
  encodePlain,
  ending,
  joinAdlers,
} from '../../../../shared/kinds/image-filter/png.ts'
import { photograph, pixelsOf, png } from './images.ts'
import { same } from './strips.ts'

/** The last is compressed in two steps. */
const IMAGES = [
  photograph(5, 4, 3),
  photograph(301, 230, 4),
  photograph(21_900, 2, 3),
  photograph(900, 400, 4),
]
const image = photograph(40, 30, 4)

const rowsOf = (from: Pixels, top: number, height: number): Pixels => {
  const row = from.width * from.channels
  return { ...from, height, data: from.data.subarray(top * row, (top + height) * row) }
}

t.test('pixels stand in a file as they are, for every reader', async (t) => {
  for (const pixels of IMAGES) {
    const file = encodePlain(pixels)
    same(t, await pixelsOf(file), pixels, 'as sharp reads it')
    same(t, decodePlain(file) as Pixels, pixels, 'as we read it')
    const [idat] = chunksOf(file)!.chunks
    t.equal(inflateSync(idat!.data).length, pixels.height * (1 + pixels.width * pixels.channels))
  }
})

t.test('a file of another encoder is left to sharp', async (t) => {
  const file = await png(image)
  t.equal(decodePlain(file), null)
  same(t, await decodeStrip(file), image, 'as sharp reads it')
})

t.test('a file with a wrong byte is refused, wherever it is', async (t) => {
  const file = encodePlain(photograph(3, 2, 3))
  for (let at = 0; at < file.length; at++) {
    const wrong = Buffer.from(file)
    wrong[at]! ^= 1
    t.equal(decodePlain(wrong), null, `byte ${at}`)
  }
  for (let end = 0; end < file.length; end += 7) t.equal(decodePlain(file.subarray(0, end)), null)
})

t.test('blocks that do not fit the header are refused, though every CRC is right', (t) => {
  const size = { width: 3, height: 2, channels: 3 } as const
  const lines = Buffer.alloc(20)
  const fileOf = (idat: Buffer, its = size): Buffer =>
    Buffer.concat([...beginning(its), ...chunk('IDAT', idat), ...ending()])
  const block = (bytes: Buffer, last = 1, length = bytes.length): Buffer => {
    const head = Buffer.from([last, length & 255, length >> 8, ~length & 255, (~length >> 8) & 255])
    return Buffer.concat([head, bytes])
  }
  const stream = (...blocks: Buffer[]): Buffer =>
    Buffer.concat([Buffer.from([0x78, 0x01]), ...blocks, Buffer.alloc(4)])
  t.ok(decodePlain(fileOf(stream(block(lines)))))
  t.ok(decodePlain(fileOf(stream(block(lines.subarray(0, 9), 0), block(lines.subarray(9))))))
  const wrong = [
    stream(block(lines.subarray(1))),
    stream(block(Buffer.alloc(21))),
    stream(block(lines, 0)),
    stream(block(lines), block(lines)),
    stream(block(lines, 1, 60_000)),
    stream(block(Buffer.alloc(20, 5))),
    stream(),
    deflateSync(lines),
  ]
  for (const idat of wrong) t.equal(decodePlain(fileOf(idat)), null)
  const huge = { width: 65_000, height: 65_000, channels: 3 } as const
  t.equal(
    decodePlain(fileOf(stream(block(lines)), huge as never)),
    null,
    'and nothing is allocated',
  )
  t.end()
})

t.test('a file of pieces is a PNG, and gives each of them', async (t) => {
  for (const pixels of IMAGES) {
    const heights = [1, pixels.height - 1]
    const pieces = [
      await compress(rowsOf(pixels, 0, 1)),
      await compress(rowsOf(pixels, 1, pixels.height - 1)),
    ]
    const file = Buffer.concat(encodePieces(pixels, pieces))
    same(t, await pixelsOf(file), pixels, 'as sharp reads it')
    t.same(await pieceIn(file, pixels, 0, heights[0] as number), pieces[0])
    t.same(await pieceIn(file, pixels, 1, heights[1] as number), pieces[1])
    t.equal(await pieceIn(file, pixels, 1, pixels.height), null, 'no such piece')
    t.equal(await pieceIn(file, { ...pixels, width: 1 }, 0, 1), null, 'another size')
    t.equal(await pieceIn(encodePlain(pixels), pixels, 0, 1), null, 'no pieces')
  }
})

t.test('a piece that is not what it says is not joined', async (t) => {
  const size = { width: 2, height: 2, channels: 3 } as const
  const good = await compress({ ...size, data: new Uint8Array(12).fill(7) })
  const of = (lines: number[]): Piece => {
    const bytes = Buffer.from(lines)
    const data = deflateRawSync(bytes, { finishFlush: 2 })
    return { rows: 2, adler: adler32(bytes, 1), data }
  }
  const read = (piece: Piece) => pieceIn(Buffer.concat(encodePieces(size, [piece])), size, 0, 2)
  const row = [1, 2, 3, 4, 5, 6]
  t.ok(await read(good))
  t.ok(await read(of([1, ...row, 4, ...row])))
  const end = Buffer.concat([Buffer.from([3, 0]), Buffer.alloc(4)])
  end.writeUInt32BE(good.adler, 2)
  const wrong: Record<string, Piece> = {
    'of other bytes than its Adler-32': { ...good, adler: good.adler ^ 1 },
    'too short': of([1, ...row, 4, ...row.slice(1)]),
    'too long': of([1, ...row, 4, ...row, 9]),
    'with a row that refers above it': of([2, ...row, 2, ...row]),
    'with a filter that there is not': of([1, ...row, 5, ...row]),
    'cut off': { ...good, data: good.data.subarray(0, -3) },
    'with an end, and more behind it': {
      ...good,
      data: Buffer.concat([good.data, end, Buffer.from('more')]),
    },
    'of nothing': { ...good, data: Buffer.alloc(0) },
  }
  for (const [words, piece] of Object.entries(wrong)) t.equal(await read(piece), null, words)
})

t.test('the checksum of two is that of both together', (t) => {
  for (const [first, second] of [
    ['', ''],
    ['a', ''],
    ['', 'b'],
    ['Wikipedia', 'x'.repeat(70_000)],
    ['\xff'.repeat(9_000), '\xff'.repeat(80_000)],
  ] as const) {
    const [a, b] = [Buffer.from(first, 'latin1'), Buffer.from(second, 'latin1')]
    const both = adler32(Buffer.concat([a, b]), 1)
    t.equal(adler32(b, adler32(a, 1)), both)
    t.equal(joinAdlers(adler32(a, 1), adler32(b, 1), b.length), both)
    t.equal(
      deflateSync(Buffer.concat([a, b])).readUInt32BE(
        deflateSync(Buffer.concat([a, b])).length - 4,
      ),
      both,
    )
  }
  t.equal(adler32(Buffer.from('Wikipedia'), 1), 0x11e60398)
  t.end()
})
