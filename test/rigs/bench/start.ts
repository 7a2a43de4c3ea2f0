// What a start costs, and what memory the processes hold: npm run bench-start -- [--rounds N] [--tasks N]
//   [--executors N] [--json FILE]
//
// Each round starts a master and a slave as they are installed, submits one task and reads the processor
// time of the slave, with its executors, when the outcome is there. Then it submits `--tasks` more and reads
// the resident memory of each process. The first round fills the caches and is not counted.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { commandOf, launch, ROOT } from '../cluster/launch.ts'
import { childrenOf, cpuUs, memoryMib } from '../cluster/proc.ts'
import { exitOnSignals } from '../cluster/scope.ts'
import { spreadOf } from './summary.ts'

const { values: given } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    tasks: { type: 'string', default: '10000' },
    executors: { type: 'string', default: '1' },
    json: { type: 'string' },
  },
})
const rounds = Number(given.rounds)
const tasks = Number(given.tasks)
const BATCH = 1000
const STOP_MS_MAX = 10_000
const env = { NODE_COMPILE_CACHE: `${ROOT}node_modules/.cache/askfirst` }

/** Figures of one round, by name; times in milliseconds, memory in MiB. */
type Figures = Record<string, number>

exitOnSignals()
const all: Figures[] = []
for (let round = 0; round <= rounds; round++) {
  const figures = await measure()
  if (round > 0) all.push(figures)
}
const medians: Figures = {}
for (const name of Object.keys(all[0] ?? {})) {
  const { median, least, most } = spreadOf(all.map((figures) => figures[name] ?? 0))
  medians[name] = median
  const [middle, low, high] = [median, least, most].map((value) => value.toFixed(0).padStart(6))
  process.stdout.write(`${name.padEnd(44)}${middle}   (${low} to${high})\n`)
}
if (given.json) writeFileSync(given.json, `${JSON.stringify({ medians, all }, null, 2)}\n`)

async function measure(): Promise<Figures> {
  const folder = mkdtempSync(join(tmpdir(), 'askfirst-start-'))
  const quiet = ['--port', '0', '--log-level', 'warn']
  const master = launch(commandOf('master/main.ts', [...quiet, '--data', folder]), { env })
  const url = await master.listening
  const masterMs = cpuUs(pidOf(master)).self / 1000
  const slaveArgs = ['--master', url, '--name', 'slave-1', '--slots', '4096']
  slaveArgs.push('--executors', given.executors)
  const slave = launch(commandOf('slave/main.ts', [...quiet, ...slaveArgs]), { env })
  try {
    await slave.listening
    await post(`${url}/tasks`, { expression: '2 + 3', queue: true }, { prefer: 'wait=30' })
    const pid = pidOf(slave)
    const children = childrenOf(pid).map((child) => cpuUs(child).self / 1000)
    const { self, reaped } = cpuUs(pid)
    const executorMs = children.reduce((sum, ms) => sum + ms, reaped / 1000)
    await runTasks(url)
    return {
      'master: start, ms of processor': masterMs,
      'slave: to the first outcome, ms of processor': self / 1000 + executorMs,
      '  of which the agent': self / 1000,
      '  of which executors': executorMs,
      'master: resident, MiB': memoryMib(pidOf(master), 'VmRSS') ?? 0,
      'slave: resident with executors, MiB': residentOf([pid, ...childrenOf(pid)]),
      '  of which the agent, MiB': memoryMib(pid, 'VmRSS') ?? 0,
      '  executors there': childrenOf(pid).length,
    }
  } finally {
    await slave.end('SIGTERM', STOP_MS_MAX)
    await master.end('SIGTERM', STOP_MS_MAX)
    rmSync(folder, { recursive: true, force: true })
  }
}

function pidOf({ child }: ReturnType<typeof launch>): number {
  return child.pid as number
}

/** Of several processes of one program: pages of its file that all of them have mapped count once. */
function residentOf(pids: number[]): number {
  let own = 0
  let shared = 0
  for (const pid of pids) {
    const status = readFileSync(`/proc/${pid}/status`, 'latin1')
    const kib = (name: string) => Number(new RegExp(`${name}:\\s*(\\d+)`).exec(status)?.[1] ?? 0)
    own += kib('RssAnon')
    shared = Math.max(shared, kib('RssFile') + kib('RssShmem'))
  }
  return (own + shared) / 1024
}

async function runTasks(url: string): Promise<void> {
  for (let at = 0; at < tasks; at += BATCH) {
    const batch = Array.from({ length: Math.min(BATCH, tasks - at) }, (_, n) => ({
      expression: `${at + n} * 2 + 1`,
      queue: true,
    }))
    await post(`${url}/tasks/batch`, { tasks: batch })
  }
  for (;;) {
    const response = await fetch(`${url}/status`)
    const { counters } = (await response.json()) as { counters: { ended: { done?: number } } }
    if ((counters.ended.done ?? 0) > tasks) return
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

async function post(url: string, body: object, headers: Record<string, string> = {}) {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  })
  if (!response.ok) throw new Error(`${url}: ${response.status} ${await response.text()}`)
  await response.arrayBuffer()
}
