// What theory says of slaves that are asked in order, of speed-up, and what is fitted to it. Pure.
// The same forms, with their sources, as test/rigs/experiments/closed-forms.ts and test/rigs/speedup/laws.ts;
// a test compares them.

/** Erlang B: the share of tasks that c slots refuse at an offered load of a. @param {number} c @param {number} a */
export function erlangB(c, a) {
  let refused = 1
  for (let i = 1; i <= c; i++) refused = (a * refused) / (i + a * refused)
  return refused
}

/** The share of time that each of c slots is busy, in order of asking. @param {number} c @param {number} a */
export function orderedLoads(c, a) {
  const loads = []
  let refused = 1
  for (let i = 1; i <= c; i++) {
    const offered = a * refused
    loads.push((offered * (i + offered - a)) / (i + offered))
    refused = offered / (i + offered)
  }
  return loads
}

/**
 * The mean share of each slave, whose slots are asked for one after the other.
 * @param {number[]} slots of each slave, in order of asking @param {number} a
 */
export function slaveLoads(slots, a) {
  const loads = orderedLoads(
    slots.reduce((sum, n) => sum + n, 0),
    a,
  )
  let from = 0
  return slots.map((n) => {
    const own = loads.slice(from, (from += n))
    return own.reduce((sum, load) => sum + load, 0) / Math.max(1, n)
  })
}

/** Amdahl's speed-up on p slaves, of which the share f is serial. @param {number} f @param {number} p */
export const amdahl = (f, p) => 1 / (f + (1 - f) / p)

/** The serial share that a speed-up on p (2 or more) slaves tells of. @param {number} speedup @param {number} p */
export const karpFlatt = (speedup, p) => (1 / speedup - 1 / p) / (1 - 1 / p)

/**
 * @param {{ slaves: number, ms: number[] }[]} runs with one slave among them
 * @returns {{ slaves: number, median: number, speedup: number, karpFlatt: number | null }[]}
 */
export function pointsOf(runs) {
  const base = runs.find(({ slaves }) => slaves === 1)
  if (!base) return []
  const one = median(base.ms)
  return runs
    .toSorted((a, b) => a.slaves - b.slaves)
    .map(({ slaves, ms }) => {
      const speedup = one / median(ms)
      const e = slaves === 1 ? null : karpFlatt(speedup, slaves)
      return { slaves, median: median(ms), speedup, karpFlatt: e }
    })
}

/** Amdahl's serial share by least squares; null for fewer than three points. @param {{ slaves: number, speedup: number }[]} points */
export function fitAmdahl(points) {
  if (new Set(points.map(({ slaves }) => slaves)).size < 3) return null
  let above = 0
  let below = 0
  for (const { slaves, speedup } of points) {
    const x = 1 - 1 / slaves
    above += x * (1 / speedup - 1 / slaves)
    below += x * x
  }
  return above / below
}

/** @param {number[]} values */
export function median(values) {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  if (sorted.length % 2 === 1) return sorted[middle] ?? 0
  return ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2
}
