// Time as a seam: production has this one, the simulator another. `now` never goes back within a
// process and is anchored to the epoch at its start, so one number serves deadlines and display.

export type Clock = {
  /** Milliseconds since 1970, monotonic. */
  now(): number
  /** Runs it after the events that are waiting now have been taken in. */
  soon(run: () => void): void
  /** Runs it at a time, or soon when that has passed. Gives a function that calls it off. */
  at(time: number, run: () => void): () => void
}

/** A timer cannot be set further ahead than this; it then wakes early, which does no harm. */
const AHEAD_MS_MAX = 2 ** 31 - 1

export const systemClock: Clock = {
  now: () => performance.timeOrigin + performance.now(),
  soon: (run) => void setImmediate(run),
  at(time, run) {
    const ahead = Math.min(AHEAD_MS_MAX, Math.max(0, Math.ceil(time - systemClock.now())))
    const timer = setTimeout(run, ahead)
    return () => clearTimeout(timer)
  },
}
