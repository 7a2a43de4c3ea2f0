// A store of many tasks: how long it takes to open, what its pages cost, and the memory of it all. Then a
// master starts on it, as it is installed: processor time and memory until it listens, and after pages.
//   node test/rigs/bench/store-huge.ts [rows] [folder]
// SQL writes the tables directly: ten million tasks take about a minute. One task in 200 failed, one in
// 1,000 is of a rare kind, one in ten has a tag, 100 are live, among 100 slaves and 5 clients. Each
// figure of a page is the worst and the median of the pages of that list, in processor time.

import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { FILE_NAME, openSqliteStore } from '../../../master/store/sqlite.ts'
import type { ListQuery, Store } from '../../../master/store/store.ts'
import { numberOf } from '../../../master/store/task-numbers.ts'
import { wallTime } from '../../../shared/data/clock.ts'
import { createIds } from '../../../shared/data/ids.ts'
import { commandOf, launch, ROOT } from '../cluster/launch.ts'
import { cpuUs, memoryMib } from '../cluster/proc.ts'

const rows = Number(process.argv[2] ?? 10_000_000)
const folder = mkdtempSync(join(process.argv[3] ?? tmpdir(), 'askfirst-bench-'))
const LIVE = 100
const PAGES = 20
/** Four tasks to a millisecond. */
const STEP = 1024

const say = (what: string, figure: string) => console.log(`${what.padEnd(46)} ${figure}`)
const memory = () => `${Math.round(process.memoryUsage.rss() / 2 ** 20)} MiB`

