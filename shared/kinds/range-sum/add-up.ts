// The sum over a range, exactly, whichever way is fastest for each stretch of it:
//
//   whole numbers below 2^53    doubles in blocks, added in two halves that cannot overflow
//   whole numbers above         bigint, one n at a time
//   fractions                   one n at a time, added in pairs
//   "number"                    doubles in blocks; the doubles themselves are added exactly, and
//                               rounded once at the very end: so it does not matter how it was cut

import { TaskFailure } from '../kind.ts'
import { atBlock, BLOCK, magnitudeOf } from './blocks.ts'
import { fractionAt, isWhole, wholeAt } from './exact.ts'
import type { Fraction } from './fraction.ts'
import { sum } from './fraction.ts'
import type { Tree } from './parse.ts'

/** Doubles are whole multiples of 2^-1074. */
const FINEST = 1074
const HALF = 2 ** 26
const ONE_HALF = 1 / HALF
/** How many n are looked at together when it is decided which way to go. */
const STRETCH = 65_536
const FRACTIONS_AT_ONCE = 4_096

export type Range = { from: bigint; to: bigint }

/** The exact sum of a tree over a range. `numbers: 'number'`: of the doubles that it gives. */
export function addUp(tree: Tree, range: Range, numbers: 'exact' | 'number'): Fraction {
  if (numbers === 'number') return addDoubles(tree, range)
  return isWhole(tree) ? { n: addWhole(tree, range), d: 1n } : addFractions(tree, range)
}

function addWhole(tree: Tree, { from, to }: Range): bigint {
  const inBlocks = atBlock(tree)
  const one = wholeAt(tree)
  let total = 0n
  for (let first = from; first <= to; first += BigInt(STRETCH)) {
    const last = min(to, first + BigInt(STRETCH - 1))
    const largest = Number(max(first < 0n ? -first : first, last < 0n ? -last : last))
    if (Number.isFinite(magnitudeOf(tree, largest))) {
      total += addSafe(inBlocks, Number(first), Number(last))
    } else {
      for (let n = first; n <= last; n++) total += one(n)
    }
  }
  return total
}

/** Doubles below 2^53, each cut into two halves: 65,536 of either add up without rounding. */
function addSafe(inBlocks: ReturnType<typeof atBlock>, first: number, last: number): bigint {
  let high = 0
  let low = 0
  for (let n = first; n <= last; n += BLOCK) {
    const count = Math.min(BLOCK, last - n + 1)
    const values = inBlocks(n, count)
    for (let i = 0; i < count; i++) {
      const value = values[i] as number
      const upper = Math.floor(value * ONE_HALF)
      high += upper
      low += value - upper * HALF
    }
  }
  return BigInt(high) * BigInt(HALF) + BigInt(low)
}

function addFractions(tree: Tree, { from, to }: Range): Fraction {
  const at = fractionAt(tree)
  const sums: Fraction[] = []
  for (let first = from; first <= to; first += BigInt(FRACTIONS_AT_ONCE)) {
    const last = min(to, first + BigInt(FRACTIONS_AT_ONCE - 1))
    const values: Fraction[] = []
    for (let n = first; n <= last; n++) values.push(at(n))
    sums.push(sum(values))
  }
  return sum(sums)
}

function addDoubles(tree: Tree, { from, to }: Range): Fraction {
  const inBlocks = atBlock(tree)
  let total = 0n
  for (let first = from; first <= to; first += BigInt(BLOCK)) {
    const count = Number(min(BigInt(BLOCK), to - first + 1n))
    const values = inBlocks(Number(first), count)
    for (const part of exactly(values, count, first)) total += scaled(part)
  }
  return { n: total, d: 1n << BigInt(FINEST) }
}

/**
 * Doubles whose exact sum is that of the values: Shewchuk's expansion (Adaptive Precision
 * Floating-Point Arithmetic, 1997), as in Python's math.fsum.
 */
function exactly(values: Float64Array, count: number, first: bigint): number[] {
  let parts: number[] = []
  for (let i = 0; i < count; i++) {
    let x = values[i] as number
    if (!Number.isFinite(x)) {
      throw new TaskFailure('evaluation', `the expression is ${x} at n = ${first + BigInt(i)}`)
    }
    const kept: number[] = []
    for (const part of parts) {
      const [big, small] = Math.abs(x) < Math.abs(part) ? [part, x] : [x, part]
      const high = big + small
      const low = small - (high - big)
      if (low !== 0) kept.push(low)
      x = high
    }
    kept.push(x)
    parts = kept
  }
  if (parts.every(Number.isFinite)) return parts
  throw new TaskFailure('evaluation', TOO_LARGE)
}

export const TOO_LARGE = 'the sum is larger than the largest double'

const view = new DataView(new ArrayBuffer(8))

/** A double times 2^1074, which is whole. */
function scaled(x: number): bigint {
  view.setFloat64(0, x)
  const bits = view.getBigUint64(0)
  const exponent = (bits >> 52n) & 0x7ffn
  const mantissa = bits & 0xfffffffffffffn
  const whole = exponent === 0n ? mantissa : (mantissa | (1n << 52n)) << (exponent - 1n)
  return bits >> 63n ? -whole : whole
}

/** The double nearest to n / 2^1074, ties to even. Below 2^-1022 it may be rounded twice. */
export function nearestDouble(n: bigint): number {
  const size = n < 0n ? -n : n
  const spare = Math.max(0, size.toString(2).length - 64)
  const top = size >> BigInt(spare)
  const rest = size & ((1n << BigInt(spare)) - 1n)
  const rounded = Number(rest === 0n ? top : top | 1n)
  const shift = spare - FINEST
  const value = rounded * 2 ** Math.max(shift, -1000) * 2 ** Math.min(0, shift + 1000)
  return n < 0n ? -value : value
}

const min = (a: bigint, b: bigint): bigint => (a < b ? a : b)
const max = (a: bigint, b: bigint): bigint => (a > b ? a : b)
