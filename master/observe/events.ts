// Everything that happened, numbered, once it is saved. The newest events are kept, so that a reader that
// lost its connection continues where it was. Followers (the stream of GET /events, the overview of the
// page) are called at once and must not be slow.
//
//   dispatcher, jobs, slave watch --> add --> ring (the newest EVENTS_MAX) --> followers

import type { Event } from '../core/events.ts'

/** Number of events kept for readers that reconnect. */
export const EVENTS_MAX = 10_000

export type Numbered = { number: number; event: Event }

export type Events = ReturnType<typeof createEvents>

export function createEvents(most = EVENTS_MAX) {
  const ring: Event[] = []
  const followers = new Set<(event: Event, number: number) => void>()
  /** The number of the newest; the first event has the number 1. */
  let newest = 0

  return {
    add(event: Event): void {
      ring[newest % most] = event
      newest++
      for (const follow of followers) follow(event, newest)
    },

    /** Calls `follow` with every event from now on, until the function that it gives is called. */
    follow(follow: (event: Event, number: number) => void): () => void {
      followers.add(follow)
      return () => void followers.delete(follow)
    },

    /** The events after a number, and how many of those that came after it are no longer kept. */
    since(number: number): { missed: number; events: Numbered[] } {
      const first = Math.max(number, newest - most, 0) + 1
      const events: Numbered[] = []
      for (let at = first; at <= newest; at++) {
        events.push({ number: at, event: ring[(at - 1) % most] as Event })
      }
      return { missed: first - 1 - number, events }
    },

    get newest() {
      return newest
    },
  }
}
