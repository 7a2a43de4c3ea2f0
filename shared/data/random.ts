// Chance with a seed: the same seed gives the same numbers on every machine, so whatever draws from
// here - a policy, the simulator, an experiment - can be replayed. A core is handed one and never
// makes one. Not for secrets: ids and tokens come from node:crypto.

/** A source of chance. See createRandom. */
export type Random = ReturnType<typeof createRandom>

/** A way of drawing times, each 0 or more. Such as service times. */
export type Draw = () => number

/**
 * A generator that starts from `seed` (a whole number; its lowest 53 bits count). The stream is
 * sfc32, Chris Doty-Humphrey's Small Fast Counting generator of PractRand: 128 bits of state, a
 * period of at least 2^32 whatever the seed and about 2^127 on average. The state is filled from
 * the seed by splitmix32, and the first twelve numbers are thrown away, so that neighbouring seeds
 * share nothing.
 */
export function createRandom(seed: number) {
  let mix = seed | 0
  const splitmix = (): number => {
    mix = (mix + 0x9e3779b9) | 0
    let word = mix ^ (mix >>> 16)
    word = Math.imul(word, 0x21f0aaad)
    word = Math.imul(word ^ (word >>> 15), 0x735a2d97)
    return word ^ (word >>> 15)
  }
  let a = splitmix()
  let b = splitmix() ^ Math.floor(seed / 2 ** 32)
  let c = splitmix()
  let counter = 1
  for (let i = 0; i < 12; i++) word()

  /** 32 random bits, as a whole number of 0 to 2^32 - 1. */
  function word(): number {
    const sum = (((a + b) | 0) + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (((c << 21) | (c >>> 11)) + sum) | 0
    return sum >>> 0
  }

  /** A number in [0, 1) of 53 random bits. */
  const next = (): number => ((word() >>> 5) * 2 ** 26 + (word() >>> 6)) / 2 ** 53

  /** A whole number in [0, n), each equally likely up to n / 2^53; `n` is 1 to 2^53. */
  const integer = (n: number): number => Math.floor(next() * n)

  /** Exponentially distributed with this mean; the gaps of a Poisson stream are such. */
  const exponential = (mean: number): number => -mean * Math.log1p(-next())

  /** Normally distributed with mean 0 and variance 1, by Box and Muller (1958). */
  const normal = (): number => Math.sqrt(-2 * Math.log1p(-next())) * Math.cos(2 * Math.PI * next())

  /** Lognormal with this mean and squared coefficient of variation (variance / mean^2). */
  const lognormal = (mean: number, squaredVariation: number): number => {
    const variance = Math.log1p(squaredVariation)
    return mean * Math.exp(Math.sqrt(variance) * normal() - variance / 2)
  }

  /**
   * Hyperexponential with this mean and squared coefficient of variation (1 or more): two
   * exponentials, a common short and a rare long one, with balanced means, that is, each gives half
   * of the mean (Tijms, Stochastic Models, 1994, appendix B; Whitt, 1982).
   */
  const hyperexponential = (mean: number, squaredVariation: number): number => {
    const share = (1 + Math.sqrt((squaredVariation - 1) / (squaredVariation + 1))) / 2
    return exponential(mean / (2 * (next() < share ? share : 1 - share)))
  }

  /** Puts `items` in random order, in place (Fisher and Yates), and gives them back. */
  const shuffle = <T>(items: T[]): T[] => {
    for (let i = items.length - 1; i > 0; i--) {
      const j = integer(i + 1)
      const item = items[i] as T
      items[i] = items[j] as T
      items[j] = item
    }
    return items
  }

  return { word, next, integer, exponential, normal, lognormal, hyperexponential, shuffle }
}
