// When a slave with --pull polls. Pure.
//
//   idle --(the master knows what it holds)------> open --(response)--> due, soon or at once
//    ^                                              ^  \--(failed)----> due, after a growing pause
//    +-------(it must register first)---------------+--------------------+

import type { Monotonic } from '../../shared/data/clock.ts'
import { LONG_AGO, later, NEVER } from '../../shared/data/clock.ts'
import type { Random } from '../../shared/data/random.ts'

/** The master holds a poll for about this long at most, whatever the heartbeat interval is. */
export const POLL_MS_MAX = 30_000
/** Pause after a poll that brought nothing; after one that failed, it doubles each time. */
const REST_MS = 50
const REST_MS_MAX = 2_000

/** One poll after the other, each with a larger number. */
export function createPolling(random: Random) {
  let dueAt = NEVER
  let begunAt = LONG_AGO
  let open = 0
  let over = 0
  let failures = 0
  /** A poll that failed may have had a response: the master must learn at once what did not arrive. */
  let mayHaveMissed = false

  return {
    /** When to poll; Infinity while a poll is open, and while idle. */
    get dueAt() {
      return dueAt
    },
    get isIdle() {
      return open === 0 && dueAt === NEVER
    },
    /** The number of the last poll that ended: what it was to bring has arrived, or never will. */
    get over() {
      return over
    },
    /** A poll is sent. Returns whether a heartbeat must be sent with it. */
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
    /** Starts no further poll until the master knows what the slave holds. */
    rest(): void {
      dueAt = NEVER
    },
  }
}
