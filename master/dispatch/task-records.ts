// Between a task as the core knows it and a task as it is stored.

import { textOf } from '../../shared/data/json-bytes.ts'
import { encodeFields, Raw, scan } from '../../shared/data/raw-json.ts'
import type { Outcome } from '../../shared/protocol/wire.ts'
import type { StoredTask } from '../core/messages.ts'
import type { Terms } from '../core/needs.ts'
import type { Task } from '../core/state.ts'
import { statusOf } from '../core/task.ts'
import { fromStore } from '../core/trail.ts'
import type { Change, Loaded, TaskUpdate } from '../store/store.ts'

/** What came with a task, besides what the core decides by. */
export type Payload = {
  /** JSON text. */
  input: string
  /** JSON text of what an offer carries besides, without its braces; null when nothing. */
  work: string | null
  /** Which trace it belongs to, as its client said (shared/protocol/trace.ts). */
  trace: string | null
  tags: string[]
  /** For how long it may wait in the queue, as its client asked, in milliseconds; 0: not at all. */
  queueMs: number
  idempotencyKey: string | null
  requestHash: string | null
  /** The client that submitted it; null without authentication. */
  client: string | null
}

// Field by field: copies of both objects cost three times as much, for every task.
export function insertOf(task: Task, payload: Payload): Change {
  const { id, kind, priority, createdAt, runLimitMs, terms } = task
  const { status, startedAt, endedAt, slave, attempt, tries, waitUntil, outcome, trail } =
    changing(task)
  const { input, work, trace, tags, queueMs, idempotencyKey, requestHash, client } = payload
  return {
    do: 'insert',
    task: {
      id,
      status,
      startedAt,
      endedAt,
      slave,
      attempt,
      tries,
      waitUntil,
      outcome,
      trail,
      kind,
      priority,
      createdAt,
      runLimitMs,
      input,
      work,
      terms: terms && JSON.stringify(terms),
      trace,
      tags,
      queueMs,
      idempotencyKey,
      requestHash,
      client,
    },
  }
}

export const updateOf = (task: Task): Change => ({ do: 'update', task: changing(task) })

function changing(task: Task): TaskUpdate {
  const { stage } = task
  const holder = stage.is === 'running' ? stage : null
  const ended = stage.is === 'ended' ? stage : null
  const status = statusOf(task)
  return {
    id: task.id,
    status,
    startedAt: task.startedAt,
    endedAt: ended?.at ?? null,
    slave: status === 'pending' ? null : lastSlave(task),
    attempt: holder?.attempt ?? null,
    tries: task.tries,
    waitUntil: task.expiresAt,
    outcome: ended?.outcome ? encodeFields(ended.outcome) : null,
    trail: task.trail,
  }
}

/** An outcome as it was stored: its result is not read, but goes on as it came. */
export function readOutcome(text: string): Outcome {
  const bytes = Buffer.from(text)
  const fields: Record<string, unknown> = {}
  const { names = [], spans = [] } = scan(bytes, 1).members ?? {}
  for (const [i, span] of spans.entries()) {
    const name = names[i] as string
    const written = textOf(bytes, span)
    fields[name] = name === 'result' ? new Raw(written) : JSON.parse(written)
  }
  return fields as Outcome
}

/** The terms of a stored task. */
export const termsIn = (text: string | null): Terms | null =>
  text === null ? null : (JSON.parse(text) as Terms)

/** The slave that had it last. */
export function lastSlave({ trail }: Task): string | null {
  for (let i = trail.length - 1; i >= 0; i--) {
    const { event, slave } = trail[i] as Task['trail'][number]
    if (event === 'taken' && slave !== undefined) return slave
  }
  return null
}

/** A live task from the store, as the core takes it. */
export function toStoredTask(record: Loaded['tasks'][number]): StoredTask {
  const { id, kind, priority, runLimitMs, createdAt, tries } = record
  const { slave, attempt, startedAt } = record
  const runs = record.status === 'in progress' && slave !== null && attempt !== null
  const running = runs ? { slave, attempt, startedAt: startedAt ?? createdAt } : null
  const trail = fromStore(record.trail)
  const terms = termsIn(record.terms)
  const task = { id, kind, priority, runLimitMs, createdAt, tries, trail, terms }
  return { ...task, queue: true, expiresAt: record.waitUntil, running }
}
