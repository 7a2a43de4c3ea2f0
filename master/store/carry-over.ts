// Carries the tasks of a store of an earlier form over to the tables of this one, when it is opened: in
// portions, each a transaction that also removes what it carried. So it needs little room, and a start
// that was interrupted goes on at the next. 100,000 tasks take about a second.
//
// Versions before ids had a counter drew 12 random bits in its place, so two of their tasks can have the
// same number, and out of order. Those are given the next number that is free, and `odd_ids` says so.

import type { DatabaseSync, SQLInputValue } from 'node:sqlite'
import { inTransaction } from '../../shared/sqlite/database.ts'
import { createRowList, rowOf } from './row-lists.ts'
import { BEFORE_ALL, numberOf, tailOf } from './task-numbers.ts'

const PORTION_ROWS = 5_000
/** It says how far it is after the first portion, and after so many. */
const SAY_PORTIONS = 20

const ACCEPTED = `kind, priority, createdAt, runLimitMs, queueMs, nullif(tags, '[]'), client,
  idempotencyKey, requestHash, trace, work, input, NULL`
const PROGRESS = `status, startedAt, endedAt, slave, attempt, tries, waitUntil, NULL, trail, outcome`
const ACCEPTED_COUNT = 13
const PROGRESS_COUNT = 10

/** Whether tasks of an earlier form are in the file, and not carried over yet. */
export const hasTasksBefore = (database: DatabaseSync): boolean =>
  database.prepare(`SELECT 1 FROM sqlite_schema WHERE name = 'tasks_before'`).get() !== undefined

/** Carries all tasks over. `say` hears, from time to time, how many have been. */
export function carryOver(database: DatabaseSync, say: (rows: number) => void): void {
  if (!hasTasksBefore(database)) return
  const portion = database.prepare(
    `SELECT id, ${ACCEPTED}, ${PROGRESS} FROM tasks_before ORDER BY id LIMIT ${PORTION_ROWS}`,
  )
  portion.setReturnArrays(true)
  const remove = database.prepare('DELETE FROM tasks_before WHERE id <= ?')
  const write = createWriter(database)
  const copyLog = database.prepare('PRAGMA wal_checkpoint(PASSIVE)')
  let last = Number(database.prepare('SELECT max(n) AS n FROM accepted').get()?.n ?? BEFORE_ALL)
  let carried = 0
  let portions = 0

  for (;;) {
    const rows = portion.all() as unknown as SQLInputValue[][]
    if (rows.length === 0) break
    inTransaction(database, () => {
      for (const [id, ...values] of rows) last = write.row(id as string, values, last)
      write.end()
      remove.run(rows.at(-1)?.[0] as string)
    })
    copyLog.get()
    carried += rows.length
    if (rows.length === PORTION_ROWS && portions++ % SAY_PORTIONS === 0) say(carried)
  }
  inTransaction(database, () => database.exec('DROP TABLE tasks_before'))
}

function createWriter(database: DatabaseSync) {
  const list = (table: string, width: number) =>
    createRowList(database, rowOf(width), (rows) => `INSERT INTO ${table} VALUES ${rows}`)
  const accepted = list('accepted', 2 + ACCEPTED_COUNT)
  const progress = {
    live: list('live', 1 + PROGRESS_COUNT),
    ended: list('ended', 1 + PROGRESS_COUNT),
  }
  const odd = list('odd_ids', 2)
  const all = [accepted, progress.live, progress.ended, odd]

  return {
    /** Adds a task that stands after number `last`; gives its number. */
    row(id: string, values: SQLInputValue[], last: number): number {
      const own = numberOf(id)
      const isOdd = own === undefined || own <= last
      const n = isOdd ? last + 1 : own
      if (isOdd) odd.values.push(id, n)
      accepted.values.push(n, isOdd ? id : tailOf(id), ...values.slice(0, ACCEPTED_COUNT))
      const [status] = values.slice(ACCEPTED_COUNT)
      const isLive = status === 'pending' || status === 'in progress'
      progress[isLive ? 'live' : 'ended'].values.push(n, ...values.slice(ACCEPTED_COUNT))
      return n
    },

    end(): void {
      for (const rows of all) rows.write()
    },
  }
}
