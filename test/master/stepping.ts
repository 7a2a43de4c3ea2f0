import type { CoreSettings } from '../../master/core/context.ts'
import type { Core } from '../../master/core/core.ts'
import { createCore } from '../../master/core/core.ts'
import type { Effect, Input } from '../../master/core/messages.ts'
import { inOrder } from '../../master/policies/in-order.ts'
import { wallTime } from '../../shared/data/clock.ts'
import { createRandom } from '../../shared/data/random.ts'
import { instant } from '../instants.ts'

export type Token = { resolve: () => void; reject: () => void }

/**
 * A request that waits for a reply. Nothing reads the reply: the effects carry it beside the token. Each
 * token is another object, so that a test can tell by `t.equal` whose request an effect answers.
 */
export const aToken = (): Token => ({ resolve: () => {}, reject: () => {} })

type Given = Parameters<typeof createCore>[0]

/** A core with short times and queue; what it makes an attempt's id of can be read in it. */
export function createTestCore(settings: Partial<CoreSettings>, more: Partial<Given> = {}): Core {
  let attempts = 0
  return createCore({
    settings: {
      ask: 'known',
      heartbeatMs: 1_000,
      askTimeoutMs: 500,
      attemptsMax: 3,
      retryBackoffMs: 100,
      waitingTasksMax: 5,
      waitLimitMs: 60_000,
      ...settings,
    },
    policy: inOrder,
    random: createRandom(1),
    ids: {
      make: (task, slave) => `${task}:${slave}:${++attempts}`,
      issuer: 'm',
      made: (attempt, task, slave) => attempt.startsWith(`${task}:${slave}:`),
    },
    ...more,
  })
}

/** A step of a core whose store saves at once: what waits for that comes again at once. */
export function stepSaved(core: Core, input: Input, now: number): Effect[] {
  const step = (input: Input) => core.step(input, instant(now), wallTime(now))
  return step(input).flatMap((effect) => (effect.do === 'repeat' ? step(effect.input) : effect))
}
