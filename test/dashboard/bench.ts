// `npm run bench-page [-- --short]`: what the page costs, and whether it stays quick. Under 2,000
// tasks a second its frames, its memory and the bytes of its stream; what the master loses by it, with
// and without in turn; and how soon it opens with a million tasks stored.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { Page } from 'playwright-core'
import { chromium } from 'playwright-core'
import { openSqliteStore } from '../../master/store/sqlite.ts'
import type { Store, TaskRecord } from '../../master/store/store.ts'
import { wallTime } from '../../shared/data/clock.ts'
import { createIds } from '../../shared/data/ids.ts'
import type { Load } from '../rigs/bench/processes.ts'
import { readCpu, start, startLoad } from '../rigs/bench/processes.ts'
import type { Target } from '../rigs/bench/targets.ts'
import { startOurs } from '../rigs/bench/targets.ts'
import { CHROMIUM } from './browser.ts'

const { values } = parseArgs({ options: { short: { type: 'boolean', default: false } } })
const PER_SECOND = 2_000
const LOOK_S = values.short ? 8 : 15
/** A multiple of four. */
const TURNS = values.short ? 8 : 40
const TURN_MS = 1_500
const SETTLE_MS = 300
const STORED = values.short ? 100_000 : 1_000_000
const COMMIT_TASKS = 5_000

const say = (line = ''): void => void process.stdout.write(`${line}\n`)
const failures: string[] = []
/** The number of the next load's first task: expressions are not to repeat. */
let first = 0

function judge(what: string, figure: string, holds: boolean): void {
  say(`${holds ? 'ok    ' : 'NOT OK'}  ${what.padEnd(52)} ${figure}`)
  if (!holds) failures.push(what)
}

if (CHROMIUM === undefined) {
  say('Chromium is not installed: apt-get install chromium')
  process.exit(1)
}
const browser = await chromium.launch({
  executablePath: CHROMIUM,
  args: ['--no-sandbox', '--disable-gpu', '--enable-precise-memory-info'],
})
try {
  await underLoad()
  await withMany()
} finally {
  await browser.close()
}
if (failures.length > 0) process.exitCode = 1

async function underLoad(): Promise<void> {
  const ours = await startOurs({ slots: 256, executors: 1 })
  const load = await startLoad()
  try {
    await closed(ours, load, 3)
    await watched(ours, load)
    await lost(ours, load)
  } finally {
    await load.stop()
    await ours.stop()
  }
}

function command(ours: Target, seconds: number) {
  first += 1_000_000
  return { url: ours.url, seconds, batch: 1, first, counts: true }
}

function closed(ours: Target, load: Load, seconds: number) {
  return load.run({ ...command(ours, seconds), connections: 32, waits: 'none' })
}

/** The page under a steady load, as it would be looked at. */
async function watched(ours: Target, load: Load): Promise<void> {
  say(`\n${PER_SECOND} tasks a second for ${LOOK_S} s, the page open at its first view:`)
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } })
  await page.goto(ours.url)
  await page.locator('.figures').waitFor()
  const running = load.run({
    ...command(ours, LOOK_S),
    connections: 32,
    waits: 'none',
    perSecond: PER_SECOND,
  })
  await page.waitForTimeout(1_000)
  const seen = await look(page, LOOK_S - 2)
  const { done, seconds } = await running
  say(`        ${Math.round(done / seconds)} tasks a second were done`)
  judge('frames in the worst second, more than 30', `${seen.framesLeast}`, seen.framesLeast > 30)
  say(`        frames a second in the mean: ${seen.framesMean.toFixed(1)}`)
  const heap = seen.heapMost / 1e6
  judge('JS heap at most, less than 150 MB', `${heap.toFixed(1)} MB`, heap < 150)
  const stream = seen.bytes / 1e3 / seen.seconds
  judge('stream, less than 100 kB/s', `${stream.toFixed(1)} kB/s`, stream < 100)
  say(`        events a second: ${(seen.events / seen.seconds).toFixed(1)}`)
  await page.close()
}

/** What the page itself tells of its frames, its heap and its stream. */
function look(page: Page, seconds: number) {
  return page.evaluate(async (seconds) => {
    const { live } = (await import('/page/live.js' as string)) as {
      live: { bytes: number; events: number }
    }
    const heap = () =>
      (performance as unknown as { memory: { usedJSHeapSize: number } }).memory.usedJSHeapSize
    const before = { bytes: live.bytes, events: live.events }
    const frames: number[] = []
    let heapMost = 0
    const from = performance.now()
    let count = 0
    let mark = from
    await new Promise<void>((done) => {
      const frame = (at: number) => {
        count++
        if (at - mark >= 1_000) {
          frames.push((count * 1_000) / (at - mark))
          heapMost = Math.max(heapMost, heap())
          count = 0
          mark = at
        }
        if (at - from < seconds * 1_000) requestAnimationFrame(frame)
        else done()
      }
      requestAnimationFrame(frame)
    })
    return {
      seconds: (performance.now() - from) / 1_000,
      framesLeast: Math.floor(Math.min(...frames)),
      framesMean: frames.reduce((sum, n) => sum + n, 0) / frames.length,
      heapMost,
      bytes: live.bytes - before.bytes,
      events: live.events - before.events,
    }
  }, seconds)
}

