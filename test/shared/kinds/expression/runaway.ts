// Expressions that run away, and what evaluates them, for hostile.test.ts and hostile.system.test.ts.

import { createEvaluator } from '../../../../shared/kinds/expression/evaluate.ts'
import type { NumberType } from '../../../../shared/kinds/expression/instance.ts'
import { loadMathjs } from '../../../../shared/kinds/expression/mathjs.ts'
import type { TaskFailure } from '../../../../shared/kinds/kind.ts'

export const evaluate = createEvaluator(loadMathjs())

/** The type and message of an expression's failure, or `gave` and the result. */
export function failure(expression: string, number: NumberType = 'number'): string {
  try {
    return `gave ${JSON.stringify(evaluate({ expression, number })).slice(0, 200)}`
  } catch (error) {
    const { type, message } = error as TaskFailure
    return `${type}: ${message}`
  }
}

/** The failure of an expression that ran into a limit says which. */
export const NAMES_A_LIMIT =
  /^(evaluation|result-too-large): .*((?:more|longer) than \d+|above \d+|too deeply|nested operations)/

/** Whether an ordinary expression gives its value. */
export function isRight(number: NumberType = 'number'): boolean {
  const expression = 'f(x) = x * 2; f(3) + sum([1, 2; 3, 4])'
  return evaluate({ expression, number }).resultText === '[16]'
}

/** A first line, and another one many times. */
export const lines = (first: string, then: string, times: number) =>
  `${first}\n${`${then}\n`.repeat(times)}`

export type Case = [expression: string, number?: NumberType]

/** Those of RUNAWAY that end within 50 ms. */
export const ENDS_AT_ONCE: Case[] = [
  ['f(x) = f(x + 1) + f(x + 2)\nf(1)'],
  ['f(g) = g(g)\nf(f)'],
  ['ones(1e9)'],
  ['zeros(1e5, 1e5)'],
  ['identity(1e5)'],
  ['1:1e12'],
  ['range(1, 1e10)'],
  ['range("1:1e10")'],
  ['true : 1/0'],
  ['"1" : 1/0'],
  ['null : 1/0'],
  ['range(1e16, 1e16 + 1000, 1)'],
]

