// What the store computes for a task beside the least that SQLite can do for one:
//   node test/rigs/bench/store-floor.ts [rounds] [folder]
// The floor is the table of a prototype: a whole number as its key, the expression, and the result that
// an update adds. Both take the same tasks in alternating rounds; each commit inserts so many tasks and
// ends those of the commit before. Processor time of the thread only: the disk's part is left out, and
// what is left is comparable on a busy machine. The store is given tasks as the dispatcher gives them.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { openSqliteStore } from '../../../master/store/sqlite.ts'
import type { Change, Store, TaskRecord, TrailEntry } from '../../../master/store/store.ts'
import { later, wallTime } from '../../../shared/data/clock.ts'
import { createIds } from '../../../shared/data/ids.ts'

const rounds = Number(process.argv[2] ?? 15)
const folder = mkdtempSync(join(process.argv[3] ?? tmpdir(), 'askfirst-bench-'))
const TASKS = 3_000
const SIZES = (process.env.SIZES ?? '1,10,60,300').split(',').map(Number)

type Task = { number: number; record: TaskRecord }
/** How far a task is when it is first written, and whether its assignment is written by itself. */
type Path = 'taken' | 'queued' | 'refused first' | 'fused'

const next = createIds(Date.now).after(null)
let made = 0

function aTask(path: Path): Task {
  const number = ++made
  const at = wallTime(Date.now())
  const taken: TrailEntry = { at, event: 'taken', slave: 'slave-1', ms: 0.8123456 + (number % 7) }
  const busy: TrailEntry = { at, event: 'busy', slave: 'slave-2', knownMs: 4.123456 }
  const waits = path === 'queued'
  const trail = waits ? [] : path === 'refused first' ? [busy, taken] : [taken]
  const record: TaskRecord = {
    id: next(),
    kind: 'expression',
    status: waits ? 'pending' : 'in progress',
    priority: 0,
    createdAt: at,
    startedAt: waits ? null : at,
    endedAt: null,
    slave: waits ? null : 'slave-1',
    attempt: waits ? null : `0123456789abcdef${String(number).padStart(22, 'x')}`,
    tries: waits ? 0 : 1,
    runLimitMs: 30_000,
    waitUntil: waits ? later(at, 30_000) : null,
    tags: [],
    idempotencyKey: null,
    client: null,
    requestHash: null,
    input: `{"expression":"2+3*${number}"}`,
    work: null,
    trace: null,
    terms: null,
    queueMs: 30_000,
    outcome: null,
    trail,
  }
  return { number, record }
}

function assigned(record: TaskRecord): Change {
  const at = record.createdAt
  record.trail = [{ at, event: 'taken', slave: 'slave-1', ms: 0.8123456 }]
  record.startedAt = at
  const run = { status: 'in progress', startedAt: at, slave: 'slave-1', tries: 1 } as const
  return {
    do: 'update',
    task: { ...record, ...run, attempt: '0123456789abcdef0123456789abcdef012345' },
  }
}

function ended({ number, record }: Task): TaskRecord {
  const endedAt = later(record.createdAt, 3)
  const trail: TrailEntry[] = [...record.trail, { at: endedAt, event: 'done', slave: 'slave-1' }]
  const outcome = `{"status":"done","result":${number},"resultType":"number","resultText":"${number}"}`
  const end = { status: 'done', endedAt, attempt: null, outcome, trail } as const
  return { ...record, ...end, startedAt: record.createdAt, slave: 'slave-1', tries: 1 }
}

/** Writes new tasks and the ends of others in one commit. */
type Target = (fresh: Task[], over: Task[]) => () => void

function storeTarget(store: Store, path: Path): Target {
  /** Queued tasks whose assignment the commit before wrote. */
  let running: Task[] = []
  return (fresh, over) => {
    const changes: Change[] = []
    for (const task of fresh) {
      changes.push({ do: 'insert', task: path === 'fused' ? ended(task) : task.record })
    }
    if (path === 'queued') for (const { record } of over) changes.push(assigned(record))
    const ends = path === 'queued' ? running : path === 'fused' ? [] : over
    for (const task of ends) changes.push({ do: 'update', task: ended(task) })
    running = over
    return () =>
      store.commit(changes, (error) => {
        if (error) throw error
      })
  }
}

function floorTarget(file: string): Target {
  const database = new DatabaseSync(file)
  database.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 4000;
    PRAGMA cache_size = -64000;
    CREATE TABLE task (id INTEGER PRIMARY KEY, state INTEGER NOT NULL, expr TEXT, result TEXT)`)
  const insert = database.prepare('INSERT INTO task (id, state, expr) VALUES (?, 0, ?)')
  const update = database.prepare('UPDATE task SET state = 1, result = ? WHERE id = ?')
  return (fresh, over) => () => {
    database.exec('BEGIN')
    for (const { number } of fresh) insert.run(number, `2+3*${number}`)
    for (const { number } of over) update.run(String(number), number)
    database.exec('COMMIT')
  }
}

/** Microseconds that this thread has computed. */
function computed(): number {
  const { user, system } = process.threadCpuUsage()
  return user + system
}

const turn = () => new Promise((resolve) => setImmediate(resolve))

async function roundOf(target: Target, path: Path, size: number): Promise<number> {
  let over: Task[] = []
  let spent = 0
  for (let n = 0; n < TASKS; n += size) {
    const fresh = Array.from({ length: size }, () => aTask(path))
    const commit = target(fresh, over)
    const from = computed()
    commit()
    spent += computed() - from
    over = fresh
    // The copying of the log runs between turns, and counts.
    const idle = computed()
    await turn()
    spent += computed() - idle
  }
  return spent / TASKS
}

const median = (values: number[]) => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0

async function main() {
  const floor = floorTarget(join(folder, 'floor.sqlite'))
  const store = openSqliteStore({ folder, reserveBytes: 0 })
  const paths = (process.env.PATHS ?? 'taken,refused first,queued,fused').split(',') as Path[]
  console.log('µs of processor time for a task, inserted and ended (median of rounds)')
  for (const path of paths) {
    for (const size of SIZES) {
      const [floors, ours]: [number[], number[]] = [[], []]
      const target = storeTarget(store, path)
      for (let round = -1; round < rounds; round++) {
        const one = await roundOf(floor, 'taken', size)
        const other = await roundOf(target, path, size)
        if (round < 0) continue
        floors.push(one)
        ours.push(other)
      }
      const [least, cost] = [median(floors), median(ours)]
      const ratio = median(ours.map((value, i) => value / (floors[i] ?? value)))
      console.log(
        `${path.padEnd(14)} ${String(size).padStart(4)} to a commit: floor ${least.toFixed(2)}, store ${cost.toFixed(2)}, ratio ${ratio.toFixed(2)}`,
      )
    }
  }
  await store.counts()
  await store.close()
}

try {
  await main()
} finally {
  rmSync(folder, { recursive: true, force: true })
}
