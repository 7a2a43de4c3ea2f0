// The outbox's file: one SQLite table in the slave's data folder.

import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { encode } from '../../shared/data/raw-json.ts'
import { createPresence } from '../../shared/process/file-presence.ts'
import { NoRoomError, UsageError } from '../../shared/process/usage-error.ts'
import type { Callback } from '../../shared/protocol/wire.ts'
import type { Migration } from '../../shared/sqlite/database.ts'
import { checkIfSmall, inTransaction, migrate, openDatabase } from '../../shared/sqlite/database.ts'
import { isFullDisk, SQLITE, sqliteCode } from '../../shared/sqlite/errors.ts'
import type { OutboxDisk } from './outbox.ts'
import { readCallback } from './raw-inputs.ts'

const FILE_NAME = 'outbox.sqlite'

/** A slave that is just closing has the file for a moment longer. In milliseconds. */
const BUSY_TIMEOUT_MS = 1_000

/** The file is nearly always empty: free pages are returned with each commit. */
const PRAGMAS = `
  PRAGMA locking_mode = EXCLUSIVE;
  PRAGMA auto_vacuum = FULL;
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = FULL;
  PRAGMA journal_size_limit = 1048576;
`

const MIGRATIONS: readonly Migration[] = [
  // Files of earlier versions have this table and no version.
  'CREATE TABLE IF NOT EXISTS outbox (attempt TEXT PRIMARY KEY, callback TEXT NOT NULL)',
]

/**
 * Opens or makes the outbox in `folder`, and keeps it locked until it is closed. Throws UsageError, with
 * words about what to do, when it is in use or cannot be opened, and NoRoomError when the disk is full.
 */
export function openOutboxDisk(folder: string): OutboxDisk {
  try {
    return openIn(folder)
  } catch (error) {
    if (isFullDisk(error, join(folder, FILE_NAME))) {
      const words = `the disk has no room for results in ${folder} (${(error as Error).message}): make room, or start with another --data folder`
      throw new NoRoomError(words, { cause: error })
    }
    throw new UsageError(`the folder ${folder} ${words(error as Error)}`, { cause: error })
  }
}

/** The outbox in its folder, which may be removed while it is open. */
function openIn(folder: string): OutboxDisk {
  const path = join(folder, FILE_NAME)
  let { table, presence } = open()
  const kept = table.kept()

  return {
    kept: () => kept,
    keep: (callbacks: Callback[]): void => table.keep(callbacks),
    drop: (attempts) => table.drop(attempts),
    gone: () => presence.change(),
    renew(): void {
      table.close()
      ;({ table, presence } = open())
    },
    close: () => table.close(),
  }

  function open() {
    mkdirSync(folder, { recursive: true })
    const table = openTable(path)
    return { table, presence: createPresence([folder, path, `${path}-wal`]) }
  }
}

function words(error: Error): string {
  const { message } = error
  const code = sqliteCode(error)
  return code === SQLITE.BUSY || code === SQLITE.LOCKED
    ? 'is in use by another slave: stop that one, or start this one with another --data folder'
    : `cannot keep results (${message}): mend it, or start with another --data folder`
}

function prepare(db: DatabaseSync): void {
  migrate(db, MIGRATIONS)
  checkIfSmall(db)
}

function openTable(path: string) {
  const db = openDatabase(path, { busyMs: BUSY_TIMEOUT_MS, pragmas: PRAGMAS }, prepare)
  const select = db.prepare('SELECT callback FROM outbox ORDER BY rowid')
  const insert = db.prepare('INSERT OR REPLACE INTO outbox (attempt, callback) VALUES (?, ?)')
  const remove = db.prepare('DELETE FROM outbox WHERE attempt = ?')

  return {
    kept: (): Callback[] => select.all().map((row) => readCallback(String(row.callback))),
    keep: (callbacks: Callback[]): void =>
      inTransaction(db, () => {
        for (const callback of callbacks) insert.run(callback.attempt, encode(callback))
      }),
    drop: (attempts: string[]): void =>
      inTransaction(db, () => {
        for (const attempt of attempts) remove.run(attempt)
      }),
    close: (): void => {
      if (db.isOpen) db.close()
    },
  }
}