/** Each ends at a limit that its failure names. */
export const RUNAWAY: Case[] = [
  ...ENDS_AT_ONCE,
  ['f(x) = f(x)\nf(1)'],
  ['f(n) = n < 1 ? 1 : f(n - 1) + f(n - 1)\nf(100)'],
  ['f(x) = map([1, 2], f)\nf(1)'],
  ['f(n) = n < 1 ? 1 : sum(map([n - 1, n - 1], f))\nf(60)'],
  ['map(1:100000, sum(1:x))'],
  ['1:1e12', 'BigNumber'],
  ['1:1000000000000', 'Fraction'],
  ['1:1000000000000', 'bigint'],
  ['A = [1]; A[1:1e12]'],
  ['resize([1], [1e9])'],
  ['reshape([1], [1e9, 1])'],
  ['kron(ones(1000), ones(2000))'],
  ['concat(ones(1000, 900), ones(1000, 900))'],
  ['diag(1:3000)'],
  ['ones(5000, 1) + ones(1, 5000)'],
  ['ones(5000, 1) and ones(1, 5000)'],
  ['bitOr(ones(1000, 1), ones(1, 1000))'],
  ['map(ones(1000, 1), ones(1, 1000), add)'],
  [`zeros(${'1,'.repeat(3_000)}1)`],
  ['matrixFromFunction([10000, 10000], f(i) = 1)'],
  ['A = [1]\nA[1000000000] = 1'],
  ['A = ones(1, 1000)\nA[100000, 1] = 1'],
  ['A = ones(2, 2)\nA[ones(2000), ones(2000)]'],
  ['o = {a: [1]}\no.a[100000, 100000] = 1'],
  ['subset("a", index(1e9), "b")'],
  [lines('s = "a"', 's[1000000] = "b"', 500)],
  [lines('s = "aaaaaaaaaa"', 's = concat(s, s)', 100)],
  [lines('a = [1, 2]', 'a = [a, a]', 60)],
  [lines('a = {x: 1}', 'a = {x: a, y: a}', 60)],
  [lines('x = 3', 'x = x * x', 100), 'bigint'],
  [lines('x = 1 / 3', 'x = x * x', 100), 'Fraction'],
  [lines('x = 1 / 3', 'x = x + 1 / x', 100), 'Fraction'],
  [lines('u = cm', 'u = u * u * m * s', 200)],
  ['2 ^ 100000000', 'bigint'],
  ['(2 ^ 30000) ^ 2', 'bigint'],
  ['dotPow([2, 3], 10000000)', 'bigint'],
  ['[1, 1; 1, 0] ^ 1000000', 'bigint'],
  ['(2 / 3) ^ 1000000', 'Fraction'],
  ['(10 ^ 30 + 57) ^ (1 / 2)', 'Fraction'],
  ['log(10 ^ 30 + 57, 3)', 'Fraction'],
  ['leftShift(1, 100000000)', 'bigint'],
  ['prod(1:8000)', 'bigint'],
  ['sum(1 ./ (1:100000))', 'Fraction'],
  ['factorial(100000)', 'BigNumber'],
  ['factorial(bignumber("1e9000"))'],
  ['gamma(bignumber(1e9))'],
  ['combinations(1e15, 5e14)'],
  ['combinationsWithRep(1e15, 1e15)'],
  ['permutations(1e15, 1e14)'],
  ['composition(1e12, 1e11)'],
  ['multinomial([1e9, 1e9])'],
  ['catalan(1e9)'],
  ['stirlingS2(1e6, 1e5)'],
  ['bellNumbers(1e5)'],
  ['bernoulli(1e6)'],
  ['bernoulli(1000)', 'Fraction'],
  ['isPrime(9007199254740881)'],
  ['isPrime(10 ^ 60 + 7)', 'BigNumber'],
  ['isPrime(10 ^ 60 + 7)', 'bigint'],
  ['nthRoots(1, 1e9)'],
  ['setPowerset(1:40)'],
  ['setCartesian(1:3000, 1:3000)'],
  ['expm(ones(100, 100))'],
  ['eigs(ones(300, 300))'],
  ['norm(ones(300, 300))'],
  ['det(ones(500, 500))'],
  ['ones(400, 400) * ones(400, 400)'],
  ['fft(ones(100003))'],
  ['freqz([1], [1, 2], 1e9)'],
  ['format(1 / 3, {notation: "fixed", precision: 1e8})'],
  ['format(1 / 3, 1e9)'],
  ['format(bignumber("1e9000000"), {notation: "fixed"})'],
  ['bin(1, 1e9)'],
  ['bignumber("1e9000000") mod 7'],
  ['bignumber("1e9000000000") + 1'],
  ['bitAnd(bignumber("1e100000"), 3)'],
  ['bigint(bignumber("1e1000000"))'],
  ['fraction(bignumber("1e100000"))'],
  ['gcd(bignumber("1e9000"), 7)'],
  ['sinh(bignumber("1e9"))'],
  ['atan(bignumber("1e100"))'],
  ['acosh(bignumber("1e1000"))'],
  ['map(1:2000, asinh(x))', 'BigNumber'],
  ['print(concat("$x", "$x$x$x$x"), {x: format(ones(300, 300))})'],
  // The cost of reading a text or a number as something else.
  [`${lines('s = "7777777777"', 's = concat(s, s)', 14)}complex(s)`],
  [`${lines('s = "7777777777"', 's = concat(s, s)', 12)}sum(map(1:100, s + i * x))`],
  [`${lines('s = "ffffffffff"', 's = concat(s, s)', 14)}bignumber(concat("0x", s))`],
  [`${lines('s = "0b0b0b0b0b"', 's = concat(s, s)', 14)}number(s)`],
  ['map(1:200, fraction(1 / (10 ^ 7 + x)))'],
  ['quantileSeq(1:100000, (0:1000) / 1000)'],
  ['quantileSeq(1:100000, 1000)'],
  ['map(ones(2000), hypot(bignumber(2), x))'],
  ['ceil((1:50000) / 7, bignumber(1) / 3)', 'BigNumber'],
  ['a = {}\na.b = a\na.c = a\nclone(a)'],
  ['a = {}\na.b = a\na.c = a\nstring(a)'],
]
