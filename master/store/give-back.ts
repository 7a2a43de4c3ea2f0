// Returns free pages of a SQLite file to the disk, in steps that are short enough not to delay a turn,
// then truncates the log. SQLite keeps the pages of removed rows for new ones; after a peak that can
// be most of the file. A file needs `auto_vacuum = INCREMENTAL` for it (shared/sqlite/database.ts), else only
// the log is truncated.
//
//   idle --(a trim leaves many free pages)--> step, rest, step ... --(few are left)--> log truncated
//
// A log of which much is not in the file yet is copied in one step and truncated in the next.

import type { DatabaseSync } from 'node:sqlite'
import type { Guard } from './guard.ts'

/** Free pages to keep for the next rows. */
const KEPT_PAGES = 256
/**
 * A step should take about this long; its pages are halved above and doubled below half of it. Fewer than
 * `min` would not be quicker: each step waits for one sync of the disk.
 */
const STEP_MS = 10
const STEP_PAGES = { min: 32, max: 256 }
/** Pause after a step, as a multiple of its duration, and at least REST_MS_MIN. */
const REST_SHARE = 9
const REST_MS_MIN = 20

export type GiveBackOptions = {
  database: Pick<DatabaseSync, 'prepare' | 'exec' | 'isOpen'>
  guard: Pick<Guard, 'run'>
  /** Runs a change as one transaction; gives whether it was written. */
  write: (change: () => void) => boolean
  /**
   * Runs when no pages are left to return. Gives false when the log was copied only: then it runs once
   * more, after a pause.
   */
  truncateLog: () => boolean
}

export function createGiveBack({ database, guard, write, truncateLog }: GiveBackOptions) {
  const freePages = database.prepare('PRAGMA freelist_count')
  const isIncremental = database.prepare('PRAGMA auto_vacuum').get()?.auto_vacuum === 2
  let pages = STEP_PAGES.min
  let timer: NodeJS.Timeout | undefined
  let isCopied = false

  return {
    /** Call after each removal of rows, also of none: starts unless it is running. */
    start(): void {
      timer ??= later(REST_MS_MIN)
    },

    /** Idempotent. */
    close(): void {
      clearTimeout(timer)
    },
  }

  function later(ms: number): NodeJS.Timeout {
    // The timer does not keep the process alive.
    return setTimeout(step, ms).unref()
  }

  function step(): void {
    timer = undefined
    if (!database.isOpen) return
    const spare = isIncremental ? spareNow() : 0
    if (spare === null) return
    if (spare <= 0) return shortenLog()
    const began = performance.now()
    const count = Math.min(spare, pages)
    if (!write(() => database.exec(`PRAGMA incremental_vacuum(${count})`))) return
    const ms = performance.now() - began
    if (ms > STEP_MS) pages = Math.max(STEP_PAGES.min, pages >> 1)
    else if (ms < STEP_MS / 2) pages = Math.min(STEP_PAGES.max, pages * 2)
    timer = later(Math.max(REST_MS_MIN, REST_SHARE * ms))
  }

  /** Free pages that are not needed; null when the file cannot be read, which the guard has judged. */
  function spareNow(): number | null {
    try {
      return guard.run(() => Number(freePages.get()?.freelist_count) - KEPT_PAGES)
    } catch {
      return null
    }
  }

  function shortenLog(): void {
    const isDone = truncateLog() || isCopied
    isCopied = !isDone
    if (!isDone) timer = later(REST_MS_MIN)
  }
}
