// How much one caller may ask at a time and in a while, so that one cannot crowd out the others. A
// caller is a key, a slave's name, or, where nobody is asked who they are, nobody at all. One small
// object each: a request costs two comparisons.

import { Problem } from '../shared/problems.ts'

/** What a caller has left, and what it has under way. */
export type Allowance = { left: number; at: number; underWay: number }

/** A burst may be this many seconds' worth. */
const BURST_SECONDS = 2
/** How often one address may come with what lets nobody in, in a minute; and how many are watched. */
const FAILURES_PER_MINUTE = 60
const ADDRESSES_MAX = 10_000

export type Limits = ReturnType<typeof createLimits>

export function createLimits(given: {
  requestsPerSecondMax: number
  requestsUnderWayMax: number
  now: () => number
}) {
  const { requestsPerSecondMax: rate, requestsUnderWayMax, now } = given
  const burst = rate * BURST_SECONDS
  const failures = new Map<string, { count: number; since: number }>()

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

    /** Somebody at this address was not let in. */
    failed(address: string): void {
      const time = now()
      const known = failures.get(address)
      if (known && time - known.since < 60_000) known.count++
      else {
        failures.delete(address)
        failures.set(address, { count: 1, since: time })
      }
      if (failures.size > ADDRESSES_MAX) failures.delete(failures.keys().next().value as string)
    },

    /** Throws `too-many-requests` when too many were not let in from there. */
    assertPatient(address: string): void {
      const known = failures.get(address)
      if (!known || known.count < FAILURES_PER_MINUTE) return
      const leftMs = known.since + 60_000 - now()
      if (leftMs > 0) throw tooMany('too often what came from there let nobody in', leftMs / 1000)
    },
  }
}

function tooMany(why: string, seconds: number): Problem {
  const headers = { 'retry-after': String(Math.max(1, Math.ceil(seconds))) }
  return new Problem('too-many-requests', why, {}, headers)
}
