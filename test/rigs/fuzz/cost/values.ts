// Arguments for the functions of expressions, of every type and of a size n: what mathjs's functions
// are slow for was found with these.

import type { Instance } from '../../../../shared/kinds/expression/mathjs-types.ts'

/** A value, or the text that stands for it in the expression. */
export type Generated = { value: unknown } | { text: string }
type Make = (n: number) => unknown

const text = (n: number, part: string) => part.repeat(Math.ceil(n / part.length)).slice(0, n)
const scattered = (i: number) => (i * 7919) % 1009
const list = <T>(n: number, make: (i: number) => T) =>
  Array.from({ length: Math.max(1, n) }, (_, i) => make(i))

/** Every generator by name. The sizes keep a value of n at about the cost of n elements. */
export function createValues(math: Instance) {
  const vector = (n: number, make: (i: number) => unknown) => math.matrix(list(Math.floor(n), make))
  const square = (n: number, make: (i: number) => unknown) => {
    const side = Math.floor(Math.sqrt(n))
    return math.matrix(list(side, (row) => list(side, (column) => make(row * side + column))))
  }
  const big = (n: number) => math.bignumber(n).div(7)
  const fraction = (n: number, d: number) => new math.Fraction(BigInt(n), BigInt(d))

  const numbers: Record<string, Make> = {
    one: () => 1,
    two: () => 2,
    half: () => 0.5,
    number: (n) => n,
    negative: (n) => -n,
    million: (n) => n * 1e6,
    huge: () => 1e300,
    infinity: () => Number.POSITIVE_INFINITY,
    tiny: (n) => 10 ** -Math.min(n, 300),
    boolean: () => true,
    bigint: (n) => BigInt(text(n, '7')),
    smallBigint: (n) => BigInt(n),
    bigNumber: (n) => math.bignumber(`1.${text(Math.min(n, 2_000), '7')}`),
    bigNumberWhole: (n) => math.bignumber(n),
    bigNumberUp: (n) => math.bignumber(`1.23456789e${n}`),
    bigNumberDown: (n) => math.bignumber(`1.23456789e-${n}`),
    fraction: (n) => new math.Fraction(BigInt(text(n, '7')), BigInt(`1${text(n, '3')}`)),
    fractionWhole: (n) => fraction(n, 1),
    fractionSmall: () => fraction(1, 3),
    complex: (n) => new math.Complex(n, 1 / n),
    unit: (n) => math.unit(n, 'cm'),
    bigUnit: (n) => math.unit(math.bignumber(`1.5e${n}`), 'cm'),
  }
  const texts: Record<string, Make> = {
    digits: (n) => text(n, '7'),
    zeros: (n) => text(n, '0'),
    letters: (n) => text(n, 'a'),
    digitsAndSign: (n) => `${text(n, '1')}!`,
    hexadecimal: (n) => `0x${text(n, 'f')}`,
    binary: (n) => `0b${text(n, '1')}`,
    spaces: (n) => `${text(n, ' ')}x`,
    digitsAndSpaces: (n) => text(n, '1 '),
    decimals: (n) => `0.${text(n, '7')}`,
    exponent: (n) => `1e${n}`,
    repeating: (n) => `1.(${text(n, '7')})`,
    quotient: (n) => `${text(n, '7')}/${text(n, '3')}`,
    withUnit: (n) => `${text(n, '7')} cm`,
    units: (n) => text(n, 'cm '),
    dollars: (n) => text(n, '$a'),
    minus: (n) => text(n, '-'),
    complexSum: (n) => text(n, '+1i'),
    colons: (n) => `1:${text(n, '7')}`,
    descending: () => 'desc',
    natural: () => 'natural',
  }
  const matrices: Record<string, Make> = {
    vector: (n) => vector(n, (i) => scattered(i) + 0.5),
    descendingVector: (n) => vector(n, (i) => n - i),
    counting: (n) => vector(n, (i) => i + 1),
    ones: (n) => vector(n, () => 1),
    probabilities: (n) => vector(n, (i) => (i + 1) / (n + 2)),
    bigNumbers: (n) => vector(n / 4, (i) => big(i + 1)),
    bigints: (n) => vector(n / 4, (i) => BigInt(i + 1) * 10n ** 40n + 7n),
    fractions: (n) => vector(n / 4, (i) => fraction(i + 1, 2 * i + 3)),
    complexes: (n) => vector(n / 2, (i) => new math.Complex(i, 1)),
    unitVector: (n) => vector(n / 4, (i) => math.unit(i + 1, 'cm')),
    textVector: (n) => vector(n / 2, (i) => `t${scattered(i)}`),
    digitTexts: (n) => vector(Math.sqrt(n), () => text(Math.ceil(Math.sqrt(n)), '7')),
    square: (n) => square(n, (i) => scattered(i) / 7 + 1),
    squareOfOnes: (n) => square(n, () => 1),
    squareOfBigNumbers: (n) => square(n / 4, (i) => big(scattered(i))),
    squareOfFractions: (n) => square(n / 4, (i) => fraction(scattered(i) + 1, i + 3)),
    squareOfComplexes: (n) => square(n / 2, (i) => new math.Complex(scattered(i), 1)),
    squareOfBigints: (n) => square(n / 4, (i) => BigInt(scattered(i))),
    sparse: (n) => math.sparse(square(n, (i) => (i % 3 === 0 ? i + 1 : 0))),
    row: (n) => math.matrix([list(n, (i) => i)]),
    column: (n) => math.matrix(list(n, (i) => [i])),
  }
  const others: Record<string, Make> = {
    object: (n) => Object.fromEntries(list(n / 4, (i) => [`k${i}`, i])),
    fixed: (n) => ({ notation: 'fixed', precision: Math.min(n, 1_000) }),
    nothing: () => null,
  }
  const makes = { ...numbers, ...texts, ...matrices, ...others }

  return {
    names: [...Object.keys(makes), 'callback'],
    make: (name: string, n: number): Generated =>
      name === 'callback' ? { text: 'abs' } : { value: makes[name]!(n) },
  }
}

/** Fewer for calls of two and three arguments: the combinations of all would take days. */
export const OF_TWO =
  `one number tiny infinity digits letters digitsAndSign hexadecimal binary spaces exponent withUnit
  complexSum bigint bigNumber bigNumberUp bigNumberDown fraction complex unit vector counting
  probabilities bigNumbers bigints fractions textVector complexes square squareOfBigNumbers
  squareOfFractions sparse object million descending callback`.split(/\s+/)
export const OF_THREE =
  'one number tiny infinity digits bigNumberUp fraction vector bigNumbers square descending'.split(
    ' ',
  )
