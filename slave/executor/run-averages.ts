// The average run time of each kind, which decides how many of its runs may be sent ahead.

/** A kind is tiny when its runs take at most this, on average; only tiny ones are sent ahead. */
const TINY_MS = 1
/** Weight of the newest run in the average, and how much of it counts at most: one outlier is no trend. */
const AVERAGE_WEIGHT = 1 / 16
const AVERAGE_SAMPLE_MS_MAX = 10
/** Most runs in a pipe, and about how many milliseconds of work. */
const AHEAD_RUNS_MAX = 256
const AHEAD_MS_MAX = 5

export type RunAverages = ReturnType<typeof createRunAverages>

/** `kinds`: their number; a kind is given by its index. */
export function createRunAverages(kinds: number) {
  const averageMs: (number | undefined)[] = Array.from({ length: kinds })

  function isTiny(kind: number): boolean {
    const average = averageMs[kind]
    return average !== undefined && average <= TINY_MS
  }

  return {
    isTiny,
    /** Adds the time of a run. In milliseconds. */
    learn(kind: number, ranMs: number): void {
      const sample = Math.min(ranMs, AVERAGE_SAMPLE_MS_MAX)
      const average = averageMs[kind] ?? sample
      averageMs[kind] = average + (sample - average) * AVERAGE_WEIGHT
    },
    /** Whether one more run of this kind may be sent behind `runs` that a member has. */
    maySendAhead(kind: number, runs: number): boolean {
      const average = averageMs[kind]
      if (average === undefined || average > TINY_MS) return false
      return runs < AHEAD_RUNS_MAX && runs * average < AHEAD_MS_MAX
    },
  }
}
