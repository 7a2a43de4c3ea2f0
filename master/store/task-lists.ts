// Owns how a task is written: which values go into which columns of `accepted`, `live` and `ended`. The
// usual task has a shorter row, with what is usual about it as part of the statement.

import type { DatabaseSync } from 'node:sqlite'
import type { WallTime } from '../../shared/data/clock.ts'
import { msOf } from '../../shared/data/clock.ts'
import type { RowList } from './row-lists.ts'
import { createRowList, rowOf } from './row-lists.ts'
import type { TaskRecord, TaskUpdate } from './store.ts'
import { tailOf } from './task-numbers.ts'
import { askedUsOf } from './usual-trail.ts'

// The columns are those of migrations.ts, in their order.
const ACCEPTED = rowOf(15)
const PROGRESS = rowOf(11)
/** Without tags, client, key, hash, trace, work and terms; of priority 0. */
const PLAIN = '(?, ?, ?, 0, ?, ?, ?, NULL, NULL, NULL, NULL, NULL, NULL, ?, NULL)'
const PENDING = `(?, 'pending', NULL, NULL, NULL, NULL, ?, ?, NULL, ?, NULL)`
const RUNNING = `(?, 'in progress', ?, NULL, ?, ?, ?, ?, ?, ?, NULL)`
const DONE = `(?, 'done', ?, ?, ?, NULL, ?, ?, ?, ?, ?)`

export type TaskLists = ReturnType<typeof createTaskLists>

export function createTaskLists(database: DatabaseSync) {
  const into = (table: string, row: string) =>
    createRowList(database, row, (rows) => `REPLACE INTO ${table} VALUES ${rows}`)
  const fresh = (table: string, row: string) =>
    createRowList(database, row, (rows) => `INSERT INTO ${table} VALUES ${rows}`)
  const accepted = fresh('accepted', ACCEPTED)
  const plain = fresh('accepted', PLAIN)
  const live = into('live', PROGRESS)
  const pending = into('live', PENDING)
  const running = into('live', RUNNING)
  const ended = fresh('ended', PROGRESS)
  const done = fresh('ended', DONE)
  const over = createRowList(
    database,
    '(?)',
    (rows) => `DELETE FROM live WHERE n IN (VALUES ${rows})`,
  )
  const all = [accepted, plain, live, pending, running, ended, done, over]

  return {
    /** What it was accepted with. */
    accept(n: number, task: TaskRecord): void {
      const { id, kind, runLimitMs, queueMs, input } = task
      const createdAt = msOf(task.createdAt)
      if (isPlain(task)) {
        plain.values.push(n, tailOf(id), kind, createdAt, runLimitMs, queueMs, input)
        return
      }
      const tags = task.tags.length === 0 ? null : JSON.stringify(task.tags)
      const { priority, client, idempotencyKey: key, requestHash, trace, work, terms } = task
      accepted.values.push(n, tailOf(id), kind, priority, createdAt, runLimitMs, queueMs)
      accepted.values.push(tags, client, key, requestHash, trace, work, input, terms)
    },

    /** Where it stands, while it is live. */
    move(n: number, task: TaskUpdate): void {
      const { slave, attempt, tries } = task
      const startedAt = msOrNull(task.startedAt)
      const waitUntil = msOrNull(task.waitUntil)
      const { askedUs, trail } = trailOf(task)
      const isUsual = task.endedAt === null && task.outcome === null
      if (isUsual && task.status === 'in progress') {
        running.values.push(n, startedAt, slave, attempt, tries, waitUntil, askedUs, trail)
      } else if (
        isUsual &&
        task.status === 'pending' &&
        slave === null &&
        attempt === null &&
        startedAt === null
      ) {
        pending.values.push(n, tries, waitUntil, trail)
      } else pushProgress(live.values, n, task)
    },

    /** How it ended; `wasLive`: it is among the live tasks until then. */
    end(n: number, task: TaskUpdate, wasLive: boolean): void {
      if (wasLive) over.values.push(n)
      const { status, slave, attempt, tries, outcome } = task
      if (status === 'done' && attempt === null) {
        const { askedUs, trail } = trailOf(task)
        const [startedAt, endedAt] = [msOrNull(task.startedAt), msOrNull(task.endedAt)]
        const waitUntil = msOrNull(task.waitUntil)
        done.values.push(n, startedAt, endedAt, slave, tries, waitUntil, askedUs, trail, outcome)
      } else pushProgress(ended.values, n, task)
    },

    /** Writes what was added. */
    write(): void {
      for (const rows of all) rows.write()
    },

    /** Forgets what was added and not written. */
    clear(): void {
      for (const rows of all) rows.values.length = 0
    },
  }
}

function isPlain(task: TaskRecord): boolean {
  const { tags, client, idempotencyKey, requestHash, trace, work, priority, terms } = task
  const isBare = client === null && idempotencyKey === null && requestHash === null
  return (
    isBare &&
    terms === null &&
    trace === null &&
    work === null &&
    priority === 0 &&
    tags.length === 0
  )
}

function pushProgress(values: RowList['values'], n: number, task: TaskUpdate): void {
  const { status, slave, attempt, tries, outcome } = task
  const { askedUs, trail } = trailOf(task)
  const [startedAt, endedAt] = [msOrNull(task.startedAt), msOrNull(task.endedAt)]
  const waitUntil = msOrNull(task.waitUntil)
  values.push(n, status, startedAt, endedAt, slave, attempt, tries, waitUntil, askedUs, trail)
  values.push(outcome)
}

function trailOf(task: TaskUpdate): { askedUs: number | null; trail: string | null } {
  const askedUs = askedUsOf(task)
  if (askedUs !== null) return { askedUs, trail: null }
  return { askedUs, trail: task.trail.length === 0 ? '[]' : JSON.stringify(task.trail) }
}

const msOrNull = (time: WallTime | null): number | null => time && msOf(time)
