// The jobs' store and the blob index on one SQLite file of their own, opened in the calling thread.
// Every write is synced before it returns, and may wait for the disk: open.ts runs it beside the main
// thread.

import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import {
  checkIfSmall,
  inTransaction,
  migrate,
  openDatabase,
  shrinkIfSmall,
  uncopiedPagesOf,
} from '../../../shared/sqlite/database.ts'
import { SQLITE, sqliteCode } from '../../../shared/sqlite/errors.ts'
import { createGiveBack } from '../give-back.ts'
import type { StoreBrokenError } from '../guard.ts'
import { createGuard, watchGuards } from '../guard.ts'
import { StoreFullError } from '../store.ts'
import { assertLiveJobs, LOG_PAGES_MAX, MIGRATIONS, PRAGMAS } from './schema.ts'
import { createBlobTables } from './sqlite-blobs.ts'
import { createJobTables } from './sqlite-jobs.ts'

export type JobsFileOptions = {
  /** The file; `:memory:` keeps nothing beyond the process. */
  path: string
  /** The folder of the blobs: made where it is missing, and must stay where it is. */
  blobsFolder?: string
}

/** A master that is just closing has the file for a moment longer. In milliseconds. */
const BUSY_MS = 1_000

export type JobsFile = ReturnType<typeof openJobsFile>

/**
 * Opens or makes the file. Throws what SQLite throws when it cannot be opened. `onBroken` is called,
 * once at most, when the file is damaged or gone: then the master must stop.
 */
export function openJobsFile(
  { path, blobsFolder }: JobsFileOptions,
  onBroken?: (error: StoreBrokenError) => void,
) {
  if (path !== ':memory:') mkdirSync(dirname(path), { recursive: true })
  const database = openDatabase(path, { busyMs: BUSY_MS, pragmas: PRAGMAS }, prepare)
  if (blobsFolder !== undefined) mkdirSync(blobsFolder, { recursive: true })
  const guard = createGuard(path, onBroken)
  guard.watch()
  if (blobsFolder !== undefined) guard.watch([blobsFolder])
  const watch = watchGuards([guard])
  const logPages = uncopiedPagesOf(database)
  const giveBack = createGiveBack({ database, guard, write: tryToWrite, truncateLog })
  const access = { read: guard.run, write }
  const jobs = createJobTables(database, access)
  const blobs = createBlobTables(database, access)

  return {
    jobs: {
      ...jobs,
      trim(...given: Parameters<typeof jobs.trim>): number {
        giveBack.start()
        return jobs.trim(...given)
      },
    },
    blobs,
    /** Idempotent. */
    close(): void {
      watch.close()
      giveBack.close()
      if (database.isOpen) database.close()
    },
  }

  function write<T>(change: () => T): T {
    try {
      const written = guard.run(() => inTransaction(database, change))
      const gone = guard.lookNow()
      if (gone) throw gone
      return written
    } catch (error) {
      if (sqliteCode(error) !== SQLITE.FULL) throw error
      throw new StoreFullError('the disk is full', { cause: error })
    }
  }

  /** Gives whether it was written: a file that fails is reported by its guard. */
  function tryToWrite(change: () => void): boolean {
    try {
      write(change)
      return true
    } catch {
      return false
    }
  }

  /** Copies the log into the file, and truncates it when that was little: no step takes long. */
  function truncateLog(): boolean {
    try {
      return guard.run(() => {
        const isShort = logPages() <= LOG_PAGES_MAX
        database.exec(`PRAGMA wal_checkpoint(${isShort ? 'TRUNCATE' : 'PASSIVE'})`)
        return isShort
      })
    } catch {
      // Damage was reported by the guard. Without room the log keeps what it has.
      return true
    }
  }
}

/** Checks and completes the file. Throws when it is damaged, as far as that shows. */
function prepare(database: DatabaseSync): void {
  checkIfSmall(database)
  shrinkIfSmall(database)
  migrate(database, MIGRATIONS)
  assertLiveJobs(database)
}
