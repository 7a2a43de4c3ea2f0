// What calls cost that count, factor or raise numbers: their work grows with the value of a number
// or with its digits. Part of cost.ts.

import { LIMITS } from './limits.ts'
import type { Cost, Meter } from './meter.ts'
import type { CostClass } from './names.ts'
import { broadcast, holds } from './shape.ts'
import { eachNumber, elementsOf, isMatrix, shapeOf, typeName, wordsOf } from './size.ts'

const sumOver = (args: readonly unknown[], cost: (number: number) => number) => {
  let sum = 0
  for (const arg of args) eachNumber(arg, (number) => (sum += cost(Math.abs(number) || 0)))
  return sum
}
const some = (args: readonly unknown[], type: string) => args.some((arg) => holds(arg, type))
const isPlain = (args: readonly unknown[]) =>
  !some(args, 'BigNumber') && !some(args, 'bigint') && !some(args, 'Fraction')

export function exactCosts(meter: Meter) {
  return {
    digits: (args, size) =>
      broadcast(meter, args) + (some(args, 'BigNumber') ? 60 : 1) * digitsCost(args, size),
    factorial: (args, size) =>
      size * 3 + (some(args, 'BigNumber') ? sumOver(args, (n) => 20 * n + (n * n) / 400) : 0),
    counting: (args) => countingCost(args) * (isPlain(args) ? 1 : 40),
    partitions: (args) => partitionsCost(args) * (isPlain(args) ? 1 : 20),
    bernoulli: (args) =>
      sumOver(args, (n) =>
        some(args, 'bigint') || some(args, 'Fraction') ? 5 * n ** 3 : 10 * n * n,
      ),
    isPrime: primeCost,
    nthRoots: (args) => 30 + 30 * sumOver(args.slice(1), (n) => n),
    fold: (args, size) => size + foldCost(args, size) + broadcast(meter, args),
    pow: (args, size) => size + powCost(meter, args),
    log: (args, size) =>
      broadcast(meter, args) + size * (some(args, 'BigNumber') ? 3_000 : 2) + factorCost(args),
    shift: (args, size) => size + broadcast(meter, args) + shiftCost(meter, args),
  } satisfies Partial<Record<CostClass, Cost>>
}

/** Trial division; a BigNumber above 2^32 is tested by powers, which takes very long in mathjs. */
function primeCost(args: readonly unknown[]): number {
  const isBig = some(args, 'BigNumber')
  const each = some(args, 'bigint') ? 1 : 0.05
  return sumOver(args, (n) =>
    isBig && n > 2 ** 32 ? 4_000 * Math.log10(n) ** 3 : 10 + Math.sqrt(n) * each,
  )
}

/** Long division and the greatest common divisor: quadratic in the digits of the largest. */
function digitsCost(args: readonly unknown[], size: number): number {
  const elements = Math.max(1, ...args.map((arg) => elementsOf(shapeOf(arg))))
  const each = size / elements
  return 3 * size + (each > 16 * args.length ? elements * each * each : 0)
}

/** Sums and products of exact numbers get longer on the way. */
function foldCost(args: readonly unknown[], size: number): number {
  if (some(args, 'Fraction')) return (size * size) / 16
  // std and variance divide, square and take a root.
  if (some(args, 'BigNumber')) return 6 * size + 500
  return some(args, 'bigint') ? (size * size) / 1_000 : 0
}

/** combinations(n, k) takes min(k, n - k) steps, permutations(n, k) takes k ... */
function countingCost(args: readonly unknown[]): number {
  const [n = 0, k] = args.map((arg) => Math.abs(Number(isMatrix(arg) ? Number.NaN : arg)))
  if (Number.isNaN(n)) return 10 + sumOver(args, (one) => 2 * one)
  if (k === undefined) return 10 + 2 * n
  return 10 + (k < n ? Math.max(Math.min(k, n - k), 0) + k * 0.01 : n + k)
}

function partitionsCost(args: readonly unknown[]): number {
  const most = sumOver(args, (n) => n)
  return 10 + most ** 3 / 4
}

/** Fractions with fractional exponents, and their logarithms, are factored by trial division. */
function factorCost(args: readonly unknown[]): number {
  let cost = 0
  for (const arg of args) {
    if (typeName(arg) === 'Fraction') {
      const { n, d } = arg as { n: bigint; d: bigint }
      cost += 2 * Math.sqrt(Math.max(Math.abs(Number(n)), Number(d)))
    }
  }
  return cost
}

/** The largest scalar of a value by a measure. */
function largestOf(value: unknown, measure: (scalar: unknown) => number): number {
  if (isMatrix(value)) return largestOf(value._values ?? value._data, measure)
  if (!Array.isArray(value)) return measure(value)
  let most = 0
  for (const one of value) most = Math.max(most, largestOf(one, measure))
  return most
}

/** Bits of an exact number; 0 for one whose length stays the same whatever is done to it. */
function bitsOf(scalar: unknown): number {
  if (typeof scalar === 'bigint') return bitsOfBigint(scalar)
  if (typeName(scalar) !== 'Fraction') return 0
  const { n, d } = scalar as { n: bigint; d: bigint }
  return Math.max(bitsOfBigint(n), bitsOfBigint(d))
}
function bitsOfBigint(value: bigint): number {
  const positive = value < 0n ? -value : value
  if (positive < 2n) return 0
  return wordsOf(positive) === 1 ? Math.log2(Number(positive)) : 64 * wordsOf(positive)
}

function powCost(meter: Meter, args: readonly unknown[]): number {
  const [base, exponent] = args
  const exponentMost = largestOf(exponent, (scalar) => Math.abs(Number(scalar)) || 0)
  if (isMatrix(base) && !isMatrix(exponent)) {
    const side = shapeOf(base)[0] ?? 1
    const times = Math.log2(2 + exponentMost)
    // An entry of the product is a sum of `side` products.
    const growth = holds(base, 'bigint') || holds(base, 'Fraction') ? Math.log2(side) : 0
    checkBits(meter, (largestOf(base, bitsOf) + growth) * exponentMost)
    return side ** 3 * times * (isPlain(args) ? 2 : 40) + broadcast(meter, args)
  }
  const fractional =
    typeName(exponent) === 'Fraction' && (exponent as { d: bigint }).d !== 1n
      ? factorCost(args.slice(0, 1))
      : 0
  checkBits(meter, largestOf(base, bitsOf) * (fractional ? 1 : exponentMost))
  const elements = Math.max(
    1,
    broadcast(meter, args),
    ...args.map((arg) => elementsOf(shapeOf(arg))),
  )
  const bits = largestOf(base, bitsOf) * exponentMost
  return elements * (1 + bits / 64 + (some(args, 'BigNumber') ? 3_000 : 0)) + fractional
}

function shiftCost(meter: Meter, args: readonly unknown[]): number {
  const by = largestOf(args[1], (scalar) => Math.abs(Number(scalar)) || 0)
  if (some(args, 'bigint')) checkBits(meter, by)
  return some(args, 'BigNumber') ? 3_000 : by / 64
}

const BITS_MAX = LIMITS.digitsMax * Math.log2(10)

function checkBits(meter: Meter, bits: number): void {
  if (bits > BITS_MAX) meter.fail(`a number has more than ${LIMITS.digitsMax} digits`)
}
