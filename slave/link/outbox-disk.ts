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
import type { OutboxStore } from './outbox-store.ts'
import { readCallback } from './raw-inputs.ts'

const FILE_NAME = 'outbox.sqlite'

/** Time that another slave may take to close the file. In milliseconds. */
const BUSY_TIMEOUT_MS = 1_000

/** The file is nearly always empty: each commit returns free pages. */
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
 * Opens or makes the outbox in `folder`, and keeps it locked until it is closed. It works in this thread,
 * in the turn of each call: outcomes are on disk also when the process ends right afterwards. Rejects, as
 * does `load`, with a UsageError that says what to do when the outbox is in use or cannot be read, and with
 * a NoRoomError when the disk is full.
 */
export async function openOutboxDisk(folder: string): Promise<OutboxStore> {
  const path = join(folder, FILE_NAME)
  let { table, presence } = inWords(folder, open)

  return {
    load: async () => inWords(folder, table.load),
    keep: async (callbacks) => table.keep(callbacks),
    drop: async (attempts) => table.drop(attempts),
    gone: async () => presence.change(),
    async renew() {
      table.close()
      ;({ table, presence } = open())
    },
    close: async () => table.close(),
  }

  function open() {
    mkdirSync(folder, { recursive: true })
    const table = openTable(path)
    return { table, presence: createPresence([folder, path, `${path}-wal`]) }
  }
}

/** Runs what a start needs; its errors say what to do. */
function inWords<T>(folder: string, run: () => T): T {
  try {
    return run()
  } catch (error) {
    if (isFullDisk(error, join(folder, FILE_NAME))) {
      const words = `the disk has no space for results in ${folder} (${(error as Error).message}): free space, or start with another --data folder`
      throw new NoRoomError(words, { cause: error })
    }
    throw new UsageError(`the folder ${folder} ${words(error as Error)}`, { cause: error })
  }
}

function words(error: Error): string {
  const { message } = error
  const code = sqliteCode(error)
  return code === SQLITE.BUSY || code === SQLITE.LOCKED
    ? 'is in use by another slave: stop that slave, or start this one with another --data folder'
    : `cannot store results (${message}): repair it, or start with another --data folder`
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
    load: (): Callback[] => select.all().map((row) => readCallback(String(row.callback))),
    keep: (callbacks: readonly Callback[]): void =>
      inTransaction(db, () => {
        for (const callback of callbacks) insert.run(callback.attempt, encode(callback))
      }),
    drop: (attempts: readonly string[]): void =>
      inTransaction(db, () => {
        for (const attempt of attempts) remove.run(attempt)
      }),
    close: (): void => {
      if (db.isOpen) db.close()
    },
  }
}
