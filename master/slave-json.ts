// Slaves as clients read them.

import type { Slave } from './core/registry.ts'
import { knownReason, roomOf } from './core/registry.ts'

/** One slave. `state`: free, busy, draining, unwilling, suspect or silent. */
export function slaveJson(slave: Slave, now: number) {
  const free = slave.standing === 'alive' && !slave.drained && roomOf(slave) > 0
  const known = free ? { event: 'free', reason: '' } : knownReason(slave)
  const heard = Number.isFinite(slave.heardAt)
  return {
    name: slave.name,
    place: slave.place + 1,
    url: slave.url,
    state: known.event,
    reason: known.reason,
    slots: slave.slots,
    free: slave.free,
    running: slave.held.size,
    beingOffered: slave.offers.size,
    drained: slave.drained,
    kinds: slave.kinds,
    tags: slave.tags,
    version: slave.version,
    heardMs: heard ? Math.round(now - slave.heardAt) : null,
    serviceMs: slave.serviceMs === 0 ? null : Math.round(slave.serviceMs * 1000) / 1000,
    taken: slave.taken,
    ended: slave.ended,
  }
}
