// The value of an expression at 1,024 neighbouring n at once, in doubles: operation by operation over
// whole blocks, which costs about a nanosecond each where a call per n costs ten. Exact as long as
// nothing exceeds 2^53: magnitudeOf says so beforehand.

import type { Tree } from './parse.ts'

export const BLOCK = 1_024
/** Whole numbers up to here are doubles exactly. */
export const SAFE = Number.MAX_SAFE_INTEGER

/** Fills `out` with the values at first, first + 1 ... (count of them, at most BLOCK). */
export type AtBlock = (first: number, count: number) => Float64Array

/** Compiles a tree. The array that a call gives is used again by the next. */
export function atBlock(tree: Tree): AtBlock {
  const out = new Float64Array(BLOCK)
  switch (tree.is) {
    case 'number':
      out.fill(tree.double)
      return () => out
    case 'constant':
      out.fill(tree.name === 'pi' ? Math.PI : Math.E)
      return () => out
    case 'n':
      return (first, count) => {
        for (let i = 0; i < count; i++) out[i] = first + i
        return out
      }
    case 'negate':
      return mapped(atBlock(tree.of), out, (x) => -x)
    case 'call':
      return mapped(atBlock(tree.of), out, Math[tree.name])
    default:
      return combined(tree, out)
  }
}

function mapped(of: AtBlock, out: Float64Array, f: (x: number) => number): AtBlock {
  return (first, count) => {
    const x = of(first, count)
    for (let i = 0; i < count; i++) out[i] = f(x[i] as number)
    return out
  }
}

type Binary = Extract<Tree, { left: Tree }>

/** One loop an operation, written out: a function called by each would not be inlined. */
function combined({ is, left, right }: Binary, out: Float64Array): AtBlock {
  if (is === '^' && right.is === 'number' && right.d === 1n && right.n >= 1n && right.n <= 64n) {
    return raised(atBlock(left), Number(right.n), out)
  }
  const [leftAt, rightAt] = [atBlock(left), atBlock(right)]
  return (first, count) => {
    const a = leftAt(first, count)
    const b = rightAt(first, count)
    if (is === '+') for (let i = 0; i < count; i++) out[i] = (a[i] as number) + (b[i] as number)
    else if (is === '-')
      for (let i = 0; i < count; i++) out[i] = (a[i] as number) - (b[i] as number)
    else if (is === '*')
      for (let i = 0; i < count; i++) out[i] = (a[i] as number) * (b[i] as number)
    else if (is === '/')
      for (let i = 0; i < count; i++) out[i] = (a[i] as number) / (b[i] as number)
    else if (is === '%')
      for (let i = 0; i < count; i++) out[i] = modulo(a[i] as number, b[i] as number)
    else for (let i = 0; i < count; i++) out[i] = (a[i] as number) ** (b[i] as number)
    return out
  }
}

/** By repeated multiplication: exact as long as the powers are, which Math.pow does not promise. */
function raised(of: AtBlock, exponent: number, out: Float64Array): AtBlock {
  return (first, count) => {
    const x = of(first, count)
    for (let i = 0; i < count; i++) out[i] = x[i] as number
    for (let k = 1; k < exponent; k++) {
      for (let i = 0; i < count; i++) out[i] = (out[i] as number) * (x[i] as number)
    }
    return out
  }
}

/** The remainder with the sign of the divisor; NaN for a divisor of 0. */
function modulo(a: number, b: number): number {
  const rest = a % b
  return rest !== 0 && rest < 0 !== b < 0 ? rest + b : rest
}

/**
 * A bound on the magnitude of everything that is worked out for n of magnitude up to `n`; Infinity
 * when it is not known to be below 2^53. Only for trees of whole numbers.
 */
export function magnitudeOf(tree: Tree, n: number): number {
  const bound = Math.max(n, boundOf(tree, n))
  return bound <= SAFE ? bound : Number.POSITIVE_INFINITY
}

function boundOf(tree: Tree, n: number): number {
  switch (tree.is) {
    case 'number':
      return tree.double
    case 'n':
      return n
    case 'negate':
    case 'call':
      return magnitudeOf(tree.of, n)
    case '+':
    case '-':
      return magnitudeOf(tree.left, n) + magnitudeOf(tree.right, n)
    case '*':
      return magnitudeOf(tree.left, n) * magnitudeOf(tree.right, n)
    case '%':
      // A divisor may be 0, which doubles do not tell from a result: left to the exact way.
      return tree.right.is === 'number' && tree.right.n !== 0n
        ? Math.max(magnitudeOf(tree.left, n), magnitudeOf(tree.right, n))
        : Number.POSITIVE_INFINITY
    case '^':
      return tree.right.is === 'number' && tree.right.n >= 1n && tree.right.n <= 64n
        ? Math.max(1, magnitudeOf(tree.left, n)) ** Number(tree.right.n)
        : Number.POSITIVE_INFINITY
    default:
      return Number.POSITIVE_INFINITY
  }
}
