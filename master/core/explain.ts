// Who would take a task of a kind now, and why not the others: for a dry run. Pure, changes nothing.

import type { Monotonic } from '../../shared/data/clock.ts'
import { pick } from './asking.ts'
import type { Context } from './context.ts'
import { knownReason } from './known-reason.ts'
import { isFree } from './registry.ts'
import { createTask } from './task.ts'
import { reasonOf } from './trail.ts'

export type Explanation = {
  /** The slave that would be asked first; null when all would be refused at once. */
  wouldAsk: string | null
  /** In the order of the registry. */
  slaves: { slave: string; available: boolean; reason: string }[]
}

export function explain(core: Context, kind: string, now: Monotonic): Explanation {
  const given = { id: '', kind, priority: 0, runLimitMs: 1, createdAt: core.wall, queue: false }
  const task = createTask({ ...given, waitUntil: null, expiresAt: null }, core.tasksSoFar, now)
  const place = pick(core, task)
  return {
    wouldAsk: core.registry.at(place)?.name ?? null,
    slaves: core.registry.all().map((slave) => {
      const free = isFree(slave)
      const able = slave.kinds.includes(kind)
      const reason = able ? reasonOf(knownReason(slave)) : `does not offer "${kind}"`
      return { slave: slave.name, available: free && able, reason: free && able ? '' : reason }
    }),
  }
}
