import { test } from 'tap'
import { createRandom } from '../../../shared/data/random.ts'
import { erlangB } from './closed-forms.ts'
import {
  measureMean,
  measureRatio,
  poissonArrivals,
  serviceTimes,
  withinStandardErrors,
} from './statistics.ts'

/** A series in which each value keeps the share `keep` of the one before (AR(1)), with mean 10. */
function correlated(seed: number, keep: number, length: number): number[] {
  const random = createRandom(seed)
  const series: number[] = []
  for (let at = 0; series.length < length; ) series.push(10 + (at = keep * at + random.normal()))
  return series
}

test('gives the textbook standard error of an uncorrelated series', async (t) => {
  const random = createRandom(1)
  const series = Array.from({ length: 64_000 }, () => random.exponential(3))
  const measured = measureMean(series, 64)
  const textbook = 3 / Math.sqrt(series.length)
  t.equal(measured.batches, 64)
  t.ok(Math.abs(measured.mean - 3) < 4 * textbook)
  t.ok(Math.abs(measured.standardError / textbook - 1) < 0.35, String(measured.standardError))
})

test('is as often off by 2 standard errors as it should be, for a correlated series', async (t) => {
  // The textbook error of this series is 4.4 times too small, and would be off in 65 of 100.
  let off = 0
  for (let seed = 0; seed < 200; seed++) {
    const { mean, standardError } = measureMean(correlated(seed, 0.9, 16_000))
    if (Math.abs(mean - 10) > 2 * standardError) off++
  }
  t.ok(off >= 2 && off <= 24, `${off} of 200, where 11 are expected`)
})

test('measures a ratio of two sums with its standard error', async (t) => {
  let off = 0
  for (let seed = 0; seed < 200; seed++) {
    const random = createRandom(seed)
    const below = Array.from({ length: 3_200 }, () => random.lognormal(5, 2))
    const above = below.map((value) => 0.3 * value + random.normal())
    const { mean, standardError } = measureRatio(above, below)
    if (Math.abs(mean - 0.3) > 2 * standardError) off++
  }
  t.ok(off >= 2 && off <= 24, `${off} of 200, where 11 are expected`)
  t.equal(measureRatio([2, 2, 4, 4], [1, 1, 2, 2], 2).mean, 2)
})

test('refuses a series that is too short to say anything', async (t) => {
  t.throws(() => measureMean([1, 2, 3]), /too short/)
  t.throws(() => measureMean([1, 2, 3, 4], 1), /two batches/)
  t.throws(() => measureRatio([1, 2, 3, 4], [1], 2), /belong together/)
})

test('agrees, differs, or proves nothing', async (t) => {
  t.equal(withinStandardErrors(0.103, 0.001, 0.1).is, 'agrees')
  t.equal(withinStandardErrors(0.105, 0.001, 0.1).is, 'differs')
  t.equal(withinStandardErrors(0.103, 0.01, 0.1).is, 'proves nothing')
  t.equal(withinStandardErrors(0.3, 0.01, 0.1).is, 'differs', 'far away, whatever the power')
  t.equal(withinStandardErrors(0.103, 0.001, 0.1, 2).is, 'differs')
  t.equal(withinStandardErrors(1, 0, 1).is, 'agrees', 'exact')
  t.equal(withinStandardErrors(1.1, 0, 1).is, 'differs')
  t.equal(withinStandardErrors(Number.NaN, 0.001, 1).is, 'differs')
  t.equal(withinStandardErrors(1, Number.NaN, 1).is, 'proves nothing')
  t.equal(withinStandardErrors(0, 0, 2e-26).is, 'differs', 'a zero is not a small number ...')
  t.equal(withinStandardErrors(0, 0, 2e-26, 4, 1e-5).is, 'agrees', '... unless that is said')
  t.equal(withinStandardErrors(0.01, 0.01, 2e-26, 4, 1e-5).is, 'proves nothing')
  t.equal(
    withinStandardErrors(0.103, 0.001, 0.1).text,
    'measured 0.103 +- 0.001, expected 0.1: agrees, 3.0 standard errors away (each 1.00 %)',
  )
})

test('draws service times of the mean and the variation that they are named for', async (t) => {
  const variation = { constant: 0, exponential: 1, lognormal: 4, hyperexponential: 10 }
  for (const [name, squared] of Object.entries(variation)) {
    const draw = serviceTimes(createRandom(7), 2)[name as keyof typeof variation]
    const series = Array.from({ length: 400_000 }, draw)
    const { mean } = measureMean(series)
    const variance = measureMean(series.map((value) => (value - 2) ** 2)).mean
    t.ok(Math.abs(mean / 2 - 1) < 0.02, `${name}: mean ${mean}`)
    t.ok(Math.abs(variance / 4 - squared) <= 0.1 * squared, `${name}: variation ${variance / 4}`)
    t.ok(series.every((value) => value > 0))
  }
})

test('lets tasks arrive as a Poisson stream', async (t) => {
  const arrivals = poissonArrivals(createRandom(3), 50)
  const counts = Array<number>(4_000).fill(0)
  for (const at of arrivals) {
    if (at >= counts.length) break
    counts[Math.floor(at)]!++
  }
  const { mean, standardError } = measureMean(counts)
  t.equal(withinStandardErrors(mean, standardError, 50).is, 'agrees')
  const variance = measureMean(counts.map((count) => (count - 50) ** 2)).mean
  t.ok(Math.abs(variance / 50 - 1) < 0.1, 'the variance of a count is its mean')
})

test('finds Erlang B in a loss system, and tells it from a neighbour', async (t) => {
  const random = createRandom(11)
  const busyUntil = Array<number>(5).fill(0)
  const refused: number[] = []
  for (const at of poissonArrivals(random, 3)) {
    if (at > 1_000 && refused.push(busyUntil.every((until) => until > at) ? 1 : 0) === 200_000)
      break
    const slave = busyUntil.findIndex((until) => until <= at)
    if (slave >= 0) busyUntil[slave] = at + random.hyperexponential(1, 10)
  }
  const { mean, standardError } = measureMean(refused)
  const verdict = withinStandardErrors(mean, standardError, erlangB(5, 3))
  t.equal(verdict.is, 'agrees', verdict.text)
  t.equal(withinStandardErrors(mean, standardError, erlangB(5, 3.3)).is, 'differs')
})
