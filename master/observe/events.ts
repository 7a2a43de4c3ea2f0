// What happens, numbered, as it becomes true for good: a task's end is told once it is saved. The
// newest are kept, so that a reader who lost its connection goes on where it was. Whoever follows -
// the stream of GET /events, the overview of the page - is called at once and must not be slow.
//
//   dispatcher, jobs, slave watch --> add --> ring (the newest EVENTS_MAX) --> followers

import type { WallTime } from '../../shared/data/clock.ts'

/** So many events are kept for readers who come back. */
export const EVENTS_MAX = 10_000

export type TaskEvent = {
  type: 'task'
  at: WallTime
  task: string
  kind: string
  status: string
  /** What befell it, in the words of its trail: `taken`, `retry`, `slave-lost`, `done` ... */
  event: string
  slave: string | null
  reason: string
  tries: number
  createdAt: WallTime
  /** When the offer that was taken went out; null when that is not known or nobody runs it. */
  askedAt: WallTime | null
  startedAt: WallTime | null
  /** At its end: how long it ran in its executor, in milliseconds; the rest was the way back. */
  ranMs: number | null
}

export type RefusedEvent = {
  type: 'refused'
  at: WallTime
  kind: string
  /** The type of the problem that the client heard. */
  problem: string
  detail: string
  /** What Retry-After said, in milliseconds; null when nothing. */
  retryAfterMs: number | null
}

export type SlaveEvent = {
  type: 'slave'
  at: WallTime
  slave: string
  /** `joined`, `left`, `restarted`, or `changed`: its state is another. */
  event: string
  state: string
  reason: string
}

export type JobEvent = {
  type: 'job'
  at: WallTime
  job: string
  kind: string
  status: string
  /** The stage that it is in, and how many of its parts are done. */
  stage: string | null
  done: number
  total: number
}

export type Event = TaskEvent | RefusedEvent | SlaveEvent | JobEvent
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
