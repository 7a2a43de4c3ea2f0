// Slaves that speak, and whose answers to offers cannot be used: an error, another service's answer,
// none in time. Each such answer makes the rest before the next offer longer, so that the number of
// requests to one slave is bounded whatever it answers. Pure.
//
//   well --(unusable answer)--> doubted --(another)--> resting --(the rest is over)--> on trial
//    ^                             |                      ^                               |
//    +-------(usable answer)-------+----------------------+-------(unusable answer)-------+
//
// A slave that is doubted or on trial is offered one task at a time. One lost answer costs no rest:
// networks lose some. A slave that declines offers although it says that it has room rests too, after
// more of them and not for long: it may decline only tasks of some size.

import type { Monotonic } from '../../shared/data/clock.ts'
import { later, NEVER } from '../../shared/data/clock.ts'
import type { OfferAnswer, SlaveState } from '../../shared/protocol/wire.ts'
import type { Context } from './context.ts'
import { wakeAt } from './slave-timers.ts'
import type { Slave, Trouble } from './state.ts'

/** So many unusable answers in a row cost no rest; the first rest; it doubles each time up to this. */
const LIMITS = {
  unusable: { free: 1, restMs: 250, restMsMax: 30_000 },
  declined: { free: 8, restMs: 250, restMsMax: 1_000 },
} as const

/** An offer to it had no usable answer, or was declined for no reason that is known. */
export function noteTrouble(
  core: Context,
  slave: Slave,
  is: Trouble['is'],
  reason: string,
  now: Monotonic,
): void {
  const before = slave.trouble
  // What was on its way beside another offer, or what says less than what is known.
  if (before?.resting || (before?.is === 'unusable' && is === 'declined')) return
  const count = before?.is === is ? before.count + 1 : 1
  const { free, restMs, restMsMax } = LIMITS[is]
  const ms = count > free ? Math.min(restMsMax, restMs * 2 ** (count - free - 1)) : 0
  slave.trouble = { is, count, reason, resting: ms > 0, until: later(now, ms) }
  core.registry.refresh(slave)
  if (ms > 0) wakeAt(core, slave, later(now, ms))
}

/** It answered as a slave does. */
function noteWell(core: Context, slave: Slave): void {
  if (!slave.trouble) return
  slave.trouble = null
  core.registry.refresh(slave)
}

/** Its rest is over when that time has come, or at once where `now` is not said. */
export function endRest(core: Context, slave: Slave, now = NEVER): void {
  if (!slave.trouble?.resting || slave.trouble.until > now) return
  slave.trouble.resting = false
  core.registry.refresh(slave)
}

/** What its answers to a list of offers say of itself. */
export function judgeAnswers(
  core: Context,
  slave: Slave,
  state: SlaveState,
  answers: OfferAnswer[],
  now: Monotonic,
): void {
  const [first] = answers
  if (!first) return
  const hasRoom = state.mode === 'accepting' && state.free > 0
  const another = state.boot !== slave.boot
  const declines = ({ answer }: OfferAnswer): boolean =>
    another || (hasRoom && (answer === 'busy' || answer === 'draining' || answer === 'unwilling'))
  const isAllDeclined = answers.every((each) => each.answer !== 'taken' && declines(each))
  if (!isAllDeclined) return noteWell(core, slave)
  const reason = `${first.answer}${first.reason === '' ? '' : `: ${first.reason}`}`
  noteTrouble(core, slave, 'declined', reason, now)
}
