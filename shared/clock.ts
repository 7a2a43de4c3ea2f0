// Time as a seam: production has this one, the simulator another. `now` never goes back within a
// process and is anchored to the epoch at its start, so one number serves deadlines and display.

export type Clock = {
  /** Milliseconds since 1970, monotonic. */
  now(): number
  /** Runs it after the events that are waiting now have been taken in. */
  soon(run: () => void): void
  /** Runs it at a time and not before, or soon when that has passed. Gives what calls it off. */
  at(time: number, run: () => void): () => void
}

/** A timer cannot be set further ahead than this. */
const AHEAD_MS_MAX = 2 ** 31 - 1

export const systemClock: Clock = {
  now: () => performance.timeOrigin + performance.now(),
  soon: (run) => void setImmediate(run),
  at(time, run) {
    let timer = setTimeout(look, aheadMs())
    return () => clearTimeout(timer)

    /** A timer may fire a fraction of a millisecond early. */
    function look(): void {
      if (systemClock.now() >= time) return run()
      timer = setTimeout(look, aheadMs())
    }

    function aheadMs(): number {
      return Math.min(AHEAD_MS_MAX, Math.max(0, Math.ceil(time - systemClock.now())))
    }
  },
}
