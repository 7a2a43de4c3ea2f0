// The thread of the prototype's store: one table, one transaction for each list of rows, synced.

import { DatabaseSync } from 'node:sqlite'
import { parentPort, workerData } from 'node:worker_threads'

/** A new task (with its expression), or the result of one. */
export type Row = [id: number, expression: string | null, result: string | null]

const database = new DatabaseSync(workerData as string)
database.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -64000;
  CREATE TABLE tasks (id INTEGER PRIMARY KEY, expression TEXT, result TEXT)`)
const insert = database.prepare('INSERT INTO tasks (id, expression) VALUES (?, ?)')
const update = database.prepare('UPDATE tasks SET result = ? WHERE id = ?')

parentPort?.on('message', (rows: Row[]) => {
  database.exec('BEGIN')
  for (const [id, expression, result] of rows) {
    if (expression === null) update.run(result, id)
    else insert.run(id, expression)
  }
  database.exec('COMMIT')
  parentPort?.postMessage(rows.length)
})
