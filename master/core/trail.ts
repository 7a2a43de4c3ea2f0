// The trail of a task: what happened to it, in order. Pure.

import type { WallTime } from '../../shared/data/clock.ts'

/** One line of a task's trail: who was asked or what befell the task, when, and why. */
export type TrailEntry = {
  at: WallTime
  /** What happened: an answer of a slave (`taken`, `busy` ...), or `lost`, `retry`, `done` ... */
  event: string
  slave?: string
  /** Of what failed or was lost: known again after a start of the master, told to nobody. */
  attempt?: string
  /** In words. */
  reason?: string
  /** Milliseconds until the answer came. */
  ms?: number
  /** Not asked, because known; the answer's age in milliseconds. */
  knownMs?: number
}

/** A trail keeps its first and its last entries; how many fell out between is said in it. */
export const TRAIL_ENTRIES_MAX = 64
const TRAIL_HEAD = 24

/** Adds one line to a task's trail. */
export function note({ trail }: { trail: TrailEntry[] }, entry: TrailEntry): void {
  trail.push(entry)
  if (trail.length <= TRAIL_ENTRIES_MAX) return
  const middle = trail[TRAIL_HEAD] as TrailEntry
  const omitted = middle.event === 'omitted' ? Number.parseInt(middle.reason ?? '0', 10) : 1
  const [next] = trail.splice(TRAIL_HEAD + 1, 1) as [TrailEntry]
  trail[TRAIL_HEAD] = { at: next.at, event: 'omitted', reason: `${omitted + 1} entries` }
}
