// What the SQLite store costs, in figures: node test/rigs/bench/store.ts [rows] [folder]
// Prints µs per insert and update in commits of several sizes, the commit itself, the worst turn
// while a million tasks are written, and pages, counts, trim, load and memory with them stored.

import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FILE_NAME, openSqliteStore } from '../../../master/store/sqlite.ts'
import type {
  Change,
  ListQuery,
  Store,
  TaskRecord,
  TaskUpdate,
} from '../../../master/store/store.ts'
import { wallTime } from '../../../shared/data/clock.ts'
import { createIds } from '../../../shared/data/ids.ts'

const rows = Number(process.argv[2] ?? 1_000_000)
const folder = mkdtempSync(join(process.argv[3] ?? tmpdir(), 'askfirst-bench-'))
const tuning = JSON.parse(process.env.STORE_TUNING ?? '{}')

const nextId = createIds(Date.now).after(null)
let made = 0
function task(): TaskRecord {
  made++
  return {
    id: nextId(),
    kind: made % 1000 === 0 ? 'rare' : 'expression',
    status: 'in progress',
    priority: 0,
    createdAt: wallTime(Date.now()),
    startedAt: wallTime(Date.now()),
    endedAt: null,
    slave: `slave-${made % 100}`,
    attempt: `attempt-${made}`.padEnd(38, 'x'),
    tries: 1,
    runLimitMs: 30_000,
    waitUntil: null,
    tags: made % 10 === 0 ? ['nightly'] : [],
    idempotencyKey: null,
    client: null,
    requestHash: null,
    input: `{"expression":"sqrt(${made}) + 2 * x","scope":{"x":${made}}}`,
    work: null,
    trace: null,
    terms: null,
    queueMs: 0,
    outcome: null,
    trail: [{ at: wallTime(Date.now()), event: 'taken', slave: `slave-${made % 100}`, ms: 0.8 }],
  }
}

function ended({ id, startedAt, slave, attempt, trail }: TaskRecord, n: number): TaskUpdate {
  return {
    id,
    status: n % 200 === 0 ? 'failed' : 'done',
    startedAt,
    endedAt: wallTime(Date.now()),
    slave,
    attempt,
    tries: 1,
    waitUntil: null,
    outcome: `{"result":${n},"resultType":"number","resultText":"${n}"}`,
    trail: [...trail, { at: wallTime(Date.now()), event: 'done', ms: 3 }],
  }
}

function commit(store: Store, changes: Change[]): number {
  const from = performance.now()
  store.commit(changes, (error) => {
    if (error) throw error
  })
  return performance.now() - from
}

/** Milliseconds that this thread has computed: what stays comparable on a busy machine. */
function computed(): number {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1000
}

const turn = () => new Promise((resolve) => setImmediate(resolve))
const us = (ms: number) => `${(ms * 1000).toFixed(2)} µs`
const say = (what: string, figure: string) => console.log(`${what.padEnd(58)} ${figure}`)
const memory = () => `${Math.round(process.memoryUsage.rss() / 2 ** 20)} MiB`

function quantiles(values: number[]): string {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (q: number) => (sorted[Math.floor(q * (sorted.length - 1))] ?? 0).toFixed(2)
  return `p50 ${at(0.5)} p99 ${at(0.99)} p99.9 ${at(0.999)} max ${at(1)} ms`
}

/** Inserts and ends `count` tasks, `size` of each to a commit; returns the costs. */
async function fill(store: Store, count: number, size: number) {
  const commits: number[] = []
  const turns: number[] = []
  let before: TaskRecord[] = []
  for (let n = 0; n < count + size; n += size) {
    const tasks = n < count ? Array.from({ length: size }, task) : []
    const changes: Change[] = [
      ...tasks.map((t): Change => ({ do: 'insert', task: t })),
      ...before.map((t, i): Change => ({ do: 'update', task: ended(t, n + i) })),
    ]
    const from = performance.now()
    commits.push(commit(store, changes))
    await turn()
    turns.push(performance.now() - from)
    before = tasks
  }
  return { commits, turns }
}

