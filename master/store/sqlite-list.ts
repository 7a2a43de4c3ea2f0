// Owns pages of tasks, newest first, in bounded time whatever the filter. Must not change anything.
//
// A page without a filter is read straight off the tables. Any other looks at a bounded stretch of the
// table that knows most about the filter: first for the numbers of the tasks that match, then for those
// tasks; when the stretch ends before the page is full, the page ends there and `next` goes on after it.
import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite'
import { SUMMARY_COLUMNS, toSummary } from './sqlite-rows.ts'
import type { ListQuery, Page, TaskSummary } from './store.ts'
import { LIST_SCAN_ROWS_MAX } from './store.ts'
import { AFTER_ALL } from './task-numbers.ts'

/** Rows looked at by way of the index, or with searches in another table: each costs up to 10 µs. */
const SEARCHED_ROWS_MAX = 500

/** The table that a page is read from, in whose order; `slow`: each row costs searches besides. */
type Source = { table: 'accepted' | 'live' | 'ended'; slow: boolean }

/** Prepares lists; a statement is made once for each combination of filters. */
export function createLister(
  database: DatabaseSync,
  placeOf: (id: string) => number | undefined,
): (query: ListQuery) => Page {
  const statements = new Map<string, StatementSync>()

  return function list(query: ListQuery): Page {
    const before = query.before === undefined ? AFTER_ALL : placeOf(query.before)
    if (before === undefined) return { tasks: [], next: null }
    const conditions = conditionsOf(query)
    if (conditions.length === 0) {
      const sql = `SELECT ${SUMMARY_COLUMNS} FROM tasks WHERE n < ? ORDER BY n DESC LIMIT ?`
      const rows = prepare(sql).all(before, query.limit + 1)
      return pageOf(rows.slice(0, query.limit).map(toSummary), rows.length > query.limit)
    }
    const { table, slow } = sourceOf(query)
    const rowsMax = slow ? SEARCHED_ROWS_MAX : LIST_SCAN_ROWS_MAX
    const stretch = stretchOf(table, query)
    const found = prepare(
      `SELECT n FROM (${stretch} LIMIT ${rowsMax}) AS s
       WHERE ${conditions.map(({ sql }) => sql(table)).join(' AND ')} LIMIT ?`,
    ).all(before, ...conditions.flatMap(({ values }) => values), query.limit + 1)
    const tasks = found.slice(0, query.limit).flatMap(({ n }) => summaryOf(n as number))
    if (found.length > query.limit) return pageOf(tasks, true)
    const ends = prepare(`SELECT n FROM (${stretch} LIMIT 2 OFFSET ${rowsMax - 1})`).all(before)
    return { tasks, next: ends.length < 2 ? null : idOf(ends[0]?.n as number) }
  }

  function summaryOf(n: number): TaskSummary[] {
    const row = prepare(`SELECT ${SUMMARY_COLUMNS} FROM tasks WHERE n = ?`).get(n)
    return row === undefined ? [] : [toSummary(row)]
  }

  function idOf(n: number): string {
    return prepare('SELECT id FROM tasks WHERE n = ?').get(n)?.id as string
  }

  function prepare(sql: string): StatementSync {
    let statement = statements.get(sql)
    if (statement === undefined) {
      statement = database.prepare(sql)
      statements.set(sql, statement)
    }
    return statement
  }
}

function sourceOf({ status, kind, slave, tag, client }: ListQuery): Source {
  const needsAccepted = kind !== undefined || tag !== undefined || client !== undefined
  switch (status) {
    case undefined:
      return { table: 'accepted', slow: slave !== undefined }
    case 'done':
      return {
        table: needsAccepted && slave === undefined ? 'accepted' : 'ended',
        slow: needsAccepted,
      }
    case 'pending':
    case 'in progress':
      return { table: 'live', slow: needsAccepted }
    default:
      return { table: 'ended', slow: true }
  }
}

/** Rows before a number, newest first: those of a rare end by its index. */
function stretchOf(table: Source['table'], { status }: ListQuery): string {
  const isRare = table === 'ended' && status !== 'done'
  const from = isRare ? `ended INDEXED BY ended_by_status` : table
  const rare = isRare ? `status <> 'done' AND status = '${status}' AND` : ''
  const columns = table === 'accepted' ? 'n, kind, tags, client' : 'n, status, slave'
  return `SELECT ${columns} FROM ${from} WHERE ${rare} n < ? ORDER BY n DESC`
}

/** A filter in SQL: `s` is a row of the table that is read. */
type Condition = { sql: (table: Source['table']) => string; values: SQLInputValue[] }

function conditionsOf({ status, kind, slave, tag, client }: ListQuery): Condition[] {
  const conditions: Condition[] = []
  if (status !== undefined) conditions.push(ofProgress('status', status))
  if (slave !== undefined) conditions.push(ofProgress('slave', slave))
  if (kind !== undefined) conditions.push(ofAccepted('kind = ?', kind))
  if (client !== undefined) conditions.push(ofAccepted('client = ?', client))
  if (tag !== undefined) {
    // The text search passes over nearly all rows; only the JSON knows what is a tag.
    const sql = 'instr(tags, ?) AND EXISTS (SELECT 1 FROM json_each(tags) WHERE value = ?)'
    conditions.push(ofAccepted(sql, JSON.stringify(tag), tag))
  }
  return conditions
}

const ofProgress = (column: string, value: string): Condition => ({
  sql: (table) =>
    table === 'accepted'
      ? `coalesce((SELECT ${column} FROM ended WHERE ended.n = s.n),
          (SELECT ${column} FROM live WHERE live.n = s.n)) = ?`
      : `${column} = ?`,
  values: [value],
})

const ofAccepted = (sql: string, ...values: string[]): Condition => ({
  sql: (table) =>
    table === 'accepted'
      ? sql
      : `EXISTS (SELECT 1 FROM accepted WHERE accepted.n = s.n AND ${sql})`,
  values,
})

function pageOf(tasks: TaskSummary[], more: boolean): Page {
  return { tasks, next: more ? (tasks.at(-1)?.id ?? null) : null }
}
