// Ended tasks are kept for a time and up to a number, then removed in small steps, so that no step
// holds up the turn.

import type { Clock, WallTime } from '../shared/clock.ts'
import { later } from '../shared/clock.ts'
import type { Logger } from '../shared/log.ts'
import type { Store } from './store/store.ts'

const STEP_ROWS = 500
/**
 * While there is something to remove, so many times as long as a step took passes before the next, but at
 * least this: tasks must go as fast as they can come.
 */
const REST_SHARE = 2
const REST_MS_MIN = 5
/** When there is nothing to remove. */
const IDLE_MS = 10_000

export function startTrimming(given: {
  store: Store
  clock: Clock
  keepMs: number
  keepTasksMax: number
  /** What else is removed, about as often as nothing was left to do. */
  also: () => Promise<void>
  log: Logger
}) {
  const { store, clock, log } = given
  let closed = false
  let callOff = clock.at(later(clock.now(), IDLE_MS), step)

  return {
    close(): void {
      closed = true
      callOff()
    },
  }

  function step(): void {
    const began = clock.now()
    const endedBefore = later(clock.wall(), -given.keepMs)
    trim(endedBefore).then(
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

  async function trim(endedBefore: WallTime): Promise<number> {
    const limits = { endedBefore, keepMax: given.keepTasksMax, rowsMax: STEP_ROWS }
    const removed = await store.trim(limits)
    if (removed < STEP_ROWS) await given.also()
    return removed
  }

  function again(afterMs: number): void {
    if (!closed) callOff = clock.at(later(clock.now(), afterMs), step)
  }
}
