// What the master decides: every byte in exactly one part, and pieces as even as marks can tell.

import t from 'tap'
import { createRandom } from '../../../../shared/data/random.ts'
import type { Mark } from '../../../../shared/kinds/word-frequency/inputs.ts'
import { job } from '../../../../shared/kinds/word-frequency/kind.ts'
import {
  cutFiles,
  cutResult,
  cutText,
  packBlobs,
  TEXT_PART_CHARS,
} from '../../../../shared/kinds/word-frequency/plan.ts'

const MIB = 2 ** 20

t.test('ranges cover each file once, in order, evenly', async (t) => {
  const random = createRandom(1)
  for (let i = 0; i < 100; i++) {
    const files = Array.from({ length: 1 + random.integer(8) }, (_, n) => ({
      name: `f${n}`,
      bytes: random.integer(3) === 0 ? 0 : random.integer(1000),
    }))
    const parts = cutFiles(files, 1 + random.integer(9), 1 + random.integer(400))
    const pieces = parts.flat() as { name: string; bytes: number; from: number; to: number }[]
    for (const { name, bytes } of files) {
      const own = pieces.filter((piece) => piece.name === name)
      const ends = [0, ...own.map(({ to }) => to)]
      t.same([...own.map(({ from }) => from), bytes], ends)
    }
    const sizes = parts.map((part) =>
      (part as typeof pieces).reduce((sum, { from, to }) => sum + to - from, 0),
    )
    t.ok(sizes.every((size) => size <= sizes[0]!))
    t.notOk(parts.some((part) => part.length === 0))
  }
})

t.test('all slots have work to the end, unless parts would be tiny', async (t) => {
  const parts = (bytes: number, slots: number, chunkBytes?: number) =>
    cutFiles([{ name: 'f', bytes }], slots, chunkBytes).length
  t.equal(parts(0, 2), 1)
  t.equal(parts(MIB, 2), 1)
  t.equal(parts(2 * MIB, 2), 2)
  t.equal(parts(60 * MIB, 2), 2)
  t.equal(parts(70 * MIB, 2), 2)
  t.equal(parts(130 * MIB, 2), 4)
  t.equal(parts(70 * MIB, 1000), 70)
  t.equal(parts(70 * MIB, 7), 7)
  t.equal(parts(1000, 2, 10), 100)
  t.equal(parts(2 ** 40, 2), 2000, 'not more than so many')
  t.equal(parts(10 ** 9, 2, 1), 2000, 'whatever the client wants')
})

t.test('blobs of known size go together, others are alone', async (t) => {
  const sizes = (packed: { bytes?: number }[][]) =>
    packed.map((part) => part.map(({ bytes }) => bytes))
  const blobs = [4, 5, 2, undefined, 3, 30, 1, 1].map((bytes) => ({
    sha256: '',
    ...(bytes === undefined ? {} : { bytes }),
  }))
  t.same(sizes(packBlobs(blobs, 10)), [[4, 5], [2], [undefined], [3], [30], [1, 1]])
  const many = Array.from({ length: 10_000 }, () => ({ sha256: '' }))
  t.equal(packBlobs(many, 10).length, 2000)
  t.equal(packBlobs(many, 10).flat().length, 10_000)
})

