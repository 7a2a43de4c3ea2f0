// Notices when the wall clock jumps against the monotonic clock: somebody set it, or the machine was
// suspended and resumed (the monotonic clock stands still meanwhile). Slow corrections, as NTP makes
// them, are no jump.

import type { Clock, WallTime } from '../data/clock.ts'
import { later, msOf } from '../data/clock.ts'
import type { Logger } from './log.ts'

/** The clocks are compared this often, in milliseconds. */
const LOOK_MS = 1_000
/** Between two looks the clocks may move apart by less than this, in milliseconds. */
const STEP_MS_MIN = 1_000

export type ClockSteps = {
  /** How often the wall clock jumped since the start. */
  count: number
  /** By how much it jumped last, in milliseconds; below zero when it was set back. */
  lastMs: number
  /** When that was, by the clock after the jump; null when it never jumped. */
  lastAt: WallTime | null
}

export type ClockWatch = ReturnType<typeof watchClock>

/** Watches until it is closed. Every jump is a line in the log. */
export function watchClock(clock: Clock, log: Pick<Logger, 'warn'>) {
  const steps: ClockSteps = { count: 0, lastMs: 0, lastAt: null }
  const listeners: ((byMs: number) => void)[] = []
  let apart = apartMs()
  let callOff = clock.at(later(clock.now(), LOOK_MS), lookAgain)

  return {
    steps: steps as Readonly<ClockSteps>,
    /** Calls `run` with every jump from now on, in milliseconds. */
    onStep: (run: (byMs: number) => void): void => void listeners.push(run),
    /** Compares the clocks now: before something is done that a jump would spoil. */
    look,
    /** Idempotent. */
    close: (): void => callOff(),
  }

  function apartMs(): number {
    return msOf(clock.wall()) - clock.now()
  }

  function lookAgain(): void {
    callOff = clock.at(later(clock.now(), LOOK_MS), lookAgain)
    look()
  }

  function look(): void {
    const is = apartMs()
    const byMs = Math.round(is - apart)
    apart = is
    if (Math.abs(byMs) < STEP_MS_MIN) return
    Object.assign(steps, { count: steps.count + 1, lastMs: byMs, lastAt: clock.wall() })
    log.warn({ byMs }, 'the wall clock jumped: it was set, or the machine was suspended')
    for (const run of listeners) run(byMs)
  }
}
