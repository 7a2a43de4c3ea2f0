// What all our SQLite files share: opening, transactions, numbered migrations, the check and the
// shrinking at a start. Must not know what is stored.

import { DatabaseSync } from 'node:sqlite'
import { DamagedError, NewerFileError, SQLITE, sqliteCode } from './errors.ts'

/** A file that is not larger is read as a whole when it is opened: about 100 ms. In bytes. */
const CHECKED_BYTES_MAX = 32 << 20

/**
 * One step from one version of a file to the next: SQL, or a function. A released step is never
 * edited; a later change is a step below it.
 */
export type Migration = string | ((database: DatabaseSync) => void)

/**
 * Opens or makes the file at `path`, runs the pragmas, then `prepare`. When either throws, the file is
 * closed again. `busyMs`: how long to wait for another connection that has the file locked.
 */
export function openDatabase(
  path: string,
  { busyMs, pragmas }: { busyMs: number; pragmas: string },
  prepare: (database: DatabaseSync) => void,
): DatabaseSync {
  const database = new DatabaseSync(path, { timeout: busyMs })
  try {
    database.exec(pragmas)
    prepare(database)
    return database
  } catch (error) {
    database.close()
    throw error
  }
}

/** Runs `change` as one transaction and gives what it returns. When it throws, nothing is written. */
export function inTransaction<T>(database: DatabaseSync, change: () => T): T {
  database.exec('BEGIN IMMEDIATE')
  try {
    const result = change()
    database.exec('COMMIT')
    return result
  } catch (error) {
    if (database.isTransaction) database.exec('ROLLBACK')
    throw error
  }
}

/** The value of a pragma that is a number, such as `user_version`. */
export function pragmaOf(database: DatabaseSync, name: string): number {
  return Number(database.prepare(`PRAGMA ${name}`).get()?.[name])
}

/**
 * Runs the steps that the file has not had yet, in order, each in its own transaction. The file's
 * version (`user_version`) is the number of steps that it has had. `applicationId` marks the file as
 * ours. Gives the version before. Throws NewerFileError when the file has had more steps.
 */
export function migrate(
  database: DatabaseSync,
  steps: readonly Migration[],
  applicationId?: number,
): number {
  const version = pragmaOf(database, 'user_version')
  if (version > steps.length) throw new NewerFileError(version, steps.length)
  for (const [index, step] of steps.entries()) {
    if (index < version) continue
    inTransaction(database, () => {
      // Another process may have run this step since.
      if (pragmaOf(database, 'user_version') > index) return
      if (typeof step === 'string') database.exec(step)
      else step(database)
      if (applicationId !== undefined) database.exec(`PRAGMA application_id = ${applicationId}`)
      database.exec(`PRAGMA user_version = ${index + 1}`)
    })
  }
  return version
}

/** A function that counts the pages of the write-ahead log that are not in the file yet. */
export function uncopiedPagesOf(database: DatabaseSync): () => number {
  const state = database.prepare('PRAGMA wal_checkpoint(NOOP)')
  return () => {
    const row = state.get()
    return Number(row?.log) - Number(row?.checkpointed)
  }
}

/** Reads a small file from end to end. Throws DamagedError where it is damaged. */
export function checkIfSmall(database: DatabaseSync): void {
  if (bytesOf(database) > CHECKED_BYTES_MAX) return
  const finding = String(database.prepare('PRAGMA integrity_check(1)').get()?.integrity_check)
  if (finding !== 'ok') throw new DamagedError(finding.split('\n').join(' '))
}

/**
 * Makes a small file of an earlier version return its free pages, by rewriting it (VACUUM): about
 * 100 ms. A larger file stays as it is until an operator runs `PRAGMA auto_vacuum = INCREMENTAL; VACUUM`
 * on it while no process has it open. Does nothing where the disk has no room for that.
 */
export function shrinkIfSmall(database: DatabaseSync): void {
  if (pragmaOf(database, 'auto_vacuum') !== 0) return
  if (bytesOf(database) > CHECKED_BYTES_MAX) return
  try {
    database.exec('PRAGMA auto_vacuum = INCREMENTAL; VACUUM')
  } catch (error) {
    if (sqliteCode(error) !== SQLITE.FULL) throw error
  }
}

const bytesOf = (database: DatabaseSync): number =>
  pragmaOf(database, 'page_count') * pragmaOf(database, 'page_size')
