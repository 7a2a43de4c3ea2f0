// When a slave that pulls polls. Pure.
//
//   idle --(the master has heard what it holds)--> open --(answered)--> due, soon or at once
//    ^                                              ^  \--(failed)----> due, ever later
//    +-------(it must register first)---------------+--------------------+

import type { Random } from '../../shared/random.ts'

/** A poll is held about this long at most, whatever the beat. */
export const POLL_MS_MAX = 30_000
/** From one poll that brought nothing to the next; and after one that failed, doubled each time. */
const REST_MS = 50
const REST_MS_MAX = 2_000

/** One poll after the other, never two at a time: the next says that the one before is over. */
export function createPolling(random: Random) {
  let dueAt = Number.POSITIVE_INFINITY
  let begunAt = Number.NEGATIVE_INFINITY
  let open = false
  let failures = 0
  /** A poll that failed may have been answered: the master must hear at once what never came. */
  let mayHaveMissed = false

  return {
    /** When to poll; Infinity while a poll is open, and while idle. */
    get dueAt() {
      return dueAt
    },
    get isIdle() {
      return !open && dueAt === Number.POSITIVE_INFINITY
    },
    /** A poll goes out. Gives whether a beat should go with it. */
    begin(now: number): boolean {
      dueAt = Number.POSITIVE_INFINITY
      begunAt = now
      open = true
      const owesBeat = mayHaveMissed
      mayHaveMissed = false
      return owesBeat
    },
    answered(now: number, broughtSomething: boolean): void {
      open = false
      failures = 0
      dueAt = broughtSomething ? now : Math.max(now, begunAt + REST_MS)
    },
    failed(now: number, delivered: boolean): void {
      open = false
      mayHaveMissed ||= delivered
      dueAt = now + Math.min(REST_MS * 2 ** failures, REST_MS_MAX) * (1 + random.next())
      failures++
    },
    /** No poll but the one that is open, until the master knows what the slave holds. */
    rest(): void {
      dueAt = Number.POSITIVE_INFINITY
    },
  }
}
