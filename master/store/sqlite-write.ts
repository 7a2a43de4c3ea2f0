// Owns the statements that change the store, and what they keep in step: the totals, and which tasks
// are live. Each function here runs inside the transaction of its caller. Must not know transactions,
// errors or the disk.
//
// The changes of a commit are collected table by table and written as lists. Whether a task is live is
// known here, in memory: so no statement has to find out, and only the first end of a task counts.

import type { DatabaseSync } from 'node:sqlite'
import { createRowList } from './row-lists.ts'
import type { Change, TaskRecord, TaskStatus, TaskUpdate } from './store.ts'
import { createTaskLists } from './task-lists.ts'
import { numberOf } from './task-numbers.ts'

export type Totals = Record<TaskStatus, number>

type LiveStatus = 'pending' | 'in progress'
/** A task that has not ended: its number, its status as the totals count it, and the commit that wrote it. */
type Live = { n: number; status: LiveStatus; commit: number }

/** Prepares what changes the store; the totals and the live tasks are read once. */
export function createWriter(database: DatabaseSync) {
  const lists = createTaskLists(database)
  const removeFrom = (table: string) =>
    createRowList(database, '(?)', (rows) => `DELETE FROM ${table} WHERE n IN (VALUES ${rows})`)
  const removed = ['accepted', 'ended'].map(removeFrom)
  const removedIds = database.prepare('DELETE FROM odd_ids WHERE n = ?')
  const hasOddIds = database.prepare('SELECT 1 FROM odd_ids LIMIT 1').get() !== undefined
  const putSlave = database.prepare('REPLACE INTO slaves VALUES (?, ?, ?, ?)')
  const putKind = database.prepare('INSERT OR IGNORE INTO kinds VALUES (?)')
  const dropSlave = database.prepare('DELETE FROM slaves WHERE name = ?')
  const noteTotals = database.prepare(
    `UPDATE totals SET pending = ?, inProgress = ?, done = ?, failed = ?, cancelled = ?, expired = ?`,
  )
  const live = readLive(database)
  let totals = readTotals(database)
  let noted = { ...totals }
  let commit = 0
  /** How to take back what this transaction did to `live`. */
  const undo: { id: string; task: Live; status: LiveStatus | null }[] = []

  return {
    totals: (): Totals => ({ ...totals }),

    /** Writes these changes. Of several tasks, in no particular order; of one task, in their order. */
    apply(changes: readonly Change[]): void {
      commit++
      for (const change of changes) apply(change)
      lists.write()
    },

    /** Removes ended tasks. */
    remove(tasks: readonly { n: number; status: TaskStatus }[]): void {
      for (const { n, status } of tasks) {
        for (const rows of removed) rows.values.push(n)
        if (hasOddIds) removedIds.run(n)
        totals[status]--
      }
      for (const rows of removed) rows.write()
    },

    /** A transaction that is tried again begins with the totals of the one before. */
    begin: takeBack,

    /** Writes the totals, last in a transaction. */
    note(): void {
      const t = totals
      if (Object.keys(t).every((key) => t[key as TaskStatus] === noted[key as TaskStatus])) return
      noteTotals.run(t.pending, t['in progress'], t.done, t.failed, t.cancelled, t.expired)
    },

    committed(): void {
      noted = { ...totals }
      undo.length = 0
    },

    rolledBack: takeBack,
  }

  function takeBack(): void {
    totals = { ...noted }
    lists.clear()
    for (const rows of removed) rows.values.length = 0
    while (undo.length > 0) {
      const { id, task, status } = undo.pop() as (typeof undo)[number]
      if (status === null) live.delete(id)
      else {
        task.status = status
        live.set(id, task)
      }
    }
  }

  function apply(change: Change): void {
    if (change.do === 'insert') insertTask(change.task)
    else if (change.do === 'update') updateTask(change.task)
    else if (change.do === 'drop-slave') dropSlave.run(change.name)
    else if (change.do === 'put-kind') putKind.run(change.kind)
    else {
      const { name, url, position, drained } = change.slave
      putSlave.run(name, url, position, drained ? 1 : 0)
    }
  }

  function insertTask(task: TaskRecord): void {
    const { id, status } = task
    const n = numberOf(id)
    if (n === undefined) throw new Error(`no task can have the id ${id}`)
    lists.accept(n, task)
    totals[status]++
    if (!isLive(status)) return lists.end(n, task, false)
    const added = { n, status, commit }
    undo.push({ id, task: added, status: null })
    live.set(id, added)
    lists.move(n, task)
  }

  function updateTask(task: TaskUpdate): void {
    const { id, status } = task
    const known = live.get(id)
    if (known === undefined) return
    // What this commit has for it already is written first: the lists have no order among them.
    if (known.commit === commit) lists.write()
    known.commit = commit
    undo.push({ id, task: known, status: known.status })
    totals[known.status]--
    totals[status]++
    if (isLive(status)) {
      known.status = status
      return lists.move(known.n, task)
    }
    live.delete(id)
    lists.end(known.n, task, true)
  }
}

const isLive = (status: TaskStatus): status is LiveStatus =>
  status === 'pending' || status === 'in progress'

function readLive(database: DatabaseSync): Map<string, Live> {
  const rows = database.prepare('SELECT id, n, status FROM tasks WHERE n IN (SELECT n FROM live)')
  const live = new Map<string, Live>()
  for (const { id, n, status } of rows.iterate()) {
    live.set(id as string, { n: n as number, status: status as LiveStatus, commit: 0 })
  }
  return live
}

function readTotals(database: DatabaseSync): Totals {
  const row = database.prepare('SELECT * FROM totals').get() ?? {}
  return {
    pending: Number(row.pending),
    'in progress': Number(row.inProgress),
    done: Number(row.done),
    failed: Number(row.failed),
    cancelled: Number(row.cancelled),
    expired: Number(row.expired),
  }
}
