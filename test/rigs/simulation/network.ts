// A simulated network of requests and answers, as HTTP gives them: a request arrives or not, is
// handled once or, by a proxy's doing, twice; its answer comes back or not; and whoever asked hears
// once, at the latest when his patience is over.

import { PeerError } from '../../../shared/http/peer.ts'
import type { Life, SimulatedClock } from './clock.ts'

/** What may befall one request. Drawn anew for each by the network's weather. */
export type Fate = {
  /** Milliseconds there and back; Infinity: lost. */
  there: number
  back: number
  /** Handled a second time, this much later; its answer is lost. */
  again?: number
}

export type Weather = (from: string, to: string) => Fate

/** Names without scheme and moves: `http://slave-1-2` is slave-1. */
export function nameOf(place: string): string {
  const known = names.get(place)
  if (known !== undefined) return known
  const name = place.replace(/^http:\/\/(slave-\d+).*$/, '$1')
  names.set(place, name)
  return name
}
const names = new Map<string, string>()

export type Request<Reply> = {
  from: string
  to: string
  /** The receiving process: undefined when none listens there. Asked when the request arrives. */
  handle: ((answer: (error: PeerError | null, reply?: Reply) => void) => void) | undefined
  listens: () => boolean
  timeoutMs: number
  done: (error: PeerError | null, reply?: Reply) => void
}

export type Network = ReturnType<typeof createNetwork>

export function createNetwork(clock: SimulatedClock, weather: Weather) {
  let requests = 0

  return {
    get requests() {
      return requests
    },

    /** Runs what has arrived at a process: when it is paused, once it goes on. */
    whenAwake(life: Life, run: () => void): void {
      if (!life.alive) return
      if (life.pausedUntil > clock.now())
        clock.at(life.pausedUntil, () => this.whenAwake(life, run))
      else run()
    },

    request<Reply>({ from, to, handle, listens, timeoutMs, done }: Request<Reply>): void {
      requests++
      const { there, back, again } = weather(from, to)
      let open = true
      const callOff = clock.at(clock.now() + timeoutMs, () =>
        finish(new PeerError('response timeout', true)),
      )
      if (Number.isFinite(there)) after(there, arrive)
      if (again !== undefined && Number.isFinite(there)) after(there + again, arriveAgain)

      function arrive(): void {
        if (!listens())
          return after(there, () => finish(new PeerError('connection refused', false)))
        handle?.((error, reply) => {
          if (Number.isFinite(back)) after(back, () => finish(error, reply))
        })
      }

      function arriveAgain(): void {
        if (listens()) handle?.(() => {})
      }

      function finish(error: PeerError | null, reply?: Reply): void {
        if (!open) return
        open = false
        callOff()
        done(error, reply)
      }
    },
  }

  function after(ms: number, run: () => void): void {
    if (ms === 0) run()
    else clock.at(clock.now() + ms, run)
  }
}

/** Copies what crosses the network, so that no process sees into another's memory. */
export const copy = <T>(value: T): T => asJson(value) as T

/** What JSON makes of a value and back, in half the time. */
function asJson(value: unknown): unknown {
  if (typeof value === 'number') return Number.isFinite(value) ? value : null
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map((each) => asJson(each) ?? null)
  const made: Record<string, unknown> = {}
  for (const key of Object.keys(value)) {
    const each = asJson((value as Record<string, unknown>)[key])
    if (each !== undefined) made[key] = each
  }
  return made
}
