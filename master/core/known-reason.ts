// Why a slave is not asked. Pure.

import type { SlaveStateWord } from '../../shared/protocol/api/slaves.ts'
import { isReachable } from './reach.ts'
import { isFaulty } from './registry.ts'
import type { Slave } from './state.ts'
import type { TrailEntry } from './trail.ts'

/** What a slave that is not asked is known to answer. */
export type KnownAnswer = Pick<TrailEntry, 'why' | 'reason'> & {
  event: Exclude<SlaveStateWord, 'free'>
}

/** Why a slave that is not asked would refuse; the words of its last answer where it gave one. */
export function knownReason(slave: Slave): KnownAnswer {
  const { standing, reports, trouble, mode, slots, free, offers } = slave
  if (standing !== 'alive')
    return { event: standing, why: { is: 'absent', polls: slave.reach.by !== 'http' } }
  if (typeof reports === 'object')
    return { event: 'elsewhere', why: { is: 'elsewhere', to: reports.to } }
  if (slave.drained) return { event: 'draining', why: { is: 'drained' } }
  if (trouble && isFaulty(slave)) {
    return { event: 'faulty', why: { is: 'faulty', count: trouble.count, last: trouble.reason } }
  }
  if (mode !== 'accepting') return { event: mode, reason: slave.reason }
  if (!isReachable(slave) && free > 0) {
    return { event: 'busy', why: { is: 'not polling' } }
  }
  if (trouble?.resting) {
    const { count, reason } = trouble
    return { event: 'unwilling', why: { is: 'declining', count, last: reason } }
  }
  return { event: 'busy', why: { is: 'full', taken: slots - free, slots, offered: offers.size } }
}
