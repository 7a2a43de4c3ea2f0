import type { Core } from '../../master/core/core.ts'
import type { Effect, Input } from '../../master/core/effects.ts'

/** A step of a core whose store saves at once: what waits for that comes again at once. */
export function stepSaved(core: Core, input: Input, now: number): Effect[] {
  return core
    .step(input, now)
    .flatMap((effect) => (effect.do === 'repeat' ? core.step(effect.input, now) : effect))
}
