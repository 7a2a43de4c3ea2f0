// The turns of the agent. Each input is one turn: the core steps, then its effects are performed in
// order. Keeps one timer, set to the core's deadline.

import { createAlarm } from '../../shared/data/alarm.ts'
import type { Clock } from '../../shared/data/clock.ts'
import type { Effect, Input, SlaveCore } from '../core/core.ts'

export type Take = (input: Input) => void

export function createTurns(given: {
  core: Pick<SlaveCore, 'step' | 'deadline' | 'runningCount' | 'endedCount'>
  clock: Clock
  perform: (effect: Effect) => void
}) {
  const { core, clock, perform } = given
  const alarm = createAlarm(clock, tick)
  let closed = false
  let waiting: (() => void)[] = []

  return {
    take,
    tick,
    /** Resolves when nothing runs and every outcome is acknowledged. */
    idle: (): Promise<void> =>
      new Promise((resolve) => {
        waiting.push(resolve)
        settleIdle()
      }),
    /** Ignores all further inputs. */
    close(): void {
      closed = true
      alarm.cancel()
    },
  }

  function take(input: Input): void {
    if (closed) return
    for (const effect of core.step(input, clock.now())) perform(effect)
    if (!closed) alarm.set(core.deadline())
    settleIdle()
  }

  function tick(): void {
    take({ is: 'tick' })
  }

  function settleIdle(): void {
    if (waiting.length === 0 || core.runningCount > 0 || core.endedCount > 0) return
    const resolved = waiting
    waiting = []
    for (const resolve of resolved) resolve()
  }
}
