// What a run costs: CPU of the pool's process and of a child per run with a trivial kind, the
// round trip of one run, and the time from a kill to the next result.
// node test/slave/executor/bench.ts

import { readFileSync } from 'node:fs'
import type { RunEnded } from '../../../slave/executor/executors.ts'
import { createPool } from '../../../slave/executor/pool.ts'

const kindsModule = new URL('./fixtures/kinds.ts', import.meta.url)
const INPUT = { expression: '2+3', scope: { x: 1 } }
const RUN_LIMIT_MS = 10_000
const CLOCK_TICK_MS = 10

/** CPU of a process in milliseconds (Linux). */
function cpuMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]!.split(' ')
  return (Number(fields[11]) + Number(fields[12])) * CLOCK_TICK_MS
}

async function openPool(size: number, recycleTasks = 1e9, spares = 0) {
  let onEnded = (_ended: RunEnded[]) => {}
  const pool = createPool({
    size,
    spares,
    kinds: ['echo', 'late', 'loop'],
    kindsModule,
    recycleTasks,
    recycleMsMin: 0,
    onTrouble: console.error,
    onEnded: (ended) => onEnded(ended),
  })
  await pool.ready()
  let attempts = 0
  return {
    pool,
    add: (kind: string, runLimitMs = RUN_LIMIT_MS) =>
      pool.run({ attempt: `attempt-${++attempts}`, kind, input: INPUT, runLimitMs }),
    hear: (hear: (ended: RunEnded[]) => void) => {
      onEnded = hear
    },
  }
}

type Bench = Awaited<ReturnType<typeof openPool>>

/** Keeps `inLine` runs in the pool until `count` have ended. */
function flow({ add, hear }: Bench, kind: string, count: number, inLine: number): Promise<void> {
  const done = Promise.withResolvers<void>()
  let added = 0
  let ended = 0
  hear((list) => {
    ended += list.length
    for (let index = 0; index < list.length && added < count; index++, added++) add(kind)
    if (ended === count) done.resolve()
  })
  for (; added < Math.min(count, inLine); added++) add(kind)
  return done.promise
}

async function throughput(size: number, kind: string, inLine: number, recycleTasks?: number) {
  const bench = await openPool(size, recycleTasks)
  await flow(bench, kind, 50_000, inLine)
  const pids = bench.pool.state().executors.map(({ pid }) => pid!)
  const childrenBefore = pids.reduce((sum, pid) => sum + cpuMs(pid), 0)
  const parentBefore = process.cpuUsage()
  const started = performance.now()
  const count = 300_000
  await flow(bench, kind, count, inLine)
  const ms = performance.now() - started
  const parent = process.cpuUsage(parentBefore)
  // Of children that were replaced meanwhile nothing can be said.
  const children = recycleTasks
    ? Number.NaN
    : pids.reduce((sum, pid) => sum + cpuMs(pid), 0) - childrenBefore
  await bench.pool.close()
  console.log(
    `${size} children, ${kind}, ${inLine} in the pool${recycleTasks ? `, recycled after ${recycleTasks}` : ''}:`,
    `${Math.round(count / (ms / 1000))} runs/s,`,
    `parent ${((parent.user + parent.system) / count).toFixed(2)} us CPU a run,`,
    `children ${((children * 1000) / count).toFixed(2)} us CPU a run`,
  )
}

async function latency() {
  const bench = await openPool(1)
  const times: number[] = []
  for (let index = 0; index < 10_000; index++) {
    const started = performance.now()
    await flow(bench, 'echo', 1, 1)
    times.push(performance.now() - started)
  }
  await bench.pool.close()
  times.sort((a, b) => a - b)
  const at = (share: number) => Math.round(times[Math.floor(times.length * share)]! * 1000)
  console.log(`one at a time: p50 ${at(0.5)} us, p99 ${at(0.99)} us`)
}

async function afterKill(spares: number) {
  const bench = await openPool(1, 1e9, spares)
  const times: number[] = []
  for (let round = 0; round < 10; round++) {
    while (bench.pool.state().executors.some(({ state }) => state === 'starting')) {
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    const failed = new Promise((resolve) => bench.hear(resolve))
    bench.add('loop', 20)
    await failed
    const started = performance.now()
    await flow(bench, 'echo', 1, 1)
    times.push(performance.now() - started)
  }
  await bench.pool.close()
  times.sort((a, b) => a - b)
  console.log(`from a kill to the next result, ${spares} spares: p50 ${times[5]!.toFixed(1)} ms`)
}

for (const size of [1, 2]) {
  for (const kind of ['echo', 'late']) await throughput(size, kind, 1000)
}
await throughput(1, 'echo', 64)
await throughput(2, 'echo', 1000, 10_000)
await latency()
await afterKill(1)
await afterKill(0)
