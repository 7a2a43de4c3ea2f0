// Exact rational numbers: n / d with d > 0, reduced when they are made.

import { gcd } from './parse.ts'

export type Fraction = { n: bigint; d: bigint }

export const ZERO: Fraction = { n: 0n, d: 1n }

/** n / d, reduced. `d` is not 0. */
export function fraction(n: bigint, d: bigint): Fraction {
  if (d === 1n) return { n, d }
  const by = gcd(n, d)
  return d < 0n ? { n: -n / by, d: -d / by } : { n: n / by, d: d / by }
}

export function add(a: Fraction, b: Fraction): Fraction {
  if (a.d === b.d) return fraction(a.n + b.n, a.d)
  return fraction(a.n * b.d + b.n * a.d, a.d * b.d)
}

/** The sum of many: in pairs, so that long numbers meet long ones. */
export function sum(list: Fraction[]): Fraction {
  let level = list
  while (level.length > 1) {
    const next: Fraction[] = []
    for (let i = 0; i < level.length; i += 2) {
      const [a, b] = [level[i] as Fraction, level[i + 1]]
      next.push(b ? add(a, b) : a)
    }
    level = next
  }
  return level[0] ?? ZERO
}

/** The largest whole number that is not above a / b; `b` is not 0. */
export function floorDiv(a: bigint, b: bigint): bigint {
  const q = a / b
  return a % b !== 0n && a < 0n !== b < 0n ? q - 1n : q
}
