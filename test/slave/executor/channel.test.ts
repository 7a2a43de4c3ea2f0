import fc from 'fast-check'
import t from 'tap'
import { createLineReader } from '../../../slave/executor/channel.ts'
import { parseEnds } from '../../../slave/executor/ends.ts'

t.test('gives the same lines however the bytes are cut', async (t) => {
  const line = fc.string({ unit: 'binary' }).map((text) => text.replaceAll('\n', ''))
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
  const done = '{"status":"done","result":null}'
  const failed = '{"status":"failed","type":"evaluation","message":""}'
  t.equal(parseEnds(`[[1,0.5,${done}],[2],[3,0,${failed}]]`)?.length, 3)
  for (const line of ['', '1', 'null', '[1]', '[[]]', '[[1.5]]', '[["1"]]', `[[1,2]]`]) {
    t.equal(parseEnds(line), undefined, line)
  }
  for (const outcome of ['null', '1', '{}', '{"status":"done"}', '{"status":"failed"}']) {
    t.equal(parseEnds(`[[1,1,${outcome}]]`), undefined, outcome)
  }
})
