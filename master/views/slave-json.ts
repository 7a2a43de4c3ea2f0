// Slaves as clients read them.

import type { Slave as Json } from '../../shared/protocol/api/slaves.ts'
import { knownReason } from '../core/known-reason.ts'
import { isFree } from '../core/registry.ts'
import type { Slave } from '../core/state.ts'
import { reasonOf } from '../core/trail.ts'

const FREE = { event: 'free', reason: '' } as const

export function slaveJson(slave: Slave, now: number): Json {
  const known = isFree(slave) ? FREE : knownReason(slave)
  const heard = Number.isFinite(slave.heardAt)
  return {
    name: slave.name,
    place: slave.place + 1,
    ...reachJson(slave, now),
    state: known.event,
    reason: reasonOf(known),
    slots: slave.slots,
    free: slave.free,
    running: slave.held.size,
    beingOffered: slave.offers.size,
    drained: slave.drained,
    kinds: slave.kinds,
    features: [...slave.features],
    commands: commandsOf(slave),
    cache: slave.cache,
    tags: slave.tags,
    version: slave.version,
    heardMs: heard ? Math.round(now - slave.heardAt) : null,
    serviceMs: slave.serviceMs === 0 ? null : Math.round(slave.serviceMs * 1000) / 1000,
    taken: slave.taken,
    ended: slave.ended,
  }
}

function commandsOf({ programs, containment }: Slave): Json['commands'] {
  if (containment === null) return null
  return { programs: programs === 'any' ? programs : [...programs], containment }
}

/** Where it is asked; of one that pulls, whether it polls now and how long ago it last began to. */
function reachJson({ reach }: Slave, now: number) {
  if (reach.by === 'http') return { url: reach.url, pull: false }
  const polledMs = Number.isFinite(reach.polledAt) ? Math.round(now - reach.polledAt) : null
  const simple = reach.by === 'simple-poll'
  return { url: null, pull: true, simple, polling: reach.poll !== null, polledMs }
}
