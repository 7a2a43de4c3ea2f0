// How much one caller may ask at a time and in a while, so that one cannot crowd out the others. A
// caller is a key, a slave's name, or, where nobody is asked who they are, nobody at all. One small
// object each: a request costs two comparisons.

import type { Monotonic } from '../../shared/data/clock.ts'
import { Problem } from '../../shared/protocol/problems.ts'

/** What a caller has left, and what it has under way. */
export type Allowance = { left: number; at: Monotonic; underWay: number }

/** A burst may be this many seconds' worth. */
const BURST_SECONDS = 2
/** How many addresses are watched for what lets nobody in. */
const ADDRESSES_MAX = 10_000
const MINUTE_MS = 60_000

export type Limits = ReturnType<typeof createLimits>

export function createLimits(given: {
  requestsPerSecondMax: number
  requestsUnderWayMax: number
  refusalsPerMinuteMax: number
  now: () => Monotonic
}) {
  const { requestsPerSecondMax: rate, requestsUnderWayMax, now } = given
  const burst = rate * BURST_SECONDS
  const failures = new Map<string, { count: number; since: Monotonic }>()

  return {
    newAllowance: (): Allowance => ({ left: burst, at: now(), underWay: 0 }),

    /** Counts a request in. Throws `too-many-requests`. */
    enter(caller: Allowance): void {
      if (caller.underWay >= requestsUnderWayMax) {
        throw tooMany(`${caller.underWay} of its requests are under way already`, 1)
      }
      const time = now()
      caller.left = Math.min(burst, caller.left + ((time - caller.at) * rate) / 1000)
      caller.at = time
      if (caller.left < 1) {
        throw tooMany(`${rate} a second is what one caller may make`, (1 - caller.left) / rate)
      }
      caller.left--
      caller.underWay++
    },

    leave: (caller: Allowance): void => void caller.underWay--,

    /** Somebody there was not let in. Throws `too-many-requests` when that is too often. */
    failed(where: string): void {
      const time = now()
      let known = failures.get(where)
      if (!known || time - known.since >= MINUTE_MS) {
        failures.delete(where)
        failures.set(where, (known = { count: 0, since: time }))
        if (failures.size > ADDRESSES_MAX) failures.delete(failures.keys().next().value as string)
      }
      if (++known.count > given.refusalsPerMinuteMax) throw tooOften(known.since, time)
    },

    /** For what costs more than a look in a map: throws before it is tried. */
    assertPatient(where: string): void {
      const known = failures.get(where)
      const time = now()
      if (!known || time - known.since >= MINUTE_MS) return
      if (known.count >= given.refusalsPerMinuteMax) throw tooOften(known.since, time)
    },
  }
}

const tooOften = (since: Monotonic, time: Monotonic): Problem =>
  tooMany('too often what came from there let nobody in', (since + MINUTE_MS - time) / 1000)

function tooMany(why: string, seconds: number): Problem {
  const headers = { 'retry-after': String(Math.max(1, Math.ceil(seconds))) }
  return new Problem('too-many-requests', why, {}, headers)
}