t.test('cuts the distribution of all groups evenly', async (t) => {
  const mark = (frequency: number, word: string, bytes: number): Mark => ({
    frequency,
    word: Buffer.from(word).toString('base64'),
    words: 1,
    bytes,
  })
  const one = {
    bytes: 50,
    marks: [mark(9, '', 10), mark(2, 'm', 10), mark(1, '', 10), mark(1, 'k', 10)],
  }
  const two = {
    bytes: 50,
    marks: [mark(8, '', 10), mark(2, '', 10), mark(1, 'c', 10), mark(1, 'x', 10)],
  }
  const cuts = (parts: number) =>
    cutResult([one, two], parts).map(({ frequency, word }) => [
      frequency,
      Buffer.from(word, 'base64').toString(),
    ])
  t.same(cuts(1), [])
  t.same(cuts(2), [[1, '']])
  t.same(cuts(5), [
    [8, ''],
    [2, 'm'],
    [1, 'c'],
    [1, 'x'],
  ])
  t.equal(cuts(64).length, 8, 'never more than there are marks')
  t.same(cutResult([], 5), [])
  t.same(cutResult([{ bytes: 0, marks: [] }], 5), [])
  const long = {
    bytes: 640 * MIB,
    marks: Array.from({ length: 512 }, (_, i) => mark(1000 - i, '', 1.25 * MIB)),
  }
  t.equal(cutResult([long], 2).length + 1, 10, 'more pieces when they would be long')
})

t.test('a long text is counted in parts, each with whole words', async (t) => {
  const wordsOf = (text: string): string[] => text.match(/\S+/g) ?? []
  const long = `${'x'.repeat(TEXT_PART_CHARS)}y`
  for (const text of [
    '',
    ' \n',
    'one two',
    'ask\tfirst.\n'.repeat(200_000),
    `a ${long} b ${long}`,
  ]) {
    const pieces = cutText(text)
    t.equal(pieces.join(''), text)
    t.ok(pieces.every((piece) => piece.length < TEXT_PART_CHARS + long.length + 2))
    t.ok(pieces.length >= text.length / (TEXT_PART_CHARS + long.length + 2))
    t.ok(text.length <= TEXT_PART_CHARS || pieces.length > 1, `${pieces.length} pieces`)
    t.same(pieces.flatMap(wordsOf).length, wordsOf(text).length)
  }
})

/** The parts of exchange and sort, after two parts of group whose words have so many bytes of lines each. */
function lastStages(bytes: number, parts: number | null) {
  const marks = [{ frequency: 9, word: '', words: 5, bytes: bytes / 2 }]
  const file = (name: string) => ({ name, bytes })
  const done = (result: object, files: { name: string; bytes: number }[]) => ({
    result,
    files,
    slave: 's',
  })
  const counted = { bytes, words: 20 }
  const grouped = { words: 10, distinctWords: 10, bytes, marks }
  const soFar = {
    input: { files: 'all' },
    parts,
    slots: 2,
    slaves: 2,
    together: true,
    runLimitMs: 1000,
    done: [
      [done({ files: [] }, [])],
      [done(counted, [file('r0'), file('r1')])],
      [done(grouped, [file('g0')]), done(grouped, [file('g0'), file('g1')])],
    ],
  } as Parameters<(typeof job.stages)[number]['parts']>[0]
  const exchange = job.stages[3]!.parts(soFar)
  soFar.done.push(exchange.map(() => done({}, [file('s0.0'), file('s1.0')])))
  return { exchange, sort: job.stages[4]!.parts(soFar) }
}

t.test('a short result is not cut: one part merges what all groups gave', async (t) => {
  const { exchange, sort } = lastStages(1000, null)
  t.same(exchange, [])
  t.same(
    sort.map(({ input, files = [] }) => [input, files]),
    [
      [
        { whole: true },
        [
          { name: 'g0.0', stage: 2, part: 0, file: 'g0' },
          { name: 'g0.1', stage: 2, part: 1, file: 'g0' },
          { name: 'g1.1', stage: 2, part: 1, file: 'g1' },
        ],
      ],
    ],
  )
})

t.test('a long result is cut, and any when the client said into how many parts', async (t) => {
  for (const [bytes, parts] of [
    [20 * MIB, null],
    [1000, 2],
  ] as const) {
    const { exchange, sort } = lastStages(bytes, parts)
    t.equal(exchange.length, 2)
    t.equal(sort.length, 2)
    t.same(sort[0]!.input, {}, 'and is not the part of a result that was not cut')
  }
})
