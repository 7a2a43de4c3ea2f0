// Owns the statements that change the store and the totals that they keep in step. Each function
// here runs inside the transaction of its caller. Must not know transactions, errors or the disk.

import type { DatabaseSync } from 'node:sqlite'
import type { WallTime } from '../../shared/data/clock.ts'
import { msOf } from '../../shared/data/clock.ts'
import type { Change, TaskRecord, TaskStatus, TaskUpdate } from './store.ts'

export type Totals = Record<TaskStatus, number>

const TASK_VALUES = 22

/** Prepares what changes the store; the totals are read once. */
export function createWriter(database: DatabaseSync) {
  const insert = database.prepare(
    `INSERT INTO tasks VALUES (${Array(TASK_VALUES).fill('?').join(', ')})`,
  )
  const updateFrom = {
    pending: database.prepare(updateSql('pending')),
    'in progress': database.prepare(updateSql('in progress')),
  }
  const remove = database.prepare('DELETE FROM tasks WHERE id = ?')
  const putSlave = database.prepare('REPLACE INTO slaves VALUES (?, ?, ?, ?)')
  const putKind = database.prepare('INSERT OR IGNORE INTO kinds VALUES (?)')
  const dropSlave = database.prepare('DELETE FROM slaves WHERE name = ?')
  const noteTotals = database.prepare(
    `UPDATE totals SET pending = ?, inProgress = ?, done = ?, failed = ?, cancelled = ?, expired = ?`,
  )
  let totals = readTotals(database)
  let noted = { ...totals }

  return {
    totals: (): Totals => ({ ...totals }),

    apply(change: Change): void {
      if (change.do === 'insert') insertTask(change.task)
      else if (change.do === 'update') updateTask(change.task)
      else if (change.do === 'drop-slave') dropSlave.run(change.name)
      else if (change.do === 'put-kind') putKind.run(change.kind)
      else {
        const { name, url, position, drained } = change.slave
        putSlave.run(name, url, position, drained ? 1 : 0)
      }
    },

    remove(id: string, status: TaskStatus): void {
      remove.run(id)
      totals[status]--
    },

    /** A transaction that is tried again begins with the totals of the one before. */
    begin(): void {
      totals = { ...noted }
    },

    /** Writes the totals, last in a transaction. */
    note(): void {
      const t = totals
      if (Object.keys(t).every((key) => t[key as TaskStatus] === noted[key as TaskStatus])) return
      noteTotals.run(t.pending, t['in progress'], t.done, t.failed, t.cancelled, t.expired)
    },

    committed(): void {
      noted = { ...totals }
    },

    rolledBack(): void {
      totals = { ...noted }
    },
  }

  function insertTask(task: TaskRecord): void {
    insert.run(
      task.id,
      task.status,
      task.kind,
      task.slave,
      json(task.tags),
      task.priority,
      msOf(task.createdAt),
      msOrNull(task.startedAt),
      msOrNull(task.endedAt),
      task.tries,
      task.runLimitMs,
      msOrNull(task.waitUntil),
      task.attempt,
      task.idempotencyKey,
      task.requestHash,
      json(task.trail),
      task.input,
      task.outcome,
      task.work,
      task.trace,
      task.client,
      task.queueMs,
    )
    totals[task.status]++
  }

  // The totals need the status that it had, which UPDATE does not give back: so the likelier one is
  // tried first, which is nearly always the only one.
  function updateTask(task: TaskUpdate): void {
    const likely = task.status === 'in progress' ? 'pending' : 'in progress'
    if (updateTaskFrom(likely, task)) return
    updateTaskFrom(likely === 'pending' ? 'in progress' : 'pending', task)
  }

  function updateTaskFrom(from: 'pending' | 'in progress', task: TaskUpdate): boolean {
    const { changes } = updateFrom[from].run(
      task.status,
      task.slave,
      msOrNull(task.startedAt),
      msOrNull(task.endedAt),
      task.tries,
      msOrNull(task.waitUntil),
      task.attempt,
      json(task.trail),
      task.outcome,
      task.id,
    )
    if (changes === 0) return false
    totals[from]--
    totals[task.status]++
    return true
  }
}

function updateSql(from: TaskStatus): string {
  return `UPDATE tasks SET status = ?, slave = ?, startedAt = ?, endedAt = ?, tries = ?,
    waitUntil = ?, attempt = ?, trail = ?, outcome = ? WHERE id = ? AND status = '${from}'`
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

const msOrNull = (time: WallTime | null): number | null => time && msOf(time)

function json(list: readonly unknown[]): string {
  return list.length === 0 ? '[]' : JSON.stringify(list)
}
