// Speed-up and what it says of the part of a job that cannot be split. Pure.

/** Times of the same job with the same number of slaves. In milliseconds. */
export type Runs = { slaves: number; ms: number[] }

export type Point = {
  slaves: number
  /** Of the times. */
  median: number
  least: number
  most: number
  /** T(1) / T(p), of the medians; and from the least to the most that the runs allow. */
  speedup: number
  speedupLeast: number
  speedupMost: number
  /**
   * The experimentally determined serial fraction of Karp and Flatt (Measuring parallel processor
   * performance, 1990): (1/S - 1/p) / (1 - 1/p). Null for one slave. Growing with p, it speaks of
   * overhead; constant, of serial work.
   */
  karpFlatt: number | null
}

/** One point per number of slaves, ascending. There must be runs with one slave. */
export function pointsOf(runs: Runs[]): Point[] {
  const sorted = runs.toSorted((a, b) => a.slaves - b.slaves)
  const one = sorted.find(({ slaves }) => slaves === 1)
  if (!one) throw new Error('speed-up is relative to one slave: runs with one slave are needed')
  const base = { median: median(one.ms), least: Math.min(...one.ms), most: Math.max(...one.ms) }
  return sorted.map(({ slaves, ms }) => {
    const [middle, least, most] = [median(ms), Math.min(...ms), Math.max(...ms)]
    const speedup = base.median / middle
    return {
      slaves,
      median: middle,
      least,
      most,
      speedup,
      speedupLeast: base.least / most,
      speedupMost: base.most / least,
      karpFlatt: slaves === 1 ? null : (1 / speedup - 1 / slaves) / (1 - 1 / slaves),
    }
  })
}

export type Fit = {
  /** The serial fraction f of Amdahl's law, S(p) = 1 / (f + (1 - f) / p). */
  serial: number
  /** The largest distance between the law and a measured speed-up, relative to it. */
  worst: number
}

/** Fewer points say nothing: two fix the law whatever it is worth. */
export const FIT_POINTS_MIN = 3

/**
 * Amdahl's law (1967) fitted to 1/S = f + (1 - f)/p by least squares. Null for fewer than three
 * different numbers of slaves.
 */
export function fitAmdahl(points: Point[]): Fit | null {
  if (new Set(points.map(({ slaves }) => slaves)).size < FIT_POINTS_MIN) return null
  let above = 0
  let below = 0
  for (const { slaves, speedup } of points) {
    const x = 1 - 1 / slaves
    above += x * (1 / speedup - 1 / slaves)
    below += x * x
  }
  const serial = above / below
  const distances = points.map(({ slaves, speedup }) => {
    const law = 1 / (serial + (1 - serial) / slaves)
    return Math.abs(law - speedup) / speedup
  })
  return { serial, worst: Math.max(...distances) }
}

export function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  if (sorted.length % 2 === 1) return sorted[middle] as number
  return ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2
}
