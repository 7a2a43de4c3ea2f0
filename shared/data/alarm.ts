// One timer that can be moved, for the next deadline of a core.

import type { Clock, Monotonic } from './clock.ts'
import { NEVER } from './clock.ts'

/** Calls `ring` at the time that was set last. `set(NEVER)` and `cancel` set no time. */
export function createAlarm(clock: Pick<Clock, 'at'>, ring: () => void) {
  let setFor = NEVER
  let callOff = (): void => {}

  return {
    set(at: Monotonic): void {
      if (at === setFor) return
      callOff()
      setFor = at
      callOff = at === NEVER ? () => {} : clock.at(at, fire)
    },
    cancel: (): void => callOff(),
  }

  function fire(): void {
    setFor = NEVER
    ring()
  }
}