async function costs(store: Store) {
  const size = 1000
  const inserts = { wall: 0, computed: 0 }
  const updates = { wall: 0, computed: 0 }
  const add = (to: typeof inserts, changes: Change[]) => {
    const from = computed()
    to.wall += commit(store, changes)
    to.computed += computed() - from
  }
  const rounds = 40
  for (let i = 0; i < rounds; i++) {
    const tasks = Array.from({ length: size }, task)
    const changes = tasks.map((t): Change => ({ do: 'insert', task: t }))
    add(inserts, changes)
    await turn()
    const ends = tasks.map((t, n): Change => ({ do: 'update', task: ended(t, n) }))
    add(updates, ends)
    await turn()
  }
  const each = (sum: typeof inserts) =>
    `${us(sum.wall / rounds / size)}, computing ${us(sum.computed / rounds / size)}`
  say('insert, 1000 to a commit, fsync included', each(inserts))
  say('update, 1000 to a commit, fsync included', each(updates))
  for (const n of [1, 10, 60]) {
    const { commits } = await fill(store, 500 * n, n)
    say(`commit of ${n} inserts and ${n} updates`, quantiles(commits))
  }
}

async function page(store: Store, what: string, query: Partial<ListQuery>) {
  const times: number[] = []
  let next: string | null | undefined
  let found = 0
  const before = computed()
  for (let i = 0; i < 50 && next !== null; i++) {
    const from = performance.now()
    const got = await store.list({ limit: 100, ...query, ...(next ? { before: next } : {}) })
    times.push(performance.now() - from)
    found += got.tasks.length
    next = got.next
  }
  const each = ((computed() - before) / times.length).toFixed(2)
  say(`${what}: ${times.length} pages, ${found} tasks`, `${quantiles(times)}, computing ${each} ms`)
}

async function pages(store: Store) {
  const far = (await store.list({ limit: 1, status: 'failed' })).next
  await page(store, 'no filter', {})
  for (const status of ['done', 'failed', 'pending', 'in progress'] as const) {
    await page(store, status, { status })
  }
  await page(store, 'kind that is rare', { kind: 'rare' })
  await page(store, 'kind that is not there', { kind: 'none' })
  await page(store, 'slave', { slave: 'slave-7' })
  await page(store, 'tag', { tag: 'nightly' })
  await page(store, 'tag that is not there', { tag: 'none' })
  await page(store, 'done, kind and tag that are not there', {
    status: 'done',
    kind: 'expression',
    tag: 'none',
  })
  await page(store, 'failed, slave that is not there', { status: 'failed', slave: 'none' })
  if (far) await page(store, 'no filter, from another place', { before: far })
}

async function main() {
  let store = openSqliteStore({ folder, ...tuning })
  await costs(store)
  say('memory before', memory())
  const from = performance.now()
  const before = computed()
  const { commits, turns } = await fill(store, rows, 60)
  const seconds = (performance.now() - from) / 1000
  const cpu = (computed() - before) / rows
  say(
    `${rows} tasks inserted and ended, 60 + 60 a commit`,
    `${Math.round(rows / seconds)} /s, computing ${us(cpu)} each`,
  )
  say('  a commit', quantiles(commits))
  say('  a turn, with the copying of the log', quantiles(turns))
  say('memory after', memory())
  say('file', `${Math.round(statSync(join(folder, FILE_NAME)).size / 2 ** 20)} MiB`)

  const closing = performance.now()
  await store.close()
  say('close', `${(performance.now() - closing).toFixed(1)} ms`)
  const opening = performance.now()
  store = openSqliteStore({ folder, ...tuning })
  say('open', `${(performance.now() - opening).toFixed(1)} ms`)
  const loading = performance.now()
  const { tasks } = await store.load()
  say(`load (${tasks.length} live)`, `${(performance.now() - loading).toFixed(1)} ms`)

  await pages(store)
  const counting = performance.now()
  const counts = await store.counts()
  say(`counts ${JSON.stringify(counts)}`, us(performance.now() - counting))
  const trims: number[] = []
  for (let i = 0; i < 100; i++) {
    const start = performance.now()
    await store.trim({ endedBefore: wallTime(0), keepMax: rows / 2, rowsMax: 500 })
    trims.push(performance.now() - start)
    await turn()
  }
  say('trim of 500', quantiles(trims))
  say('memory at the end', memory())
  await store.close()
}

try {
  await main()
} finally {
  rmSync(folder, { recursive: true, force: true })
}
