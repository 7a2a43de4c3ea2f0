// Finds the tasks that retention removes: ended ones, oldest first, that are too many or too old.
// Must not remove anything.

import type { DatabaseSync } from 'node:sqlite'
import { timeOf } from './sqlite-rows.ts'
import type { TaskStatus, TrimLimits } from './store.ts'
import { TRIM_SCAN_ROWS } from './store.ts'
import { BEFORE_ALL } from './task-numbers.ts'

export type Doomed = { n: number; status: TaskStatus }

/** Gives what finds tasks to remove; `totals` says how many there are. */
export function createTrimSearch(database: DatabaseSync, totals: () => Record<TaskStatus, number>) {
  const oldest = database.prepare(
    'SELECT n, status, createdAt, endedAt FROM tasks WHERE n > ? ORDER BY n',
  )
  const scanned = database.prepare(
    `SELECT n, status, endedAt FROM tasks WHERE n > ? ORDER BY n LIMIT ${TRIM_SCAN_ROWS}`,
  )
  const numberAt = database.prepare('SELECT n FROM accepted ORDER BY n LIMIT 1 OFFSET ?')
  const endedUpTo = database.prepare('SELECT n, status FROM ended WHERE n <= ? ORDER BY n LIMIT ?')
  /** The search for old tasks among newer ones goes on after this number. */
  let scanAfter = BEFORE_ALL

  return findDoomed

  // First those that are too many: of as many as a line may hold the oldest may all be live, and SQLite
  // steps over them much faster than this loop would.
  function findDoomed(limits: TrimLimits): Doomed[] {
    const { keepMax, rowsMax } = limits
    const counts = totals()
    const tooMany = Object.values(counts).reduce((sum, n) => sum + n) - keepMax
    // Among so many of the oldest enough have ended, however many more are too many.
    const enough = counts.pending + counts['in progress'] + rowsMax
    const upTo =
      tooMany > 0 ? (numberAt.get(Math.min(tooMany, enough) - 1)?.n as number) : BEFORE_ALL
    const doomed = tooMany > 0 ? (endedUpTo.all(upTo, rowsMax) as Doomed[]) : []
    addOld(doomed, upTo, limits)
    addOutOfOrder(doomed, limits)
    return doomed
  }

  // From the oldest, as long as a row can be one of them: a task that ended before a time was
  // accepted before it. What is stepped over is live, or was when the others ended: never much.
  function addOld(doomed: Doomed[], after: number, { endedBefore, rowsMax }: TrimLimits): void {
    for (const { n, status, createdAt, endedAt } of oldest.iterate(after)) {
      if (doomed.length >= rowsMax || timeOf(createdAt) >= endedBefore) break
      if (status === 'pending' || status === 'in progress') continue
      if (timeOf(endedAt) < endedBefore) doomed.push({ n, status } as Doomed)
    }
  }

  // Ids grow also while the wall clock is behind, so where that clock was ahead for a time, older tasks
  // stand after younger ones. A scan of a bounded number of rows a step finds them.
  function addOutOfOrder(doomed: Doomed[], { endedBefore, rowsMax }: TrimLimits): void {
    const known = new Set(doomed.map(({ n }) => n))
    const rows = scanned.all(scanAfter)
    for (const { n, status, endedAt } of rows) {
      if (doomed.length >= rowsMax) return
      scanAfter = n as number
      if (status === 'pending' || status === 'in progress' || known.has(scanAfter)) continue
      if (timeOf(endedAt) < endedBefore) doomed.push({ n, status } as Doomed)
    }
    if (rows.length < TRIM_SCAN_ROWS) scanAfter = BEFORE_ALL
  }
}
