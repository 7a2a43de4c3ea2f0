// Simulated time: events in the order of their times, and of their making where times are equal.
// Each simulated process sees it through a clock of its own, which stops with the process.

import type { Clock, Monotonic, WallTime } from '../../../shared/data/clock.ts'
import { later, wallTime } from '../../../shared/data/clock.ts'
import { createHeap } from '../../../shared/data/heap.ts'

type Event = { at: number; number: number; run: () => void; heapIndex: number }

/** When simulated worlds begin. */
export const EPOCH = wallTime(0)

/** Between two events this many microtasks' turns are given to promises. */
const MICROTASK_TURNS = 1

export type SimulatedClock = ReturnType<typeof createSimulatedClock>

/**
 * The clocks of one machine, against true time: its wall clock is ahead or behind, and goes faster or
 * slower. Somebody may set it. It outlives the processes on the machine.
 */
export type Machine = { aheadMs: number; rate: number }

export const RIGHT: Readonly<Machine> = { aheadMs: 0, rate: 1 }

/** A process's life as its clock sees it. */
export type Life = { alive: boolean; pausedUntil: number }

export function createSimulatedClock(startAt = 0) {
  const events = createHeap<Event>((a, b) => (a.at === b.at ? a.number < b.number : a.at < b.at))
  let now = startAt
  let made = 0

  function at(time: number, run: () => void): () => void {
    const event: Event = { at: Math.max(time, now), number: made++, run, heapIndex: -1 }
    events.push(event)
    return () => void events.remove(event)
  }

  function wallOf({ aheadMs, rate }: Readonly<Machine>): WallTime {
    return later(EPOCH, now * rate + aheadMs)
  }

  return {
    now: () => now as Monotonic,
    /** What the wall clock of a machine says. */
    wallOf,
    /** The true time, since a fixed moment. */
    wall: () => later(EPOCH, now),
    at,
    soon: (run: () => void) => void at(now, run),

    /** How many events have been made. */
    get made() {
      return made
    },

    /** The clock that a process sees: nothing of it runs when it is dead, all waits while paused. */
    of(life: Life, machine: Readonly<Machine> = RIGHT): Clock {
      const guard = (run: () => void) => (): void => {
        if (!life.alive) return
        if (life.pausedUntil > now) return void at(life.pausedUntil, guard(run))
        run()
      }
      return {
        now: () => now as Monotonic,
        wall: () => wallOf(machine),
        at: (time, run) => at(time, guard(run)),
        soon: (run) => void at(now, guard(run)),
      }
    },

    /** Runs events until `done` says so, none is left, or `until` is reached. */
    async run({
      until = Number.POSITIVE_INFINITY,
      done = () => false,
    }: {
      until?: number
      done?: () => boolean
    } = {}): Promise<void> {
      while (!done()) {
        const next = events.peek()
        if (!next || next.at > until) {
          if (until !== Number.POSITIVE_INFINITY) now = Math.max(now, until)
          return
        }
        events.pop()
        now = next.at
        next.run()
        // oxlint-disable-next-line typescript/await-thenable -- a turn of the microtasks, the quick way
        for (let i = 0; i < MICROTASK_TURNS; i++) await undefined
      }
    },
  }
}
