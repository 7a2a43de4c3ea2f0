// Simple slaves that name neither themselves nor their attempts, as in "fetch a task, hand in its
// result". The master gives such a slave a name when it polls, and finds its attempt by its task. Pure.
//
//   a given name:   free --(a poll without a name)--> polling --(handed a task)--> held
//                    ^                                  |                           |
//                    +--(hung up, answered with none)---+-----(outcome, lost)-------+
//
// A poll without a name takes a free one only, as it cannot be told who polls: so it never replaces
// another poll, and never says that the task of another thread was dropped. A slave that gave the
// name itself keeps it.

import { isReachable } from './reach.ts'
import type { Registry } from './registry.ts'
import type { Slave, Task } from './state.ts'

const GIVEN = /^worker-\d{1,9}$/

/** The lowest name that is free for a simple slave without one. */
export function freeName({ byName }: Pick<Registry, 'byName'>): string {
  for (let number = 1; ; number++) {
    const name = `worker-${number}`
    const slave = byName.get(name)
    if (!slave || (hasGivenName(slave) && isIdle(slave) && !isReachable(slave))) return name
  }
}

/** Whether a slave that the store knows had its name from the master: the store does not say. */
export const mayBeGiven = (name: string): boolean => GIVEN.test(name)

/** Whether the slave has its name from the master. */
export const hasGivenName = ({ reach }: Slave): boolean =>
  reach.by === 'simple-poll' && reach.isNameGiven

/** It has no task, and none is on its way to it. */
export const isIdle = ({ held, offers }: Slave): boolean => held.size === 0 && offers.size === 0

/** The attempt that a simple slave holds of a task, which must be `slave` when that is known; or null. */
export function heldSimply(
  live: ReadonlyMap<string, Task>,
  { task: id, slave: name }: { task: string; slave: string | null },
): { slave: string; attempt: string } | null {
  const stage = live.get(id)?.stage
  if (stage?.is !== 'running' || stage.slave.reach.by !== 'simple-poll') return null
  const { attempt, slave } = stage
  return name === null || name === slave.name ? { slave: slave.name, attempt } : null
}
