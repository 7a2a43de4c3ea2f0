// Ended tasks are kept for a time and up to a number, then removed in small steps, so that no step
// holds up the turn.

import type { Clock, Monotonic, WallTime } from '../../shared/data/clock.ts'
import { LONG_AGO, later, msBetween, wallTime } from '../../shared/data/clock.ts'
import type { ClockWatch } from '../../shared/process/clock-watch.ts'
import type { Logger } from '../../shared/process/log.ts'
import type { Store } from './store.ts'

const STEP_ROWS = 500
/**
 * While there is something to remove, so many times as long as a step took passes before the next, but at
 * least this: tasks must go as fast as they can come.
 */
const REST_SHARE = 2
const REST_MS_MIN = 5
/**
 * After the wall clock jumped ahead, or when a master starts long after the newest task, nothing is
 * removed by age for so long at most: the clock may be wrong, or clients could not fetch their results.
 */
const DOUBT_MS_MAX = 3_600_000
/** When there is nothing to remove. */
const IDLE_MS = 10_000

export function startTrimming(given: {
  store: Store
  clock: Clock
  clockWatch: Pick<ClockWatch, 'look' | 'onStep'>
  /** When the newest task was accepted that was stored at the start; null when there was none. */
  newestAt: WallTime | null
  keepMs: number
  keepTasksMax: number
  /** What else is removed by age, about as often as nothing was left to do. */
  also: () => Promise<void>
  log: Logger
}) {
  const { store, clock, clockWatch, log, newestAt } = given
  const doubtMs = Math.min(given.keepMs, DOUBT_MS_MAX)
  /** From then on the age of a task counts. */
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
        log.warn({ reason: error.message }, 'old tasks could not be removed; trying again later')
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
