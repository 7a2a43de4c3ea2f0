// The tasks of a chaos run, made with the result that each must have: the client computes it by
// itself, with BigInt, and never asks the code under test.

import type { Random } from '../../../shared/data/random.ts'
import type { Wanted } from './history.ts'

const LARGEST = 2n ** 53n
const SLEEPS_MS_MAX = 400
/** Must end as failed: the name is not defined. */
const FAILING = 0.01
const SLEEPING = 0.04
const WITH_SCOPE = 0.3

export type Work = ReturnType<typeof createWork>

export function createWork(random: Random) {
  let made = 0
  return {
    /** The next task; `body` is what a client sends for it. */
    next(): Wanted {
      const tag = `c${made++}`
      const chance = random.next()
      if (chance < FAILING) {
        const input = { expression: `${random.integer(1e6)} + nowhere_defined` }
        return { tag, kind: 'expression', input, failure: 'rejected-expression' }
      }
      if (chance < FAILING + SLEEPING) {
        const ms = Math.round(Math.min(SLEEPS_MS_MAX, random.exponential(60)))
        return { tag, kind: 'sleep', input: { ms }, result: `{"sleptMs":${ms}}` }
      }
      const { text, value } = sum(random, 3)
      if (random.next() >= WITH_SCOPE) {
        return { tag, kind: 'expression', input: { expression: text }, result: String(value) }
      }
      const x = random.integer(1e6)
      const input = { expression: `${text} + x`, scope: { x } }
      return { tag, kind: 'expression', input, result: String(value + BigInt(x)) }
    },
  }
}

/** Whole-number arithmetic that stays within what a double holds exactly. */
function sum(random: Random, depth: number): { text: string; value: bigint } {
  if (depth === 0) {
    const value = random.integer(10_000)
    return { text: String(value), value: BigInt(value) }
  }
  const left = sum(random, depth - 1)
  const right = sum(random, depth - 1)
  const sign = ['+', '-', '*'][random.integer(3)] as '+' | '-' | '*'
  const value = compute(left.value, sign, right.value)
  // A product with 0 may be -0 for a double, which a whole number does not know.
  const isSame = sign !== '*' || value !== 0n
  if (isSame && value > -LARGEST / 2n && value < LARGEST / 2n) {
    return { text: `(${left.text} ${sign} ${right.text})`, value }
  }
  return left
}

function compute(a: bigint, sign: '+' | '-' | '*', b: bigint): bigint {
  if (sign === '+') return a + b
  return sign === '-' ? a - b : a * b
}
