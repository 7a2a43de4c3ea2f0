// Dry run: which slave would get such a task now, and why not the others. Pure, changes nothing.

import type { Monotonic } from '../../shared/data/clock.ts'
import type { Explanation } from '../../shared/protocol/api/tasks.ts'
import { pick, whyNot } from './asking.ts'
import type { Context } from './context.ts'
import { abilityOf } from './live-tasks.ts'
import { isFree } from './registry.ts'
import type { NewTask } from './state.ts'
import { createTask } from './task.ts'
import { reasonOf } from './trail.ts'

/** All slaves in the order of asking, and the one that would be asked first. */
export function explain(
  core: Context,
  { kind, terms }: Pick<NewTask, 'kind' | 'terms'>,
  now: Monotonic,
): Explanation {
  const given = { id: '', kind, priority: 0, runLimitMs: 1, createdAt: core.wall, queue: false }
  const ability = core.registry.track(abilityOf({ kind, terms: terms ?? null }))
  const asked = { ...given, terms: terms ?? null, waitUntil: null, expiresAt: null }
  const task = createTask(asked, ability, core.tasksSoFar, now)
  const place = pick(core, task)
  core.registry.release(ability)
  return {
    wouldAsk: core.registry.at(place)?.name ?? null,
    slaves: core.registry.all().map((slave) => {
      const { name } = slave
      const known = whyNot(core, slave, task)
      if (known.event !== 'unable' && isFree(slave)) {
        return { slave: name, available: true, state: 'free', reason: '' }
      }
      return { slave: name, available: false, state: known.event, reason: reasonOf(known) }
    }),
  }
}