/**
 * The master as fast as it goes, without and with one who reads the stream, in turn within one load:
 * short turns, in the order ABBA, so that whatever else the machine does falls on both. The reader is
 * not a browser, which would take from the same cores what on a desk of its own it would not.
 */
async function lost(ours: Target, load: Load): Promise<void> {
  say(`\nAs fast as it goes, ${TURNS} turns of ${TURN_MS / 1000} s without and with a reader:`)
  const running = closed(ours, load, (TURNS * (TURN_MS + SETTLE_MS)) / 1_000 + 1)
  const sums = { without: { done: 0, ms: 0, us: 0 }, with: { done: 0, ms: 0, us: 0 } }
  for (let turn = 0; turn < TURNS; turn++) {
    const withReader = turn % 4 === 1 || turn % 4 === 2
    const stop = withReader ? read(ours.url) : () => {}
    await sleep(SETTLE_MS)
    const from = await mark(ours)
    await sleep(TURN_MS)
    const to = await mark(ours)
    stop()
    const sum = sums[withReader ? 'with' : 'without']
    sum.done += to.done - from.done
    sum.ms += to.at - from.at
    sum.us += to.us - from.us
  }
  await running
  const rate = ({ done, ms }: { done: number; ms: number }) => (done / ms) * 1_000
  const ratio = rate(sums.with) / rate(sums.without)
  const rates = [sums.without, sums.with].map((sum) => Math.round(rate(sum)))
  const each = [sums.without, sums.with].map(({ us, done }) => (us / done).toFixed(1))
  say(`        ${rates.join(' and ')} tasks/s; master's CPU per task ${each.join(' and ')} us`)
  judge(
    'throughput with a reader, more than 95 % of without',
    `${(ratio * 100).toFixed(1)} %`,
    ratio > 0.95,
  )
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

/** How many tasks are done, and what the master has computed, by now. */
async function mark({ url, pids }: Target) {
  const { tasks } = (await (await fetch(`${url}/status`)).json()) as { tasks: { done: number } }
  return { done: tasks.done, at: performance.now(), us: readCpu(pids).master ?? 0 }
}

/** Reads the stream as a page would; gives what ends it. */
function read(url: string): () => void {
  const stop = new AbortController()
  void (async () => {
    try {
      const response = await fetch(`${url}/overview`, { signal: stop.signal })
      for await (const _ of response.body ?? []) {
        // What it says does not matter here.
      }
    } catch (error) {
      if (!stop.signal.aborted) throw error
    }
  })()
  return () => stop.abort()
}

/** How soon the page opens, and lists tasks, with many stored. */
async function withMany(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'askfirst-bench-page-'))
  try {
    say(`\n${STORED.toLocaleString('en')} tasks stored:`)
    await fill(openSqliteStore({ folder }), STORED)
    const quiet = ['--port', '0', '--log-level', 'warn', '--keep-tasks-max', `${STORED * 2}`]
    const master = await start('master/main.ts', ['--data', folder, ...quiet])
    const opened: number[] = []
    const listed: number[] = []
    for (let i = 0; i < 5; i++) {
      const page = await browser.newPage()
      let from = performance.now()
      await page.goto(master.url)
      await page.locator('.figures').waitFor()
      opened.push(performance.now() - from)
      from = performance.now()
      await page.evaluate(() => {
        location.hash = '#/tasks'
      })
      await page.locator('tbody tr').first().waitFor()
      listed.push(performance.now() - from)
      await page.close()
    }
    const all = opened.map((ms) => ms.toFixed(0)).join(', ')
    judge('page open, less than 1 s each time', `${all} ms`, Math.max(...opened) < 1_000)
    say(`        the list of tasks after that: ${listed.map((ms) => ms.toFixed(0)).join(', ')} ms`)
    await master.stop()
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function fill(store: Store, count: number): Promise<void> {
  await store.load()
  for (let from = 0; from < count; from += COMMIT_TASKS) {
    const changes = Array.from({ length: COMMIT_TASKS }, (_, i) => ({
      do: 'insert' as const,
      task: storedTask(from + i),
    }))
    await new Promise<void>((resolve, reject) => {
      store.commit(changes, (error) => (error ? reject(error) : resolve()))
    })
  }
  await store.close()
}

const nextId = createIds(Date.now).after(null)

function storedTask(n: number): TaskRecord {
  const at = Date.now()
  const slave = `slave-${n % 100}`
  return {
    id: nextId(),
    kind: 'expression',
    status: n % 200 === 0 ? 'failed' : 'done',
    priority: 0,
    createdAt: wallTime(at),
    startedAt: wallTime(at),
    endedAt: wallTime(at),
    slave,
    attempt: `attempt-${n}`.padEnd(38, 'x'),
    tries: 1,
    runLimitMs: 30_000,
    waitUntil: null,
    tags: [],
    idempotencyKey: null,
    client: null,
    requestHash: null,
    trace: null,
    terms: null,
    queueMs: 0,
    input: `{"expression":"sqrt(${n}) + 2"}`,
    work: null,
    outcome:
      n % 200 === 0
        ? '{"status":"failed","type":"evaluation","message":"no such thing"}'
        : `{"status":"done","result":${n},"resultType":"number","resultText":"${n}"}`,
    trail: [{ at: wallTime(at), event: 'taken', slave, ms: 0.8 }],
  }
}
