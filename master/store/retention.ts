// Removes ended tasks that are older than `keepMs` or beyond `keepTasksMax`, in small batches so that no
// batch delays a turn.

import type { Clock, Monotonic, WallTime } from '../../shared/data/clock.ts'
import { LONG_AGO, later, msBetween, wallTime } from '../../shared/data/clock.ts'
import type { ClockWatch } from '../../shared/process/clock-watch.ts'
import type { Logger } from '../../shared/process/log.ts'
import type { Store } from './store.ts'

const STEP_ROWS = 500
/**
 * Pause between batches, as a multiple of the last batch's duration, and at least REST_MS_MIN. Retention
 * must keep up with the rate of new tasks.
 */
const REST_SHARE = 2
const REST_MS_MIN = 5
/**
 * After the wall clock jumped ahead, or when a master starts long after the newest task, nothing is
 * removed by age for at most this long: the clock may be wrong, or clients could not fetch their results.
 */
const DOUBT_MS_MAX = 3_600_000
/** Pause when there is nothing to remove. */
const IDLE_MS = 10_000

export function startRetention(given: {
  store: Store
  clock: Clock
  clockWatch: Pick<ClockWatch, 'look' | 'onStep'>
  /** When the newest task in the store was accepted, at the start; null when there was none. */
  newestAt: WallTime | null
  keepMs: number
  keepTasksMax: number
  /** Removes other things by age; called when no old task is left. */
  also: () => Promise<void>
  log: Logger
}) {
  const { store, clock, clockWatch, log, newestAt } = given
  const doubtMs = Math.min(given.keepMs, DOUBT_MS_MAX)
  /** Nothing is removed by age before this. */
  let agesFrom = LONG_AGO
  let closed = false
  let callOff = clock.at(later(clock.now(), IDLE_MS), step)

  if (newestAt !== null && msBetween(newestAt, clock.wall()) > doubtMs) agesFrom = doubtOver()
  clockWatch.onStep((byMs) => {
    if (byMs > 0) agesFrom = doubtOver()
  })

  return {
    close(): void {
      closed = true
      callOff()
    },
  }

  function doubtOver(): Monotonic {
    return later(clock.now(), doubtMs)
  }

  function step(): void {
    const began = clock.now()
    clockWatch.look()
    trim(began >= agesFrom).then(
      (removed) => {
        const restMs = Math.max(REST_MS_MIN, REST_SHARE * (clock.now() - began))
        again(removed === STEP_ROWS ? restMs : IDLE_MS)
      },
      (error: Error) => {
        if (closed) return
        log.warn({ reason: error.message }, 'cannot remove old tasks; retrying later')
        again(IDLE_MS)
      },
    )
  }

  async function trim(byAge: boolean): Promise<number> {
    const endedBefore = byAge ? later(clock.wall(), -given.keepMs) : wallTime(0)
    const limits = { endedBefore, keepMax: given.keepTasksMax, rowsMax: STEP_ROWS }
    const removed = await store.trim(limits)
    if (byAge && removed < STEP_ROWS) await given.also()
    return removed
  }

  function again(afterMs: number): void {
    if (!closed) callOff = clock.at(later(clock.now(), afterMs), step)
  }
}
