// Dry run: which slave would get a task of a kind now, and why not the others. Pure, changes nothing.

import type { Monotonic } from '../../shared/data/clock.ts'
import type { Explanation } from '../../shared/protocol/api/tasks.ts'
import { pick } from './asking.ts'
import type { Context } from './context.ts'
import { knownReason } from './known-reason.ts'
import { isFree } from './registry.ts'
import { createTask } from './task.ts'
import { reasonOf } from './trail.ts'

/** All slaves in the order of asking, and the one that would be asked first. */
export function explain(core: Context, kind: string, now: Monotonic): Explanation {
  const given = { id: '', kind, priority: 0, runLimitMs: 1, createdAt: core.wall, queue: false }
  const task = createTask({ ...given, waitUntil: null, expiresAt: null }, core.tasksSoFar, now)
  const place = pick(core, task)
  return {
    wouldAsk: core.registry.at(place)?.name ?? null,
    slaves: core.registry.all().map((slave) => {
      const { name } = slave
      if (!slave.kinds.includes(kind)) {
        const reason = `does not offer "${kind}"`
        return { slave: name, available: false, state: 'unable', reason }
      }
      if (isFree(slave)) return { slave: name, available: true, state: 'free', reason: '' }
      const known = knownReason(slave)
      return { slave: name, available: false, state: known.event, reason: reasonOf(known) }
    }),
  }
}
