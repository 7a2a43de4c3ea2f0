// When the core looks at a slave again: each slave has one place in the heap of such times. Pure.

import type { Monotonic } from '../../shared/data/clock.ts'
import { later } from '../../shared/data/clock.ts'
import type { Context } from './context.ts'
import type { Slave } from './state.ts'

/** Schedules the next check of the slave: half a heartbeat interval from now, before anything is due. */
export function watch(core: Context, slave: Slave, now: Monotonic): void {
  if (slave.heapIndex >= 0) core.dueSlaves.remove(slave)
  const { trouble } = slave
  const beatMs = core.settings.heartbeatMs / 2
  const restMs = trouble?.resting ? Math.max(0, trouble.until - now) : beatMs
  slave.dueAt = later(now, Math.min(beatMs, restMs))
  core.dueSlaves.push(slave)
}

/** Has the core look at the slave by then. */
export function wakeAt(core: Context, slave: Slave, at: Monotonic): void {
  if (slave.heapIndex >= 0) {
    if (slave.dueAt <= at) return
    core.dueSlaves.remove(slave)
  }
  slave.dueAt = at
  core.dueSlaves.push(slave)
}
