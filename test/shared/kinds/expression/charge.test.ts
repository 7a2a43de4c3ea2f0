// What `npm run fuzz -- --cost` found to cost more than its charge: the charge of each is pinned.

import t from 'tap'
import { createInstance } from '../../../../shared/kinds/expression/instance.ts'
import { LIMITS } from '../../../../shared/kinds/expression/limits.ts'
import { loadMathjs } from '../../../../shared/kinds/expression/mathjs.ts'

const { math, meter, start, compile, parse } = createInstance(loadMathjs(), 'number')
const list = (n: number, make: (i: number) => unknown) =>
  math.matrix(Array.from({ length: n }, (_, i) => make(i)))
const bigNumbers = (n: number) => list(n, (i) => math.bignumber(i + 1).div(7))
const fractions = (n: number) => list(n, (i) => new math.Fraction(BigInt(i + 1), BigInt(2 * i + 3)))

function chargeOf(expression: string, a: unknown, b: unknown): number {
  start()
  compile(parse(expression))(
    new Map([
      ['a', a],
      ['b', b],
    ]),
    {},
    null,
  )
  return LIMITS.stepsMax - meter.left()
}

t.test('a long number is charged for each element that it meets', async (t) => {
  const digits = '7'.repeat(2_000)
  const ones = list(64, () => 1)
  const short = chargeOf('compare(a, b)', ones, math.bignumber(1))
  t.ok(chargeOf('compare(a, b)', ones, math.bignumber(`1.${digits}`)) > short + 64 * 50)
  // Each conversion of such a bigint takes about as long as 200 steps.
  t.ok(chargeOf('compare(a, b)', bigNumbers(64), BigInt(digits)) > 64 * 150)
})

t.test('a product of fractions is charged for the denominators that grow', async (t) => {
  const [quarter, whole] = [64, 256].map((n) =>
    chargeOf('multiply(a, b)', fractions(n), fractions(n)),
  )
  t.ok(whole! > 12 * quarter!, `${quarter} and ${whole} steps`)
})

t.test('a range that never ends is refused before it is made', async (t) => {
  const big = math.bignumber(1).div(0)
  for (const [text, a, b] of [
    ['a:b', Infinity, Infinity],
    ['a:b', -Infinity, -Infinity],
    ['1:a:b', Infinity, Infinity],
    ['range(a, b)', big, big],
    ['a:b', 1e308, 1e308],
    ['a:b', -1e17, -1e17],
    ['range("1e308:1e308", true)', 0, 0],
    ['range(a, b, true)', math.bignumber('1e100'), math.bignumber('1e100')],
    ['range(a, b)', 10n ** 400n, 10n ** 400n + 10n ** 9n],
  ] as const) {
    t.throws(() => chargeOf(text, a, b), /more than 1000000 elements/, `${text} of ${a} and ${b}`)
  }
  t.ok(chargeOf('a:b', 5, -Infinity) < 100, 'an empty one is not')
  t.ok(chargeOf('a:b', 2 ** 40, 2 ** 40) < 100, 'nor is one of one element')
  t.ok(chargeOf('a:b', 10n ** 20n, 10n ** 20n + 3n) < 200, 'nor is an exact one')
})

t.test('sets and deviations of BigNumbers are charged for their arithmetic', async (t) => {
  t.ok(chargeOf('setSymDifference(a, b)', bigNumbers(64), bigNumbers(64)) > 16 * 64 * 64)
  t.ok(chargeOf('std(a)', bigNumbers(4), null) > 500)
})
