// Rate limits per caller: requests per second (token bucket), concurrent requests, and failed
// authentications per address. A caller is a key or the name of a slave; without authentication there are no
// limits. They bound requests, not the share that a caller has of the slots, the queue or the jobs: those
// limits (--waiting-tasks-max, --live-jobs-max) are shared by all clients.
//
// @fastify/rate-limit is not used: it counts requests per time window only, neither those under way nor
// failures alone, and its asynchronous hook would run for every heartbeat, callback and POST /tasks. Here a
// request costs two comparisons.

import type { Monotonic } from '../../shared/data/clock.ts'
import { Problem } from '../../shared/protocol/problems.ts'

/** The tokens that a caller has left, as of `at`, and its requests under way. */
export type Allowance = { left: number; at: Monotonic; underWay: number }

/** Size of the bucket, as seconds of the rate. */
const BURST_SECONDS = 2
/** Failures are counted for this many addresses at most; the oldest goes first. */
const ADDRESSES_MAX = 10_000
const MINUTE_MS = 60_000

export type RateLimits = ReturnType<typeof createRateLimits>

export function createRateLimits(given: {
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

    /** Counts a request. Throws `too-many-requests`. */
    enter(caller: Allowance): void {
      if (caller.underWay >= requestsUnderWayMax) {
        throw tooMany(
          `${caller.underWay} requests of this caller are in progress, which is the maximum`,
          1,
        )
      }
      const time = now()
      caller.left = Math.min(burst, caller.left + ((time - caller.at) * rate) / 1000)
      caller.at = time
      if (caller.left < 1) {
        throw tooMany(`one caller may make ${rate} requests per second`, (1 - caller.left) / rate)
      }
      caller.left--
      caller.underWay++
    },

    leave: (caller: Allowance): void => void caller.underWay--,

    /** Counts a failed authentication from an address. Throws `too-many-requests` above the limit. */
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

    /** For a check that is expensive: throws `too-many-requests` before it is made. */
    assertPatient(where: string): void {
      const known = failures.get(where)
      const time = now()
      if (!known || time - known.since >= MINUTE_MS) return
      if (known.count >= given.refusalsPerMinuteMax) throw tooOften(known.since, time)
    },
  }
}

const tooOften = (since: Monotonic, time: Monotonic): Problem =>
  tooMany(
    'too many failed authentication attempts from this address',
    (since + MINUTE_MS - time) / 1000,
  )

function tooMany(why: string, seconds: number): Problem {
  const headers = { 'retry-after': String(Math.max(1, Math.ceil(seconds))) }
  return new Problem('too-many-requests', why, {}, headers)
}
