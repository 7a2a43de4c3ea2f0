// The two clocks of a process, and times of two types, so that mixing them does not compile.
//
//   WallTime    a point in time: milliseconds since 1970, by the machine's wall clock. It is stored,
//               sent, shown and compared with expiry dates. Somebody may set that clock, forwards or
//               backwards, and after a suspended VM resumes it jumps; clocks of two machines differ.
//   Monotonic   an instant of this process, for intervals: timeouts, leases, waits, backoff. It never
//               jumps and stands still while the machine is suspended. It means nothing to another
//               process and is never stored or sent.
//
// At run time both are numbers. To the type checker a WallTime is not a number, so arithmetic needs
// the functions below; a Monotonic is, so that `now - since` is an interval in milliseconds.

declare const wall: unique symbol
declare const monotonic: unique symbol

export type WallTime = { readonly [wall]: true }
export type Monotonic = number & { readonly [monotonic]: true }

export type Clock = {
  now(): Monotonic
  wall(): WallTime
  /** Runs it after the events that are waiting now have been taken in. */
  soon(run: () => void): void
  /** Runs it at a time and not before, or soon when that has passed. Gives what calls it off. */
  at(time: Monotonic, run: () => void): () => void
}

/** Before every instant, and after every instant. */
export const LONG_AGO = Number.NEGATIVE_INFINITY as Monotonic
export const NEVER = Number.POSITIVE_INFINITY as Monotonic

/** After every point in time. */
export const FOREVER = Number.POSITIVE_INFINITY as unknown as WallTime

/** `ms` after a time; with a negative number before it. */
export const later = <T extends WallTime | Monotonic>(time: T, ms: number): T =>
  ((time as unknown as number) + ms) as unknown as T

/** From milliseconds since 1970: out of a store, a message, a date. */
export const wallTime = (ms: number): WallTime => ms as unknown as WallTime

/** In milliseconds since 1970: for a message or a date. */
export const msOf = (time: WallTime): number => time as unknown as number

/** Milliseconds between two points in time. Below zero when the clock was set back between them. */
export const msBetween = (from: WallTime, to: WallTime): number => msOf(to) - msOf(from)

/** As ISO 8601, such as 2026-01-31T23:59:59.000Z. */
export function isoOf(time: WallTime): string
export function isoOf(time: WallTime | null): string | null
export function isoOf(time: WallTime | null): string | null {
  return time === null ? null : new Date(msOf(time)).toISOString()
}

/** Resolves after `ms`. */
export const pause = (clock: Pick<Clock, 'now' | 'at'>, ms: number): Promise<void> =>
  new Promise((resolve) => void clock.at(later(clock.now(), ms), resolve))

/** A timer cannot be set further ahead than this. */
const AHEAD_MS_MAX = 2 ** 31 - 1

export const systemClock: Clock = {
  now: () => performance.now() as Monotonic,
  wall: () => wallTime(Date.now()),
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
