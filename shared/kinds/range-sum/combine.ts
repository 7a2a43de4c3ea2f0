// Adds up what the parts gave. The master does it, so it goes in steps, none of which takes long, and
// what would need longer ones is refused by its length, before it is parsed.
//
//   step                              the longest takes, on one core of 2.5 GHz
//   parsing a number                  8 ms for 100,000 digits
//   a stretch of a common divisor     2 ms for 64 divisions of 30,000 digits
//   writing the result                30 ms for 100,000 digits

import type { JobResult } from '../job-kind.ts'
import { TaskFailure } from '../kind.ts'
import { nearestDouble, TOO_LARGE } from './add-up.ts'
import type { Fraction } from './fraction.ts'

/** What a part gave: n / d in digits. */
export type Sum = { n: string; d: string }

type Steps<T> = Generator<undefined, T, undefined>

/** Of one number. Parsing and writing it is one step, which grows faster than its digits. */
export const NUMBER_DIGITS_MAX = 100_000
/** Of the denominators of all parts: adding fractions grows with their square. */
export const DENOMINATOR_DIGITS_MAX = 30_000
/** A longer result is cut where it is shown as a text. */
const TEXT_DIGITS_MAX = 4_096
/** Numbers are parsed together up to so many digits, and divisions done together. */
const STEP_DIGITS = 50_000
const STEP_DIVISIONS = 64

/** The sum of all, exactly. Throws `result-too-large`. */
export function* combineExactly(sums: Sum[]): Steps<JobResult> {
  checkLengths(sums)
  const digits = sums.length > 1 ? sums.reduce((all, { d }) => all + d.length, 0) : 0
  const areWhole = sums.every(({ d }) => d === '1')
  if (digits > DENOMINATOR_DIGITS_MAX && !areWhole) {
    const words = `the denominators of its parts have ${digits} digits in total, more than ${DENOMINATOR_DIGITS_MAX}`
    throw tooLarge(`${words}: use "numbers": "number" to compute with doubles`)
  }
  const fractions = yield* parsed(sums)
  const { n, d } = areWhole
    ? { n: fractions.reduce((total, { n }) => total + n, 0n), d: 1n }
    : yield* sumOf(fractions)
  yield
  if (d === 1n) {
    const value = digitsOf(n)
    return { result: { mathjs: 'bigint', value }, resultType: 'bigint', ...textOf(value) }
  }
  const form = { mathjs: 'Fraction', n: digitsOf(n), d: digitsOf(d) }
  return { result: form, resultType: 'Fraction', ...textOf(`${form.n}/${form.d}`) }
}

/** The double nearest to the sum of all, which have the same denominator. */
export function* combineDoubles(sums: Sum[]): Steps<JobResult> {
  checkLengths(sums)
  const fractions = yield* parsed(sums)
  const value = nearestDouble(fractions.reduce((total, { n }) => total + n, 0n))
  if (!Number.isFinite(value)) throw new TaskFailure('evaluation', TOO_LARGE)
  return { result: value, resultType: 'number', resultText: String(value) }
}

function checkLengths(sums: Sum[]): void {
  for (const [i, { n, d }] of sums.entries()) {
    const digits = Math.max(n.length, d.length)
    if (digits <= NUMBER_DIGITS_MAX) continue
    const whose = sums.length > 1 ? `the sum of part ${i + 1} of ${sums.length}` : 'the sum'
    throw tooLarge(
      `${whose} has ${digits} digits, more than ${NUMBER_DIGITS_MAX}: use "numbers": "number" to compute with doubles`,
    )
  }
}

function* parsed(sums: Sum[]): Steps<Fraction[]> {
  const fractions: Fraction[] = []
  let digits = 0
  for (const { n, d } of sums) {
    digits += n.length + d.length
    if (digits > STEP_DIGITS) {
      yield
      digits = n.length + d.length
    }
    fractions.push({ n: BigInt(n), d: BigInt(d) })
  }
  return fractions
}

/** In pairs, so that long numbers meet long ones. */
function* sumOf(list: Fraction[]): Steps<Fraction> {
  let level = list
  while (level.length > 1) {
    const next: Fraction[] = []
    for (let i = 0; i < level.length; i += 2) {
      const [a, b] = [level[i] as Fraction, level[i + 1]]
      next.push(b ? yield* add(a, b) : a)
    }
    level = next
  }
  const [only = { n: 0n, d: 1n }] = level
  return only
}

function* add(a: Fraction, b: Fraction): Steps<Fraction> {
  const n = a.d === b.d ? a.n + b.n : a.n * b.d + b.n * a.d
  const d = a.d === b.d ? a.d : a.d * b.d
  yield
  const by = yield* divisorOf(n, d)
  return { n: n / by, d: d / by }
}

function* divisorOf(n: bigint, d: bigint): Steps<bigint> {
  let [x, y] = [d, (n < 0n ? -n : n) % d]
  for (let divisions = 1; y !== 0n; divisions++) {
    ;[x, y] = [y, x % y]
    if (divisions % STEP_DIVISIONS === 0) yield
  }
  return x
}

/** Digits of a number that has not grown too long by being added up. */
function digitsOf(x: bigint): string {
  const digits = Math.ceil(x.toString(16).length * DIGITS_PER_HEX)
  if (digits <= 2 * NUMBER_DIGITS_MAX) return String(x)
  throw tooLarge(`the result has about ${digits} digits, more than ${2 * NUMBER_DIGITS_MAX}`)
}
const DIGITS_PER_HEX = Math.log10(16)

/** Whole, it would only say the digits again. */
const textOf = (text: string): { resultText: string } => ({
  resultText: text.length <= TEXT_DIGITS_MAX ? text : `${text.slice(0, TEXT_DIGITS_MAX - 1)}…`,
})

const tooLarge = (words: string): TaskFailure => new TaskFailure('result-too-large', words)
