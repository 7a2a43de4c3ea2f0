// Turns of the master. A turn collects the inputs that have arrived since the last one, steps the core
// through them, performs the effects, and starts one commit. One timer is kept, set to the core's deadline.

import { createAlarm } from '../../shared/data/alarm.ts'
import type { Clock, Monotonic, WallTime } from '../../shared/data/clock.ts'
import type { Core } from '../core/core.ts'
import type { Effect, Input } from '../core/messages.ts'

export function createTurns(given: {
  core: Pick<Core, 'step' | 'deadline'>
  clock: Clock
  perform: (effect: Effect) => void
  /** Commits what the turn has gathered. */
  flush: () => void
}) {
  const { core, clock, perform } = given
  let inbox: Input[] = []
  let planned = false
  let closed = false
  const alarm = createAlarm(clock, plan)

  return {
    /** Takes an input into the next turn. After `close` it is dropped. */
    post,

    /** Posts an input that carries a token. Settles when an effect settles the token. */
    ask<Reply>(input: (token: PromiseWithResolvers<Reply>) => Input): Promise<Reply> {
      const waiting = Promise.withResolvers<Reply>()
      post(input(waiting))
      return waiting.promise
    },

    /** Takes one last turn. Idempotent. */
    close(): void {
      turn()
      closed = true
      alarm.cancel()
    },
  }

  function post(input: Input): void {
    if (closed) return
    inbox.push(input)
    plan()
  }

  function plan(): void {
    if (planned) return
    planned = true
    clock.soon(turn)
  }

  function turn(): void {
    if (closed) return
    planned = false
    const now = clock.now()
    const wall = clock.wall()
    const inputs = inbox
    inbox = []
    const lateMs = now - core.deadline()
    if (lateMs >= 0) step({ is: 'tick', lateMs }, now, wall)
    for (const input of inputs) step(input, now, wall)
    given.flush()
    alarm.set(core.deadline())
  }

  function step(input: Input, now: Monotonic, wall: WallTime): void {
    for (const effect of core.step(input, now, wall)) perform(effect)
  }
}
