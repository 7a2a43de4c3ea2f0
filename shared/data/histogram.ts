// How often values lie where: plain arrays, so that counting costs a few comparisons. Pure. What they
// become for a monitor is in metrics.ts.

export type Histogram = {
  /** Upper bounds, ascending; above the last there is one more place. */
  readonly bounds: readonly number[]
  /** How many values were in each place; not added up. */
  readonly counts: number[]
  sum: number
}

export const createHistogram = (bounds: readonly number[]): Histogram => ({
  bounds,
  counts: Array.from({ length: bounds.length + 1 }, () => 0),
  sum: 0,
})

export function observe(histogram: Histogram, value: number): void {
  const { bounds, counts } = histogram
  let place = 0
  while (place < bounds.length && value > (bounds[place] as number)) place++
  counts[place] = (counts[place] as number) + 1
  histogram.sum += value
}

/** Histograms by a word. */
export type Family = Map<string, Histogram>

/** A family has at most so many words: what comes after them is counted under OTHER. */
export const WORDS_MAX = 50
export const OTHER = 'other'

export function observeOf(
  family: Family,
  word: string,
  bounds: readonly number[],
  value: number,
): void {
  observe(family.get(word) ?? added(family, word, bounds), value)
}

function added(family: Family, word: string, bounds: readonly number[]): Histogram {
  const name = family.size < WORDS_MAX ? word : OTHER
  const known = family.get(name)
  if (known) return known
  const histogram = createHistogram(bounds)
  family.set(name, histogram)
  return histogram
}

/** From half a millisecond to an hour, in milliseconds. */
export const MS_BOUNDS = [
  0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000, 300_000,
  3_600_000,
] as const
