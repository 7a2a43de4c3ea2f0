// Recognizes the trail that nearly every task has, and that its other columns say already: one slave was
// asked and took it, and then it was done. The view `tasks` (migrations.ts) writes it out on reads.

import type { TaskUpdate, TrailEntry } from './store.ts'

/**
 * How long the one slave that was asked took to accept, in whole microseconds, when the trail says
 * nothing else; null when it says more, or less.
 */
export function askedUsOf({ status, startedAt, endedAt, slave, trail }: TaskUpdate): number | null {
  const [taken, done] = trail
  if (taken?.ms === undefined || startedAt === null || slave === null) return null
  if (taken.at !== startedAt || !isPlain(taken, 'taken', slave)) return null
  const isUsual =
    status === 'in progress'
      ? trail.length === 1
      : status === 'done' &&
        trail.length === 2 &&
        done !== undefined &&
        isPlain(done, 'done', slave) &&
        done.ms === undefined &&
        done.at === endedAt
  return isUsual ? Math.round(taken.ms * 1000) : null
}

const isPlain = (entry: TrailEntry, event: TrailEntry['event'], slave: string): boolean =>
  entry.event === event &&
  entry.slave === slave &&
  entry.reason === undefined &&
  entry.why === undefined &&
  entry.knownMs === undefined &&
  entry.attempt === undefined
