// How the cost of a task grows with the number of registered slaves, for the whole master over HTTP:
// `npm run bench-scale -- --http`. A real master with its store, a client that submits tasks one by one over a
// few connections, and simulated slaves (fleet.ts) with one slot. About nine in ten are busy, and a random one
// of them becomes free for each task that is submitted: the free ones are spread over all places.
//
// The slaves' heartbeats are so rare that there are at most BEATS_PER_SECOND in total; what the master takes
// for them and for its own timers is measured without tasks, and shown beside.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { cpuUs, memoryMib } from '../cluster/proc.ts'
import type { Fleet, Load } from './processes.ts'
import { start, startFleet, startLoad } from './processes.ts'

const BUSY = 0.9
const CONNECTIONS = 8
const WARM_TASKS = 3_000
const TASKS = 6_000
/** The load is asked for again until so many tasks are accepted: a busy machine does few in a second. */
const SECONDS = 2
const IDLE_MS = 4_000
const BEATS_PER_SECOND = 200
const HEARTBEAT_MS = 5_000
const BATCH = 500
/** Bounds of the growth from the fewest to the most slaves. */
const ASKS_MAX = 1.05
const CPU_MAX = 1.2

export type HttpFigures = {
  slaves: number
  asksPerTask: number
  usPerTask: number
  tasks: number
  /** Of one core, without tasks. */
  idleShare: number
  masterMib: number
}

/** Prints a line for each number of slaves. Gives whether the growth is within its bounds. */
export async function scaleOverHttp(sizes: number[]): Promise<boolean> {
  const runs: HttpFigures[] = []
  for (const slaves of sizes) {
    const run = await measure(slaves)
    runs.push(run)
    const growth = run.usPerTask / (runs[0] as HttpFigures).usPerTask
    process.stdout.write(
      `${String(slaves).padStart(6)} slaves: ${run.asksPerTask.toFixed(3)} asks and ` +
        `${run.usPerTask.toFixed(0)} us of the whole master per task (x ${growth.toFixed(2)}; ` +
        `${run.tasks} tasks); without tasks ${(100 * run.idleShare).toFixed(1)} % of a core; ` +
        `memory ${run.masterMib.toFixed(0)} MiB\n`,
    )
  }
  const [fewest, most] = [runs[0] as HttpFigures, runs.at(-1) as HttpFigures]
  const isGood =
    most.asksPerTask <= ASKS_MAX * fewest.asksPerTask &&
    most.usPerTask <= CPU_MAX * fewest.usPerTask
  return isGood
}

async function measure(slaves: number): Promise<HttpFigures> {
  const folder = mkdtempSync(join(tmpdir(), 'askfirst-scale-'))
  const heartbeatMs = Math.max(HEARTBEAT_MS, Math.ceil((slaves * 1000) / BEATS_PER_SECOND))
  const args = ['--port', '0', '--log-level', 'warn', '--data', folder]
  // Tasks that keep a slave busy run for as long as the measurement.
  args.push('--heartbeat-ms', `${heartbeatMs}`, '--run-limit-ms', '3600000')
  const master = await start('master/main.ts', args)
  const [load, fleet] = [await startLoad(), await startFleet()]
  try {
    await fleet.tell({ do: 'register', master: master.url, slaves, slots: 1, heartbeatMs })
    await fill(master.url, fleet, Math.max(0, Math.floor(slaves * BUSY) - CONNECTIONS))
    await submit(load, master.url, WARM_TASKS)
    const before = await fleet.tell({ do: 'count' })
    const cpuBefore = cpuUs(master.pid).self
    const tasks = await submit(load, master.url, TASKS)
    const taken = cpuUs(master.pid).self - cpuBefore
    const after = await fleet.tell({ do: 'count' })
    const idleFrom = cpuUs(master.pid).self
    await sleep(IDLE_MS)
    const idleShare = (cpuUs(master.pid).self - idleFrom) / 1000 / IDLE_MS
    return {
      slaves,
      asksPerTask: (after.offers - before.offers) / tasks,
      usPerTask: taken / tasks,
      tasks,
      idleShare,
      masterMib: memoryMib(master.pid, 'VmRSS') ?? Number.NaN,
    }
  } finally {
    await Promise.all([load.stop(), fleet.stop()])
    await master.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Submits so many tasks that do not end, and waits until all run. From now on as many keep running. */
async function fill(master: string, fleet: Fleet, tasks: number): Promise<void> {
  await fleet.tell({ do: 'keep', running: tasks })
  for (let at = 0; at < tasks; at += BATCH) {
    const batch = Array.from({ length: Math.min(BATCH, tasks - at) }, (_, n) => ({
      expression: `${at + n} * 2`,
      queue: true,
    }))
    const response = await fetch(`${master}/tasks/batch`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ tasks: batch }),
    })
    if (!response.ok) throw new Error(`the batch was answered ${response.status}`)
    await response.arrayBuffer()
  }
  while ((await fleet.tell({ do: 'count' })).running < tasks) await sleep(20)
}

/** Submits at least so many tasks, one by one on each connection. Gives how many were accepted. */
async function submit(load: Load, url: string, tasks: number): Promise<number> {
  const how = { connections: CONNECTIONS, batch: 1, waits: 'none', counts: true } as const
  let accepted = 0
  while (accepted < tasks) {
    const report = await load.run({ url, seconds: SECONDS, first: accepted, ...how })
    const [mistake] = Object.keys(report.errors)
    if (mistake !== undefined) throw new Error(`the load had an error: ${mistake}`)
    accepted += report.accepted
  }
  return accepted
}
