// Why a slave is not asked, in words. Pure.

import type { SlaveStateWord } from '../../shared/protocol/api/slaves.ts'
import { isFaulty, isPull } from './registry.ts'
import type { Slave } from './state.ts'

type Known = { event: Exclude<SlaveStateWord, 'free'>; reason: string }

/** Why a slave that is not asked would say no; the words of its last answer where it gave one. */
export function knownReason(slave: Slave): Known {
  if (slave.standing !== 'alive') {
    const reason = isPull(slave) ? 'is not heard of' : 'does not answer'
    return { event: slave.standing, reason }
  }
  if (typeof slave.reports === 'object') {
    const { to } = slave.reports
    const reason = `reports to ${to}, not to this master: start it with --master and this master's URL`
    return { event: 'elsewhere', reason }
  }
  if (slave.drained) return { event: 'draining', reason: 'drained by an operator' }
  if (slave.trouble && isFaulty(slave)) {
    const { count, reason } = slave.trouble
    const words = `${count} offers in a row had no usable answer; the last: ${reason}`
    return { event: 'faulty', reason: words }
  }
  if (slave.mode !== 'accepting') return { event: slave.mode, reason: slave.reason }
  if (isPull(slave) && slave.poll === null && slave.free > 0) {
    return { event: 'busy', reason: 'is not polling' }
  }
  if (slave.trouble?.resting) {
    const { count, reason } = slave.trouble
    const words = `declined ${count} times in a row although it has room; the last: ${reason}`
    return { event: 'unwilling', reason: words }
  }
  const taken = slave.slots - slave.free
  const offered = slave.offers.size > 0 ? `, ${slave.offers.size} being offered` : ''
  return { event: 'busy', reason: `running ${taken} of ${slave.slots}${offered}` }
}
