// Owns how a task is laid out in a row, and back. Must not know when or why rows are written.
// Rows are read through the view `tasks`, where `tags` and `trail` are JSON text and everything else is as
// it was given.

import type { SQLOutputValue } from 'node:sqlite'
import type { WallTime } from '../../shared/data/clock.ts'
import { wallTime } from '../../shared/data/clock.ts'
import { TASK_STATUSES } from '../../shared/protocol/statuses.ts'
import { DamagedError } from '../../shared/sqlite/errors.ts'
import type { SlaveRecord, TaskRecord, TaskStatus, TaskSummary } from './store.ts'
import { LIST_PAYLOAD_BYTES_MAX } from './store.ts'

export type Row = Record<string, SQLOutputValue>

type LiveTask = Omit<TaskRecord, 'input' | 'work' | 'outcome'>

/** Longer outcomes are not parsed just to see whether they are whole. */
const CHECKED_CHARS_MAX = 262_144

const STATUSES: ReadonlySet<TaskStatus> = new Set(TASK_STATUSES)

const SUMMARY = `id, status, kind, slave, tags, priority, createdAt, startedAt, endedAt, tries,
  runLimitMs, waitUntil, attempt, idempotencyKey, client`

/** The columns of a task without its payloads. */
export const LIVE_COLUMNS = `${SUMMARY}, requestHash, queueMs, trail, trace, terms`

/** The columns of a whole task. */
export const TASK_COLUMNS = `${LIVE_COLUMNS}, input, work, outcome`

/** The columns of a task in a list. octet_length reads no more of a payload than its length. */
export const SUMMARY_COLUMNS = `${SUMMARY}, ${['input', 'outcome']
  .map((p) => `CASE WHEN octet_length(${p}) <= ${LIST_PAYLOAD_BYTES_MAX} THEN ${p} END AS ${p}`)
  .join(', ')}`

// The casts below are checked by the table: its columns have these types and NOT NULLs.

export function toSummary(row: Row): TaskSummary {
  return {
    ...toShared(row),
    input: row.input as string | null,
    outcome: row.outcome as string | null,
  }
}

export const timeOf = (value: SQLOutputValue | undefined): WallTime => wallTime(value as number)

const timeOrNull = (value: SQLOutputValue | undefined): WallTime | null =>
  value === null ? null : timeOf(value)

function toShared(row: Row) {
  return {
    id: row.id as string,
    kind: row.kind as string,
    status: statusOf(row),
    priority: row.priority as number,
    createdAt: timeOf(row.createdAt),
    startedAt: timeOrNull(row.startedAt),
    endedAt: timeOrNull(row.endedAt),
    slave: row.slave as string | null,
    attempt: row.attempt as string | null,
    tries: row.tries as number,
    runLimitMs: row.runLimitMs as number,
    waitUntil: timeOrNull(row.waitUntil),
    tags: JSON.parse(row.tags as string),
    idempotencyKey: row.idempotencyKey as string | null,
    client: row.client as string | null,
  }
}

export function toLive(row: Row): LiveTask {
  return {
    ...toShared(row),
    requestHash: row.requestHash as string | null,
    queueMs: row.queueMs as number | null,
    trace: row.trace as string | null,
    terms: row.terms as string | null,
    trail: JSON.parse(row.trail as string),
  }
}

export function toTask(row: Row): TaskRecord {
  return {
    ...toLive(row),
    input: row.input as string,
    work: row.work as string | null,
    outcome: outcomeOf(row),
  }
}

function statusOf({ status }: Row): TaskStatus {
  if (STATUSES.has(status as TaskStatus)) return status as TaskStatus
  throw new DamagedError('a task has an unknown status')
}

/** Whoever asks for a task parses its outcome, so a short one is parsed here too. */
function outcomeOf({ outcome }: Row): string | null {
  const text = outcome as string | null
  if (text !== null && text.length <= CHECKED_CHARS_MAX) JSON.parse(text)
  return text
}

export function toSlave(row: Row): SlaveRecord {
  return {
    name: row.name as string,
    url: row.url as string,
    position: row.position as number,
    drained: row.drained === 1,
  }
}
