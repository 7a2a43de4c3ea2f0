// Owns transactions on the SQLite file, what an error of the disk means, the room kept for outcomes,
// and when the write-ahead log is copied into the file. Must not know what is written.
//
//   working --(no room for an outcome)--> on the reserve: inserts refused --(room again)--> working
//   any -------(any other error of the disk)--> stopped: every call is answered with that error
//
// SQLite's own automatic checkpoint is off: it hides a failed fsync of the file and tries it again,
// and Linux may report such a failure only once. Ours stops the store, and runs after the turn in
// which the log grew, so that the answers of that turn do not wait for it.
import type { DatabaseSync } from 'node:sqlite'
import { pragmaOf, uncopiedPagesOf } from '../../shared/sqlite/database.ts'
import { SQLITE, sqliteCode } from '../../shared/sqlite/errors.ts'
import type { Guard } from './guard.ts'
import type { Reserve } from './reserve.ts'
import { StoreConflictError, StoreFullError } from './store.ts'

/** The log's length is asked for once in so many transactions: asking is cheap but not free. */
const CHECK_EVERY = 8

/** `checkpointPages` is how long the log may grow, about, before it is copied into the file. */
export function createTransactions(
  database: DatabaseSync,
  reserve: Reserve,
  guard: Guard,
  checkpointPages: number,
) {
  const begin = database.prepare('BEGIN IMMEDIATE')
  const end = database.prepare('COMMIT')
  const logPages = uncopiedPagesOf(database)
  const copyLog = database.prepare('PRAGMA wal_checkpoint(PASSIVE)')
  const truncateLog = database.prepare('PRAGMA wal_checkpoint(TRUNCATE)')
  const freePages = database.prepare('PRAGMA freelist_count')
  const pageBytes = pragmaOf(database, 'page_size')
  let checkpoint: NodeJS.Immediate | undefined
  let transactions = 0

  return {
    /**
     * Runs `change` as one transaction, durable after the next sync of the log, or returns why nothing of it was written.
     * `inserts`: it makes new tasks, for which the reserve is not given up.
     */
    write(change: () => void, inserts: boolean): Error | undefined {
      if (guard.stopped) return guard.stopped
      const isFull = inserts && !reserve.restore(freeBytes)
      if (guard.stopped) return guard.stopped
      if (isFull) return new StoreFullError('the disk is full')
      let error = attempt(change)
      if (error instanceof StoreFullError && !inserts) error = attemptWithLessRoom(change)
      if (error && !(error instanceof StoreFullError) && !(error instanceof StoreConflictError)) {
        guard.stop(error)
      }
      return error
    },

    /**
     * Truncates the log when little of it is not in the file yet; else copies it into the file, and
     * gives false.
     */
    truncateLog(): boolean {
      const isShort = figure(logPages) <= checkpointPages
      if (!guard.stopped) copyLogNow(isShort ? truncateLog : copyLog)
      return isShort
    },

    /** Copies the log into the file, truncates it and closes the file. Idempotent. */
    close(): void {
      clearImmediate(checkpoint)
      guard.stop(new Error('the store is closed'))
      if (database.isOpen) database.close()
    },
  }

  function attempt(change: () => void): Error | undefined {
    try {
      begin.run()
      change()
      end.run()
    } catch (error) {
      return rollback(error)
    }
    transactions++
    if (
      transactions % CHECK_EVERY === 0 &&
      checkpoint === undefined &&
      figure(logPages) > checkpointPages
    ) {
      checkpoint = setImmediate(() => copyLogNow())
    }
    return undefined
  }

  // A log that is copied into the file is written anew from its start, which needs no room; copying
  // may need some itself, and so may the change: for both there is the reserve.
  function attemptWithLessRoom(change: () => void): Error | undefined {
    copyLogNow()
    const error = guard.stopped ?? attempt(change)
    if (!(error instanceof StoreFullError) || !reserve.release()) return error
    copyLogNow()
    return guard.stopped ?? attempt(change)
  }

  function rollback(error: unknown): Error {
    try {
      if (database.isTransaction) database.exec('ROLLBACK')
    } catch (cause) {
      return new Error('a transaction could not be rolled back', { cause })
    }
    const code = sqliteCode(error)
    if (code === SQLITE.FULL) return new StoreFullError('the disk is full', { cause: error })
    if (code === SQLITE.CONSTRAINT) {
      return new StoreConflictError('a task with this id or idempotency key is stored already', {
        cause: error,
      })
    }
    return guard.judge(error) as Error
  }

  function copyLogNow(how = copyLog): void {
    clearImmediate(checkpoint)
    checkpoint = undefined
    try {
      how.get()
    } catch (error) {
      // Without room the log keeps what it has, and grows.
      if (sqliteCode(error) !== SQLITE.FULL) guard.stop(guard.judge(error) as Error)
    }
  }

  function freeBytes(): number {
    return figure(() => Number(freePages.get()?.freelist_count) * pageBytes)
  }

  /** A figure of the file; 0 when it cannot be read: then the store has stopped. */
  function figure(read: () => number): number {
    try {
      return guard.run(read)
    } catch (error) {
      guard.stop(error as Error)
      return 0
    }
  }
}
