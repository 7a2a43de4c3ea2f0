import type { Core } from '../../master/core/core.ts'
import type { Effect, Input } from '../../master/core/effects.ts'
import { wallTime } from '../../shared/clock.ts'
import { instant } from '../instants.ts'

/** A step of a core whose store saves at once: what waits for that comes again at once. */
export function stepSaved(core: Core, input: Input, now: number): Effect[] {
  const step = (input: Input) => core.step(input, instant(now), wallTime(now))
  return step(input).flatMap((effect) => (effect.do === 'repeat' ? step(effect.input) : effect))
}
