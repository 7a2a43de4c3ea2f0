// Builders of what a store is given, for its tests.

import type { JobRecord } from '../../../master/store/jobs/job-store.ts'
import type {
  Change,
  ListQuery,
  Store,
  TaskRecord,
  TaskSummary,
  TaskUpdate,
} from '../../../master/store/store.ts'
import { wallTime } from '../../../shared/data/clock.ts'

let made = 0

/** A pending task, unless told otherwise. Ids ascend with the order of making. */
export function aTask(over: Partial<TaskRecord> = {}): TaskRecord {
  return {
    id: nextId(),
    kind: 'expression',
    status: 'pending',
    priority: 0,
    createdAt: wallTime(1_800_000_000_000),
    startedAt: null,
    endedAt: null,
    slave: null,
    attempt: null,
    tries: 0,
    runLimitMs: 30_000,
    waitUntil: null,
    queueMs: null,
    tags: [],
    idempotencyKey: null,
    client: null,
    requestHash: null,
    input: '{"expression":"2+3"}',
    work: null,
    trace: null,
    terms: null,
    outcome: null,
    trail: [{ at: wallTime(1_800_000_000_000), event: 'master started' }],
    ...over,
  }
}

const nextId = (): string => idAt(++made)

/** The `i`-th of ids as the master makes them: 16 to a millisecond. */
export function idAt(i: number): string {
  const ms = (0x0199_0000_0000 + (i >> 4)).toString(16).padStart(12, '0')
  const counter = (i & 15).toString(16).padStart(3, '0')
  return `${ms.slice(0, 8)}-${ms.slice(8)}-7${counter}-8000-${String(i).padStart(12, '0')}`
}

/** A task that has ended as `done`, unless told otherwise. */
export function anEndedTask(over: Partial<TaskRecord> = {}): TaskRecord {
  const end = {
    startedAt: wallTime(1),
    endedAt: wallTime(1_800_000_000_005),
    slave: 'slave-1',
    tries: 1,
  }
  return aTask({ status: 'done', outcome: '{"result":5}', ...end, ...over })
}

/** What changes when `task` moves on. */
export function anUpdate(task: TaskRecord, over: Partial<TaskUpdate>): TaskUpdate {
  const { id, status, startedAt, endedAt, waitUntil, slave, attempt, tries, outcome, trail } = task
  const same = { id, status, startedAt, endedAt, waitUntil, slave, attempt, tries, outcome, trail }
  return { ...same, ...over }
}

export const insert = (task: TaskRecord): Change => ({ do: 'insert', task })

export const update = (task: TaskRecord, over: Partial<TaskUpdate>): Change => ({
  do: 'update',
  task: anUpdate(task, over),
})

export const end = (task: TaskRecord): Change =>
  update(task, { status: 'done', endedAt: wallTime(1_800_000_000_009), outcome: '{"result":5}' })

/** Commits, and settles as `done` is called. */
export function commit(store: Store, ...changes: Change[]): Promise<void> {
  return new Promise((resolve, reject) => {
    store.commit(changes, (error) => (error ? reject(error) : resolve()))
  })
}

/** Every task of every page. */
export async function listAll(
  store: Store,
  query: Partial<ListQuery> = {},
): Promise<TaskSummary[]> {
  const all: TaskSummary[] = []
  let before: string | undefined
  do {
    const page = await store.list({ limit: 3, ...query, ...(before ? { before } : {}) })
    all.push(...page.tasks)
    before = page.next ?? undefined
  } while (before !== undefined)
  return all
}

/** A job that has just begun, unless told otherwise. */
export function aJob(over: Partial<JobRecord> = {}): JobRecord {
  return {
    id: nextId(),
    kind: 'range-sum',
    input: '{}',
    inputBytes: 2,
    parts: null,
    slots: 2,
    slaves: 1,
    together: 1,
    priority: 0,
    runLimitMs: 30_000,
    tags: '[]',
    ticket: 'ticket',
    trace: null,
    idempotencyKey: null,
    requestHash: null,
    client: null,
    status: 'in progress',
    createdAt: wallTime(1_800_000_000_000),
    endedAt: null,
    outcome: null,
    outcomeBytes: null,
    stages: null,
    ...over,
  }
}
