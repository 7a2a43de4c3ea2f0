// When a slave that pulls polls. Pure.
//
//   idle --(the master has heard what it holds)--> open --(answered)--> due, soon or at once
//    ^                                              ^  \--(failed)----> due, ever later
//    +-------(it must register first)---------------+--------------------+

import type { Monotonic } from '../../shared/data/clock.ts'
import { LONG_AGO, later, NEVER } from '../../shared/data/clock.ts'
import type { Random } from '../../shared/data/random.ts'

/** A poll is held about this long at most, whatever the beat. */
export const POLL_MS_MAX = 30_000
/** From one poll that brought nothing to the next; and after one that failed, doubled each time. */
const REST_MS = 50
const REST_MS_MAX = 2_000

/** One poll after the other, never two at a time, each with a number that is larger. */
export function createPolling(random: Random) {
  let dueAt = NEVER
  let begunAt = LONG_AGO
  let open = 0
  let over = 0
  let failures = 0
  /** A poll that failed may have been answered: the master must hear at once what never came. */
  let mayHaveMissed = false

  return {
    /** When to poll; Infinity while a poll is open, and while idle. */
    get dueAt() {
      return dueAt
    },
    get isIdle() {
      return open === 0 && dueAt === NEVER
    },
    /** The number of the last poll that is over: whatever it was to bring has come, or never will. */
    get over() {
      return over
    },
    /** A poll goes out. Gives whether a beat should go with it. */
    begin(number: number, now: Monotonic): boolean {
      dueAt = NEVER
      begunAt = now
      open = number
      const owesBeat = mayHaveMissed
      mayHaveMissed = false
      return owesBeat
    },
    answered(now: Monotonic, broughtSomething: boolean): void {
      over = open
      open = 0
      failures = 0
      const rested = later(begunAt, REST_MS)
      dueAt = broughtSomething || rested < now ? now : rested
    },
    failed(now: Monotonic, delivered: boolean): void {
      over = open
      open = 0
      mayHaveMissed ||= delivered
      const restMs = Math.min(REST_MS * 2 ** failures, REST_MS_MAX) * (1 + random.next())
      dueAt = later(now, restMs)
      failures++
    },
    /** No poll but the one that is open, until the master knows what the slave holds. */
    rest(): void {
      dueAt = NEVER
    },
  }
}
