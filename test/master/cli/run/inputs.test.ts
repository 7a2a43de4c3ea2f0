import t from 'tap'
import { combinations, countOf, linesOf, parseOperands } from '../../../../master/cli/run/inputs.ts'

const lines = async (chunks: (string | Buffer)[], separator: '\n' | '\0' = '\n') => {
  const stream = (async function* () {
    for (const chunk of chunks) yield Buffer.from(chunk)
  })()
  return (await Array.fromAsync(linesOf(stream, separator))).map(({ values: [value] }) => value)
}

t.test('divides the words at each :::', async (t) => {
  t.same(parseOperands(['echo', '{}', ':::', 'a', 'b', ':::', '1']), {
    command: ['echo', '{}'],
    sources: [['a', 'b'], ['1']],
  })
  t.same(parseOperands(['true', ':::']), { command: ['true'], sources: [[]] })
  t.same(parseOperands(['cat', '--', '-']), { command: ['cat', '--', '-'], sources: null })
  const refused = { name: 'UsageError' }
  t.throws(() => parseOperands([]), refused)
  t.throws(() => parseOperands([':::', 'a']), { ...refused, message: /^give a program/ })
  for (const word of [':::+', '::::', '::::+']) {
    t.throws(() => parseOperands(['echo', word, 'a']), { ...refused, message: `has no ${word}` })
  }
})

t.test('gives all combinations in the order of GNU parallel', async (t) => {
  const sources = [
    ['A', 'B'],
    ['1', '2', '3'],
  ]
  t.same(
    [...combinations(sources)].map(({ values }) => values.join('')),
    ['A1', 'A2', 'A3', 'B1', 'B2', 'B3'],
  )
  t.same(
    [...combinations(sources)].map(({ number }) => number),
    [1, 2, 3, 4, 5, 6],
  )
  t.equal(countOf(sources), 6)
  t.equal([...combinations([['A'], []])].length, 0)
})

t.test('reads lines however they are cut, also the empty ones', async (t) => {
  t.same(await lines(['a', '\nb b\n', '\nc']), ['a', 'b b', '', 'c'])
  t.same(await lines([]), [])
  const bytes = Buffer.from('\u00e9\n\u{1f600}\n')
  t.same(await lines(Array.from(bytes, (byte) => Buffer.from([byte]))), ['\u00e9', '\u{1f600}'])
  t.same(await lines(['a\nb\0c\0'], '\0'), ['a\nb', 'c'])
})

t.test('refuses lines that are too long, and text that is not UTF-8', async (t) => {
  const refused = { name: 'UsageError' }
  await t.rejects(lines(['a\n', 'x'.repeat(131_073)]), { ...refused, message: /^input 2 has more/ })
  await t.rejects(lines([`${'x'.repeat(131_073)}\n`]), { ...refused, message: /^input 1 has more/ })
  await t.rejects(lines([Buffer.from([0xe9, 10])]), { ...refused, message: /not UTF-8/ })
})
