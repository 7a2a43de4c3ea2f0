// Owns what the memory store holds durable, as a disk would: tasks, slaves, keys and counts, and how
// they are searched. Records are copied on the way in and out. Must not know commits under way,
// crashes or failures.
import type { WallTime } from '../../shared/data/clock.ts'
import type {
  Change,
  ListQuery,
  Loaded,
  Page,
  SlaveRecord,
  TaskRecord,
  TaskStatus,
  TaskSummary,
  TaskUpdate,
  TrimLimits,
} from './store.ts'
import {
  LIST_PAYLOAD_BYTES_MAX,
  LIST_SCAN_ROWS_MAX,
  StoreConflictError,
  TRIM_SCAN_ROWS,
} from './store.ts'

export type MemoryDisk = ReturnType<typeof createMemoryDisk>

/** Makes an empty disk. */
export function createMemoryDisk(secret: string) {
  const tasks = new Map<string, TaskRecord>()
  const live = new Map<string, TaskRecord>()
  const keys = new Map<string, TaskRecord>()
  const slaves = new Map<string, SlaveRecord>()
  const kinds = new Set<string>()
  const counts = { pending: 0, 'in progress': 0, done: 0, failed: 0, cancelled: 0, expired: 0 }
  /** In order, but for what came since `sorted` was last true. */
  let ids: string[] = []
  let sorted = true
  /** The search for old tasks among newer ones goes on after this id. */
  let scanAfter = ''

  return {
    load: (): Loaded => ({
      secret,
      tasks: [...live.values()]
        .toSorted(byId)
        .map(({ input: _, work: __, outcome: ___, ...task }) => ({
          ...task,
          ...copyOfLists(task),
        })),
      slaves: [...slaves.values()].toSorted(byPosition).map((slave) => ({ ...slave })),
      kinds: [...kinds],
      newestId: newestId(),
      newestAt: tasks.get(newestId() ?? '')?.createdAt ?? null,
    }),

    get(id: string): TaskRecord | undefined {
      const task = tasks.get(id)
      return task && copyOf(task)
    },

    find(key: string): { id: string; requestHash: string } | undefined {
      const task = keys.get(key)
      return task && { id: task.id, requestHash: task.requestHash as string }
    },

    counts: (): Record<TaskStatus, number> => ({ ...counts }),

    write(changes: Change[]): Error | undefined {
      if (hasConflict(changes)) return new StoreConflictError('an id or key is stored already')
      for (const change of changes) {
        if (change.do === 'insert') insert(copyOf(change.task))
        else if (change.do === 'update') update(change.task)
        else if (change.do === 'drop-slave') slaves.delete(change.name)
        else if (change.do === 'put-kind') kinds.add(change.kind)
        else slaves.set(change.slave.name, { ...change.slave })
      }
      return undefined
    },

    list(query: ListQuery): Page {
      sort()
      const found: TaskSummary[] = []
      const filtered = Boolean(
        query.status ?? query.kind ?? query.slave ?? query.tag ?? query.client,
      )
      let at = query.before === undefined ? ids.length : placeOf(query.before)
      const end = filtered ? Math.max(0, at - LIST_SCAN_ROWS_MAX) : 0
      while (--at >= end) {
        const task = taskAt(at)
        if (!matches(task, query)) continue
        if (found.length === query.limit) return { tasks: found, next: found.at(-1)?.id ?? null }
        found.push(summaryOf(task))
      }
      return { tasks: found, next: end > 0 ? (ids[end] ?? null) : null }
    },

    trim({ endedBefore, keepMax, rowsMax }: TrimLimits): number {
      sort()
      const doomed = new Set<string>()
      const beyond = ids.length - keepMax
      for (let at = 0; at < ids.length && doomed.size < rowsMax; at++) {
        const task = taskAt(at)
        if (at >= beyond && task.createdAt >= endedBefore) break
        if (live.has(task.id)) continue
        if (at < beyond || isOld(task, endedBefore)) doomed.add(task.id)
      }
      scan(doomed, endedBefore, rowsMax)
      if (doomed.size === 0) return 0
      ids = ids.filter((id) => !doomed.has(id))
      for (const id of doomed) remove(id)
      return doomed.size
    },
  }

  /** Looks at some of those that stand after younger ones, as the SQLite store does. */
  function scan(doomed: Set<string>, endedBefore: WallTime, rowsMax: number): void {
    const from = placeOf(scanAfter)
    const seen = ids.slice(from, from + TRIM_SCAN_ROWS)
    for (const id of seen) {
      if (doomed.size >= rowsMax) return
      scanAfter = id
      const isLive = live.has(id)
      if (!isLive && isOld(tasks.get(id) as TaskRecord, endedBefore)) doomed.add(id)
    }
    if (seen.length < TRIM_SCAN_ROWS) scanAfter = ''
  }

  function hasConflict(changes: Change[]): boolean {
    let fresh: Set<string> | undefined
    for (const change of changes) {
      if (change.do !== 'insert') continue
      const { id, idempotencyKey } = change.task
      const key = idempotencyKey === null ? undefined : `key ${idempotencyKey}`
      if (tasks.has(id) || (idempotencyKey !== null && keys.has(idempotencyKey))) return true
      fresh ??= new Set()
      if (fresh.has(id) || (key !== undefined && fresh.has(key))) return true
      fresh.add(id)
      if (key !== undefined) fresh.add(key)
    }
    return false
  }

  function insert(task: TaskRecord): void {
    tasks.set(task.id, task)
    if (isLive(task.status)) live.set(task.id, task)
    if (task.idempotencyKey !== null) keys.set(task.idempotencyKey, task)
    if (sorted && ids.length > 0 && task.id < (ids.at(-1) as string)) sorted = false
    ids.push(task.id)
    counts[task.status]++
  }

  function update(change: TaskUpdate): void {
    const task = live.get(change.id)
    if (!task) return
    counts[task.status]--
    counts[change.status]++
    task.status = change.status
    task.startedAt = change.startedAt
    task.endedAt = change.endedAt
    task.slave = change.slave
    task.attempt = change.attempt
    task.tries = change.tries
    task.waitUntil = change.waitUntil
    task.outcome = change.outcome
    task.trail = change.trail.map((entry) => ({ ...entry }))
    if (!isLive(task.status)) live.delete(task.id)
  }

  function remove(id: string): void {
    const task = tasks.get(id) as TaskRecord
    tasks.delete(id)
    if (task.idempotencyKey !== null) keys.delete(task.idempotencyKey)
    counts[task.status]--
  }

  function taskAt(at: number): TaskRecord {
    return tasks.get(ids[at] as string) as TaskRecord
  }

  function newestId(): string | null {
    sort()
    return ids.at(-1) ?? null
  }

  function sort(): void {
    if (!sorted) ids.sort()
    sorted = true
  }

  // How many ids sort before this one.
  function placeOf(id: string): number {
    let low = 0
    let high = ids.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((ids[middle] as string) < id) low = middle + 1
      else high = middle
    }
    return low
  }
}

