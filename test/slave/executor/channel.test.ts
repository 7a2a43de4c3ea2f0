import fc from 'fast-check'
import t from 'tap'
import { Raw } from '../../../shared/data/raw-json.ts'
import { createLineReader } from '../../../slave/executor/channel.ts'
import { parseEnds } from '../../../slave/executor/ends.ts'

/** Code points of one to four bytes. The unit 'binary' makes a table of all code points, which takes 2 s. */
const unit = fc
  .oneof(
    fc.integer({ min: 0, max: 0x7f }),
    fc.integer({ min: 0x80, max: 0xd7ff }),
    fc.integer({ min: 0xe000, max: 0x10ffff }),
  )
  .map((code) => String.fromCodePoint(code))

t.test('gives the same lines however the bytes are cut', async (t) => {
  const line = fc.string({ unit }).map((text) => text.replaceAll('\n', ''))
  const cuts = fc.infiniteStream(fc.integer({ min: 1, max: 9 }))
  fc.assert(
    fc.property(fc.array(line), cuts, (lines, sizes) => {
      const heard: string[] = []
      const read = createLineReader(
        1_000_000,
        (text) => heard.push(text),
        () => t.fail('no overflow'),
      )
      const bytes = Buffer.from(lines.map((text) => `${text}\n`).join(''))
      for (let from = 0; from < bytes.length; ) {
        const size = sizes.next().value
        read(bytes.subarray(from, from + size))
        from += size
      }
      return JSON.stringify(heard) === JSON.stringify(lines)
    }),
  )
})

t.test('says once that a line is too long, and hears nothing more', async (t) => {
  const heard: string[] = []
  let overflows = 0
  const read = createLineReader(
    10,
    (line) => heard.push(line),
    () => overflows++,
  )
  read(Buffer.from('short\n12345'))
  read(Buffer.from('6789012345'))
  read(Buffer.from('\nshort\n'))
  t.same(heard, ['short'])
  t.equal(overflows, 1)
})

t.test('accepts ends and nothing else', async (t) => {
  const failed = '{"type":"evaluation","message":"no"}'
  const ends = parseEnds(`[[1,0.5,3,"number","1"],[2],[3,0,${failed}],[4,1,4]]\t1.0null`)
  t.same(ends, [
    {
      n: 1,
      ranMs: 0.5,
      outcome: { status: 'done', result: new Raw('1.0'), resultType: 'number', resultText: '1' },
    },
    { n: 2, ranMs: 0, outcome: null },
    { n: 3, ranMs: 0, outcome: { status: 'failed', type: 'evaluation', message: 'no' } },
    { n: 4, ranMs: 1, outcome: { status: 'done', result: new Raw('null') } },
  ])
  const frames = ['', '1', 'null', '[1]', '[[]]', '[[1.5]]', '[["1"]]', '[[1,2]]', '[[-1]]']
  const outcomes = [
    'null',
    '1.5',
    '-1',
    '{}',
    '[]',
    '{"type":"mine","message":""}',
    '1,1',
    '1,"","",""',
  ]
  frames.push(...outcomes.map((outcome) => `[[1,1,${outcome}]]`), '[[1,-1,1]]', '[[1,1e999,1]]')
  for (const frame of frames) t.equal(parseEnds(`${frame}\t1`), undefined, frame)
})

t.test('takes a result only where it is JSON, whole and alone', async (t) => {
  for (const results of ['', '1', '1,', '{}}', '12 ', '1\t2', '123']) {
    t.equal(parseEnds(`[[1,1,2]]\t${results}`), undefined, JSON.stringify(results))
  }
  t.equal(parseEnds('[[1,1,4],[2,1,4]]\t[1,2]{}'), undefined, 'cut in another place')
  t.equal(parseEnds('[[1]]'), undefined, 'no results at all')
  t.equal(parseEnds('[[1,1,2]]\t{}')?.length, 1)
})
