// Our natural order of texts is that of the package that mathjs calls, and takes linear time.

import { createRequire } from 'node:module'
import fc from 'fast-check'
import t from 'tap'
import { createEvaluator } from '../../../../shared/kinds/expression/evaluate.ts'
import { loadMathjs } from '../../../../shared/kinds/expression/mathjs.ts'
import { naturalSort } from '../../../../shared/kinds/expression/natural-sort.ts'

/** The package itself, before loadMathjs replaces it. */
const packages = createRequire(createRequire(import.meta.url).resolve('mathjs'))
const theirs = packages('javascript-natural-sort') as (a: string, b: string) => number

const PIECES = [
  '0',
  '1',
  '007',
  '42',
  '3.14',
  '1e3',
  '-5',
  '+',
  '-',
  '.',
  ',',
  ', ',
  ' ',
  '  ',
  ':',
  '/',
  '0x',
  '0x1f',
  'ff',
  'a',
  'B',
  'file',
  '_',
  '12:30',
  '12:30:15',
  '2024-01-31',
  '31/12/99',
  'Mon',
  'Jan 5, 2024',
  '!',
  'ä',
  '\0',
  '\n',
]
const text = fc.array(fc.constantFrom(...PIECES), { maxLength: 7 }).map((each) => each.join(''))

t.test('orders texts as the package does', async (t) => {
  fc.assert(
    fc.property(text, text, (a, b) => theirs(a, b) === naturalSort(a, b)),
    { numRuns: 5_000, seed: 1 },
  )
  t.pass('5,000 pairs of texts')
})

t.test('compares texts of a million characters that look like the start of a date', async (t) => {
  for (const [piece, end] of [
    ['1', '!'],
    ['1 ', '!'],
    ['a,', '1:1'],
    [' ', 'x'],
    ['1a', ''],
    ['\0', ''],
    ['0x', ''],
  ] as const) {
    const long = piece.repeat(1_000_000 / piece.length) + end
    t.match(String(naturalSort(long, `${long}b`)), /^(-1|0|1)$/, piece)
  }
})

t.test('mathjs calls it', async (t) => {
  const evaluate = createEvaluator(loadMathjs())
  const long = `"${'1'.repeat(5_000)}!"`
  t.equal(evaluate({ expression: `compareNatural(${long}, "b")` }).result, -1)
  t.equal(evaluate({ expression: 'compareNatural("file 10", "file 9")' }).result, 1)
  t.match(evaluate({ expression: `sort(["x", ${long}], "natural")` }).resultType, 'DenseMatrix')
})