function matches(task: TaskRecord, { status, kind, slave, tag, client }: ListQuery): boolean {
  return (
    (status === undefined || task.status === status) &&
    (kind === undefined || task.kind === kind) &&
    (slave === undefined || task.slave === slave) &&
    (client === undefined || task.client === client) &&
    (tag === undefined || task.tags.includes(tag))
  )
}

function summaryOf(task: TaskRecord): TaskSummary {
  const { trail: _trail, requestHash: _hash, work: _work, trace: _trace, ...more } = task
  const { queueMs: _queueMs, terms: _terms, ...summary } = more
  return {
    ...summary,
    tags: [...task.tags],
    input: ifSmall(task.input),
    outcome: ifSmall(task.outcome),
  }
}

function ifSmall(payload: string | null): string | null {
  if (payload === null || payload.length > LIST_PAYLOAD_BYTES_MAX) return null
  return Buffer.byteLength(payload) > LIST_PAYLOAD_BYTES_MAX ? null : payload
}

/** A copy that its maker cannot reach. */
export function copyOfChange(change: Change): Change {
  if (change.do === 'insert') return { do: 'insert', task: copyOf(change.task) }
  if (change.do === 'put-slave') return { do: 'put-slave', slave: { ...change.slave } }
  if (change.do === 'drop-slave' || change.do === 'put-kind') return { ...change }
  const trail = change.task.trail.map((entry) => ({ ...entry }))
  return { do: 'update', task: { ...change.task, trail } }
}

function copyOf(task: TaskRecord): TaskRecord {
  return { ...task, ...copyOfLists(task) }
}

function copyOfLists({ tags, trail }: Pick<TaskRecord, 'tags' | 'trail'>) {
  return { tags: [...tags], trail: trail.map((entry) => ({ ...entry })) }
}

function isOld({ endedAt }: TaskRecord, endedBefore: WallTime): boolean {
  return endedAt !== null && endedAt < endedBefore
}

function isLive(status: TaskStatus): boolean {
  return status === 'pending' || status === 'in progress'
}

function byId(a: { id: string }, b: { id: string }): number {
  return a.id < b.id ? -1 : 1
}

function byPosition(a: SlaveRecord, b: SlaveRecord): number {
  return a.position - b.position || (a.name < b.name ? -1 : 1)
}
