// The outbox's file: one SQLite table in the slave's data folder.

import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { Callback } from '../shared/wire.ts'
import type { OutboxDisk } from './outbox.ts'

/** Opens, or makes, the outbox in `folder`. Throws when it cannot be opened or is in use. */
export function openOutboxDisk(folder: string): OutboxDisk {
  mkdirSync(folder, { recursive: true })
  const db = new DatabaseSync(join(folder, 'outbox.sqlite'))
  db.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL')
  db.exec('CREATE TABLE IF NOT EXISTS outbox (attempt TEXT PRIMARY KEY, callback TEXT NOT NULL)')
  const select = db.prepare('SELECT callback FROM outbox ORDER BY rowid')
  const insert = db.prepare('INSERT OR REPLACE INTO outbox (attempt, callback) VALUES (?, ?)')
  const remove = db.prepare('DELETE FROM outbox WHERE attempt = ?')
  let open = true

  function inTransaction(run: () => void): void {
    db.exec('BEGIN')
    try {
      run()
      db.exec('COMMIT')
    } catch (error) {
      if (db.isTransaction) db.exec('ROLLBACK')
      throw error
    }
  }

  return {
    kept: () => select.all().map((row) => JSON.parse(row.callback as string) as Callback),
    keep: (callbacks) =>
      inTransaction(() => {
        for (const callback of callbacks) insert.run(callback.attempt, JSON.stringify(callback))
      }),
    drop: (attempts) =>
      inTransaction(() => {
        for (const attempt of attempts) remove.run(attempt)
      }),
    close: () => {
      if (open) db.close()
      open = false
    },
  }
}