/** Milliseconds that this process has computed. */
function computed(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

async function measured<T>(what: string, run: () => T | Promise<T>): Promise<T> {
  const [from, began] = [computed(), performance.now()]
  const result = await run()
  const took = `${(performance.now() - began).toFixed(1)} ms, computing ${(computed() - from).toFixed(1)} ms`
  say(what, `${took}; memory ${memory()}`)
  return result
}

async function fill(): Promise<void> {
  await openSqliteStore({ folder, reserveBytes: 0 }).close()
  const database = new DatabaseSync(join(folder, FILE_NAME))
  const first = (numberOf(createIds(Date.now).after(null)()) as number) - rows * STEP
  const [from, at] = [
    `WITH RECURSIVE c(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM c WHERE i < ${rows - 1})`,
    `1800000000000 + i / 4`,
  ]
  const status = `CASE WHEN i % 200 = 7 THEN 'failed' ELSE 'done' END`
  database.exec(`PRAGMA synchronous = OFF; PRAGMA journal_mode = MEMORY; BEGIN;
    INSERT INTO accepted ${from} SELECT ${first} + i * ${STEP}, printf('-8%03x-%012x', i & 4095, i),
      iif(i % 1000 = 3, 'rare', 'expression'), 0, ${at}, 30000, 30000, iif(i % 10 = 0, '["nightly"]', NULL),
      'client-' || (i % 5), NULL, NULL, NULL, NULL,
      printf('{"expression":"sqrt(%d) + 2 * x","scope":{"x":%d}}', i, i) FROM c;
    INSERT INTO ended ${from} SELECT ${first} + i * ${STEP}, ${status}, ${at}, ${at} + 3,
      'slave-' || (i * 7 % 100), NULL, 1, NULL, 812, NULL,
      printf('{"status":"done","result":%d,"resultType":"number","resultText":"%d"}', i, i)
      FROM c WHERE i < ${rows - LIVE};
    INSERT INTO live ${from} SELECT ${first} + i * ${STEP}, 'pending', NULL, NULL, NULL, NULL, 0, NULL, NULL,
      '[]', NULL FROM c WHERE i >= ${rows - LIVE};
    UPDATE totals SET pending = ${LIVE}, failed = (SELECT count(*) FROM ended WHERE status <> 'done');
    UPDATE totals SET done = ${rows - LIVE} - failed;
    COMMIT`)
  database.close()
}

async function page(store: Store, what: string, query: Partial<ListQuery>): Promise<void> {
  const times: number[] = []
  let next: string | null | undefined
  let found = 0
  for (let i = 0; i < PAGES && next !== null; i++) {
    const from = computed()
    const got = await store.list({ limit: 100, ...query, ...(next ? { before: next } : {}) })
    times.push(computed() - from)
    found += got.tasks.length
    next = got.next
  }
  const sorted = times.toSorted((a, b) => a - b)
  const [half, most] = [sorted[sorted.length >> 1] ?? 0, sorted.at(-1) ?? 0]
  say(
    `  ${what}: ${times.length} pages, ${found} tasks`,
    `median ${half.toFixed(1)}, worst ${most.toFixed(1)} ms`,
  )
}

async function main(): Promise<void> {
  await measured(`${rows} tasks written`, fill)
  say('file', `${Math.round(statSync(join(folder, FILE_NAME)).size / 2 ** 20)} MiB`)
  const store = await measured('open', () => openSqliteStore({ folder, reserveBytes: 0 }))
  await measured('load', () => store.load())
  await measured('counts', () => store.counts())
  const middle = (await store.list({ limit: 1, status: 'failed' })).next as string
  const queries: Partial<ListQuery>[] = [
    {},
    { before: middle },
    { status: 'done' },
    { status: 'failed' },
    { status: 'pending' },
    { status: 'cancelled' },
    { slave: 'slave-7' },
    { slave: 'none' },
    { kind: 'rare' },
    { kind: 'none' },
    { client: 'client-1' },
    { client: 'none' },
    { tag: 'nightly' },
    { tag: 'none' },
    { status: 'done', slave: 'none' },
    { status: 'done', kind: 'none' },
    { status: 'done', slave: 'slave-7', tag: 'none' },
    { status: 'failed', slave: 'none' },
    { status: 'failed', kind: 'none' },
    { status: 'pending', slave: 'none', client: 'none' },
    { slave: 'none', kind: 'expression', tag: 'nightly', client: 'client-0' },
  ]
  for (const query of queries) await page(store, JSON.stringify(query), query)
  say('memory after the pages', memory())
  await measured('trim of 500', () =>
    store.trim({ endedBefore: wallTime(0), keepMax: rows - 1000, rowsMax: 500 }),
  )
  await store.close()
  await startWhole()
  await startWhole()
}

/** Starts a master on the store, twice: the first start fills the compile cache. Nothing is removed. */
async function startWhole(): Promise<void> {
  const args = ['--port', '0', '--log-level', 'error', '--data', folder]
  const kept = ['--keep-tasks-max', `${2 * rows}`, '--keep-ms', '31536000000']
  const began = performance.now()
  const master = launch(commandOf('master/main.ts', [...args, ...kept]), {
    env: { NODE_COMPILE_CACHE: `${ROOT}node_modules/.cache/askfirst` },
  })
  const url = await master.listening
  const took = performance.now() - began
  const pid = master.child.pid as number
  const uses = (): string => `memory ${Math.round(memoryMib(pid, 'VmRSS') ?? Number.NaN)} MiB`
  const ms = cpuUs(pid).self / 1000
  say('a master on it, until it listens', `${took.toFixed(0)} ms, computing ${ms} ms; ${uses()}`)
  const before = cpuUs(pid).self
  for (const query of ['', '&status=failed', '&kind=rare', '&slave=slave-7']) {
    for (let i = 0; i < PAGES; i++) {
      const response = await fetch(`${url}/tasks?limit=100${query}`)
      if (!response.ok) throw new Error(await response.text())
      await response.arrayBuffer()
    }
  }
  const each = (cpuUs(pid).self - before) / 1000 / (4 * PAGES)
  say('  pages over HTTP, each', `computing ${each.toFixed(1)} ms; ${uses()}`)
  await master.end('SIGTERM')
}

try {
  await main()
} finally {
  rmSync(folder, { recursive: true, force: true })
}
