// How far a measured figure may be from what theory says. What a dispatcher does to one task depends
// on what it did to the tasks before, so its series are correlated and the textbook standard error is
// far too small: it is taken from the means of long batches instead.

import assert from 'node:assert'
import type { Draw, Random } from '../../../shared/data/random.ts'

/** A measured figure. */
export type Measured = {
  mean: number
  /** Standard error of the mean. */
  standardError: number
  /** How many batches the standard error comes from. */
  batches: number
}

const BATCHES = 32

/**
 * Mean and standard error of a correlated series, by the method of non-overlapping batch means: the
 * series is cut into 32 batches of equal length, whose means are nearly independent when a batch is
 * much longer than the correlation lasts (A. M. Law, "Simulation Modeling and Analysis", section
 * 9.5.3; B. Schmeiser, Operations Research 30(3), 1982, for a number of batches near 30). Values
 * left over at the end are not used. Drop the warm-up before. Needs 64 values at least.
 */
export function measureMean(series: ArrayLike<number>, batches = BATCHES): Measured {
  return measureRatio(series, { length: series.length }, batches)
}

/**
 * The same for a ratio of two sums, such as busy time / time or waits / tasks, where both vary:
 * sum of `above` / sum of `below`, its standard error from the batches by the jackknife (R. G.
 * Miller, Biometrika 61(1), 1974). A `below` that holds no values counts one for each.
 */
export function measureRatio(
  above: ArrayLike<number>,
  below: ArrayLike<number>,
  batches = BATCHES,
): Measured {
  assert(batches >= 2, 'a standard error needs two batches or more')
  assert(above.length === below.length, 'both series belong together')
  const length = Math.floor(above.length / batches)
  assert(length >= 2, `a series of ${above.length} values is too short for ${batches} batches`)
  const sums: { above: number; below: number }[] = []
  for (let batch = 0; batch < batches; batch++) {
    const sum = { above: 0, below: 0 }
    for (let i = batch * length; i < (batch + 1) * length; i++) {
      sum.above += above[i]!
      sum.below += below[i] ?? 1
    }
    sums.push(sum)
  }
  const total = sums.reduce((a, b) => ({ above: a.above + b.above, below: a.below + b.below }))
  const mean = total.above / total.below
  const without = sums.map((sum) => (total.above - sum.above) / (total.below - sum.below))
  const middle = without.reduce((a, b) => a + b, 0) / batches
  const spread = without.reduce((a, b) => a + (b - middle) ** 2, 0)
  return { mean, standardError: Math.sqrt((spread * (batches - 1)) / batches), batches }
}

/** What a comparison with theory came to. */
export type Verdict = {
  /** `agrees` or `differs`; `proves nothing` when it would agree with nearly anything. */
  is: 'agrees' | 'differs' | 'proves nothing'
  /** The distance in standard errors. */
  away: number
  /** The standard error as a share of the expected figure: the power of the comparison. */
  error: number
  /** All of it in one line. */
  text: string
}

/** A standard error above this share of the figure proves nothing. */
export const ERROR_SHARE_MAX = 0.05

/**
 * Compares a measured figure with the expected one: it agrees when it is at most `sigmas` standard
 * errors away, provided that the standard error is at most 5 % of the figure. A figure that is too
 * far away differs, however large its error. (With 32 batches, 4 standard errors are exceeded by
 * chance about once in 2,700 comparisons: Student's t of 31 degrees of freedom.)
 *
 * `negligible`, 0 unless given, is a difference that does not matter, in the figure's unit: a share
 * of 2e-26 can only ever be measured as 0, which then agrees.
 */
export function withinStandardErrors(
  measured: number,
  standardError: number,
  expected: number,
  sigmas = 4,
  negligible = 0,
): Verdict {
  const difference = Math.abs(measured - expected)
  const away = difference === 0 ? 0 : difference / standardError
  const error = standardError / Math.abs(expected)
  const small = difference <= negligible && sigmas * standardError <= negligible
  const powerful = small || error <= ERROR_SHARE_MAX
  // Written so that NaN, whatever it comes from, never agrees.
  const near = small || away <= sigmas
  const is = near ? (powerful ? 'agrees' : 'proves nothing') : 'differs'
  const text =
    `measured ${figure(measured)} +- ${figure(standardError)}, expected ${figure(expected)}: ` +
    `${is}, ${away.toFixed(1)} standard errors away (each ${(100 * error).toFixed(2)} %)`
  return { is, away, error, text }
}

const figure = (value: number): string => String(Number(value.toPrecision(5)))

/** Ways of drawing service times of this mean: constant, exponential, and strongly varying ones. */
export function serviceTimes(random: Random, mean: number) {
  return {
    constant: () => mean,
    exponential: () => random.exponential(mean),
    lognormal: () => random.lognormal(mean, 4),
    hyperexponential: () => random.hyperexponential(mean, 10),
  } satisfies Record<string, Draw>
}

/** Times of arrival of a Poisson stream of `rate` tasks per unit of time, from 0 on, without end. */
export function* poissonArrivals(random: Random, rate: number): Generator<number, never> {
  for (let at = 0; ; ) yield (at += random.exponential(1 / rate))
}
