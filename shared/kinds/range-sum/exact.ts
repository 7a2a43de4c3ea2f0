// The value of an expression at one n, exactly: whole numbers as bigint, anything else as a fraction.

import { TaskFailure } from '../kind.ts'
import type { Fraction } from './fraction.ts'
import { add, floorDiv, fraction } from './fraction.ts'
import type { Tree } from './parse.ts'

/** A power or product longer than this is not worked out. In bits. */
const BITS_MAX = 10_000_000
/** The powers that occur have bases below this and small exponents: they are not measured first. */
const SHORT = 2n ** 1024n

export type WholeAt = (n: bigint) => bigint
export type FractionAt = (n: bigint) => Fraction

/** Only whole numbers can come of it, whatever n. */
export function isWhole(tree: Tree): boolean {
  switch (tree.is) {
    case 'number':
      return tree.d === 1n
    case 'n':
      return true
    case 'constant':
    case '/':
      return false
    case 'negate':
      return isWhole(tree.of)
    case 'call':
      return isWhole(tree.of)
    case '^':
      // A negative exponent would give a fraction: only a literal is known not to be negative.
      return isWhole(tree.left) && tree.right.is === 'number' && tree.right.d === 1n
    default:
      return isWhole(tree.left) && isWhole(tree.right)
  }
}

/** Of a tree for which isWhole holds. */
export function wholeAt(tree: Tree): WholeAt {
  switch (tree.is) {
    case 'number':
      return () => tree.n
    case 'n':
      return (n) => n
    case 'negate': {
      const of = wholeAt(tree.of)
      return (n) => -of(n)
    }
    case 'call': {
      const of = wholeAt(tree.of)
      return tree.name === 'abs' ? (n) => magnitude(of(n)) : of
    }
    case 'constant':
      throw new Error(`${tree.name} is not exact`)
  }
  const [left, right] = [wholeAt(tree.left), wholeAt(tree.right)]
  switch (tree.is) {
    case '+':
      return (n) => left(n) + right(n)
    case '-':
      return (n) => left(n) - right(n)
    case '*':
      return (n) => left(n) * right(n)
    case '^':
      return (n) => power(left(n), right(n))
    case '%':
      return (n) => modulo(left(n), right(n), n)
    case '/':
      throw new Error('a division has a remainder')
  }
}

/** Of any tree of exact functions. */
export function fractionAt(tree: Tree): FractionAt {
  switch (tree.is) {
    case 'number':
      return () => tree
    case 'n':
      return (n) => ({ n, d: 1n })
    case 'negate': {
      const of = fractionAt(tree.of)
      return (n) => negated(of(n))
    }
    case 'call': {
      const of = fractionAt(tree.of)
      return (n) => called(tree.name, of(n))
    }
    case 'constant':
      throw new Error(`${tree.name} is not exact`)
  }
  const [left, right] = [fractionAt(tree.left), fractionAt(tree.right)]
  switch (tree.is) {
    case '+':
      return (n) => add(left(n), right(n))
    case '-':
      return (n) => add(left(n), negated(right(n)))
    case '*':
      return (n) => times(left(n), right(n))
    case '/':
      return (n) => times(left(n), inverse(right(n), n))
    case '%':
      return (n) => remainder(left(n), right(n), n)
    case '^':
      return (n) => raised(left(n), right(n), n)
  }
}

const magnitude = (x: bigint): bigint => (x < 0n ? -x : x)
const negated = ({ n, d }: Fraction): Fraction => ({ n: -n, d })
const times = (a: Fraction, b: Fraction): Fraction => fraction(a.n * b.n, a.d * b.d)

function inverse({ n, d }: Fraction, at: bigint): Fraction {
  if (n === 0n) throw new TaskFailure('evaluation', `divides by zero at n = ${at}`)
  return fraction(d, n)
}

function called(name: string, { n, d }: Fraction): Fraction {
  if (name === 'abs') return { n: magnitude(n), d }
  const whole = floorDiv(n, d)
  return { n: name === 'ceil' && whole * d !== n ? whole + 1n : whole, d: 1n }
}

/** As mathjs has it: the sign of the divisor. */
function modulo(a: bigint, b: bigint, at: bigint): bigint {
  if (b === 0n) throw new TaskFailure('evaluation', `divides by zero at n = ${at}`)
  return a - b * floorDiv(a, b)
}

function remainder(a: Fraction, b: Fraction, at: bigint): Fraction {
  const whole = called('floor', times(a, inverse(b, at)))
  return add(a, negated(times(b, whole)))
}

function power(base: bigint, exponent: bigint): bigint {
  if (exponent <= 64n && base < SHORT && base > -SHORT) return base ** exponent
  const bits = BigInt(magnitude(base).toString(16).length * 4) * exponent
  if (bits > BITS_MAX && magnitude(base) > 1n) {
    throw new TaskFailure('result-too-large', `a power is longer than ${BITS_MAX} bits`)
  }
  return base ** exponent
}

function raised(base: Fraction, exponent: Fraction, at: bigint): Fraction {
  if (exponent.d !== 1n) {
    const detail = `has the exponent ${exponent.n}/${exponent.d} at n = ${at}: not exact; use numbers: "number"`
    throw new TaskFailure('evaluation', detail)
  }
  const whole = magnitude(exponent.n)
  const { n, d } = exponent.n < 0n ? inverse(base, at) : base
  return { n: power(n, whole), d: power(d, whole) }
}
