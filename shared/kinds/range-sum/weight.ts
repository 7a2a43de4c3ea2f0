// How long an expression takes at one n, about, on one core of 2.5 GHz: enough to cut a range evenly,
// and into parts that fit their run limit with room to spare. Sums of fractions whose denominators
// grow take longer than this says.

import { magnitudeOf } from './blocks.ts'
import { isWhole } from './exact.ts'
import type { Tree } from './parse.ts'

/** In nanoseconds. */
const STEP = 3
const DOUBLES_ADDED_EXACTLY = 70
const FUNCTION = 60
const POWER = 30
const MODULO = 10
const BIGINT_STEP = 50
const FRACTION_STEP = 400
/** Longer numbers are refused by the slave. In bits. */
const BITS_MAX = 10_000_000

/** Nanoseconds for one n of magnitude up to `largest`. */
export function nanosecondsAt(tree: Tree, largest: number, numbers: 'exact' | 'number'): number {
  if (numbers === 'number') return DOUBLES_ADDED_EXACTLY + inDoubles(tree)
  if (!isWhole(tree)) {
    const { ns, d } = inFractions(tree, largest)
    return FRACTION_STEP + ns + divisor(d)
  }
  if (Number.isFinite(magnitudeOf(tree, largest))) return STEP + inDoubles(tree)
  const { ns, n } = inBigints(tree, largest)
  return BIGINT_STEP + ns + n / 64
}

/** Operation by operation over blocks: see blocks.ts. */
function inDoubles(tree: Tree): number {
  switch (tree.is) {
    case 'number':
    case 'constant':
      return 0
    case 'n':
      return 1
    case 'negate':
      return 1 + inDoubles(tree.of)
    case 'call':
      return FUNCTION + inDoubles(tree.of)
    default:
      return inDoubles(tree.left) + inDoubles(tree.right) + doubleOperation(tree)
  }
}

function doubleOperation({ is, right }: Extract<Tree, { left: Tree }>): number {
  if (is === '%') return MODULO
  if (is !== '^') return 1
  const exponent = right.is === 'number' && right.d === 1n ? Number(right.n) : 0
  return exponent >= 1 && exponent <= 64 ? exponent : POWER
}

/** `n`, `d`: binary logarithms of numerator and denominator, at most. */
type Weight = { ns: number; n: number; d: number }
type Binary = Extract<Tree, { left: Tree }>

const multiplied = (bits: number): number => 2 * (bits / 64) ** 1.5
/** Euclid: a division for each 1.7 bits. */
const divisor = (bits: number): number => 0.6 * bits * (20 + bits / 21)
const bitsOf = (x: bigint): number => (x <= 1n ? 0 : x.toString(16).length * 4)
const capped = (bits: number): number => Math.min(bits, BITS_MAX)

function inBigints(tree: Tree, largest: number): Weight {
  return weigh(tree, largest, (left, right, { is, right: exponent }) => {
    const [long, short] = [Math.max(left.n, right.n), Math.min(left.n, right.n)]
    const of = (n: number, ns: number): Weight => ({ n: capped(n), d: 0, ns: BIGINT_STEP + ns })
    if (is === '+' || is === '-') return of(long + 1, long / 64)
    if (is === '*') return of(long + short, multiplied(long))
    if (is === '%') return of(right.n, BIGINT_STEP + (long / 64) * (short / 64))
    const n = capped(left.n * timesOf(exponent, right))
    return of(n, BIGINT_STEP + 3 * multiplied(n))
  })
}

function inFractions(tree: Tree, largest: number): Weight {
  return weigh(tree, largest, (left, right, { is, right: exponent }) => {
    if (is === '^') {
      const times = timesOf(exponent, right)
      const [n, d] = [capped(left.n * times), capped(left.d * times)]
      const ns = FRACTION_STEP + 3 * multiplied(n + d)
      const mayTurnOver = exponent.is !== 'number' && exponent.is !== 'n'
      return mayTurnOver ? { n: Math.max(n, d), d: Math.max(n, d), ns } : { n, d, ns }
    }
    const isProduct = is === '*' || is === '/'
    const d = capped(is === '/' ? left.d + right.n : left.d + right.d)
    const upper = isProduct ? 0 : Math.max(left.n + right.d, right.n + left.d) + 1
    const n = capped(isProduct ? left.n + (is === '/' ? right.d : right.n) : upper)
    const ns = FRACTION_STEP + multiplied(n + d) + divisor(Math.min(n, d))
    return { n, d, ns: is === '%' ? 4 * ns : ns }
  })
}

function weigh(
  tree: Tree,
  largest: number,
  operation: (left: Weight, right: Weight, tree: Binary) => Weight,
): Weight {
  if (tree.is === 'number') return { ns: 1, n: bitsOf(tree.n), d: bitsOf(tree.d) }
  if (tree.is === 'n') return { ns: 1, n: Math.ceil(Math.log2(largest + 1)), d: 0 }
  if (tree.is === 'constant') return { ns: 1, n: 1, d: 0 }
  if (tree.is === 'negate' || tree.is === 'call') {
    const of = weigh(tree.of, largest, operation)
    return { ...of, ns: of.ns + BIGINT_STEP + of.n / 64 }
  }
  const left = weigh(tree.left, largest, operation)
  const right = weigh(tree.right, largest, operation)
  const own = operation(left, right, tree)
  return { ...own, ns: left.ns + right.ns + own.ns }
}

/** How often an exponent multiplies, at most. */
const timesOf = (exponent: Tree, { n }: Weight): number =>
  exponent.is === 'number' ? Number(exponent.n) : 2 ** n
