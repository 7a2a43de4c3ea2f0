// Backoff for slaves that are alive but give unusable answers to offers: an error, another service's answer,
// or none in time. Each such answer increases the pause before the next offer, so that the number of
// requests to one slave is bounded whatever it answers. Pure.
//
//   well --(unusable answer)--> doubted --(another)--> resting --(the rest is over)--> on trial
//    ^                             |                      ^                               |
//    +-------(usable answer)-------+----------------------+-------(unusable answer)-------+
//
// A slave that is doubted or on trial gets one offer at a time. One lost answer causes no pause:
// networks lose some. A slave that declines offers although it reports free slots pauses too, after
// more of them and for a short time: it may decline only tasks of some size.

import type { Monotonic } from '../../shared/data/clock.ts'
import { later, NEVER } from '../../shared/data/clock.ts'
import type { OfferAnswer, SlaveState } from '../../shared/protocol/wire.ts'
import type { Context } from './context.ts'
import { wakeAt } from './slave-timers.ts'
import type { Slave, Trouble } from './state.ts'

/** Consecutive unusable answers that cause no pause; the first pause; its maximum after doubling. */
const LIMITS = {
  unusable: { free: 1, restMs: 250, restMsMax: 30_000 },
  declined: { free: 8, restMs: 250, restMsMax: 1_000 },
} as const

/** Notes an offer that got no usable answer, or was declined without a known reason. */
export function noteTrouble(
  core: Context,
  slave: Slave,
  is: Trouble['is'],
  reason: string,
  now: Monotonic,
): void {
  const before = slave.trouble
  // Sent together with another offer, or less severe than what is already known.
  if (before?.resting || (before?.is === 'unusable' && is === 'declined')) return
  const count = before?.is === is ? before.count + 1 : 1
  const { free, restMs, restMsMax } = LIMITS[is]
  const ms = count > free ? Math.min(restMsMax, restMs * 2 ** (count - free - 1)) : 0
  slave.trouble = { is, count, reason, resting: ms > 0, until: later(now, ms) }
  core.registry.refresh(slave)
  if (ms > 0) wakeAt(core, slave, later(now, ms))
}

/** Notes a usable answer. */
function noteWell(core: Context, slave: Slave): void {
  if (!slave.trouble) return
  slave.trouble = null
  core.registry.refresh(slave)
}

/** Ends its pause when the time has come, or at once without `now`. */
export function endRest(core: Context, slave: Slave, now = NEVER): void {
  if (!slave.trouble?.resting || slave.trouble.until > now) return
  slave.trouble.resting = false
  core.registry.refresh(slave)
}

/** Judges a slave by its answers to a list of offers. */
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
