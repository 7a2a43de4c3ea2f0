// Nonsense of every sort, thrown at a master and its slave as processes: requests made of the
// OpenAPI document and broken, raw bytes, and generated expressions. Nothing may exit, nothing may
// answer 500, the event loop keeps up, and memory stays within bounds.
//
//   npm run fuzz                   a million requests and a million expressions
//   npm run fuzz -- --short        the same in small, for CI
//   npm run fuzz -- --seed 7       another one; --requests N and --expressions N for other numbers

import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { Pool } from 'undici'
import { createRandom } from '../../../shared/data/random.ts'
import type { Json, SlaveRow } from '../../requests.ts'
import { getJson, until } from '../../requests.ts'
import { memoryMib } from '../cluster/proc.ts'
import type { RunningProcess } from '../cluster/programs.ts'
import { startMaster, startSlave } from '../cluster/programs.ts'
import { openScope } from '../cluster/scope.ts'
import { createExpressions } from './expressions.ts'
import { throwRaw } from './raw.ts'
import { createRequests, SLAVE } from './requests.ts'

const { values } = parseArgs({
  options: {
    short: { type: 'boolean' },
    seed: { type: 'string', default: '1' },
    requests: { type: 'string' },
    expressions: { type: 'string' },
  },
})
const SIZE = values.short
  ? { requests: 6_000, expressions: 4_000, raw: 200, sockets: 300 }
  : { requests: 1_000_000, expressions: 1_000_000, raw: 20_000, sockets: 2_000 }
if (values.requests) SIZE.requests = Number(values.requests)
if (values.expressions) SIZE.expressions = Number(values.expressions)
const LAG_MS_MAX = 200
const GROWTH_MB_MAX = 512
const LANES = 16
const BATCH = 200

const seed = Number(values.seed)
const random = createRandom(seed)
const scope = openScope('fuzz')
const failures: string[] = []
const statuses = new Map<string, number>()

const args = ['--arrival-ms', '2000', '--heartbeat-ms', '1000']
const master = await startMaster(scope, scope.folder, [...args, '--wait-ms-max', '30000'])
const slave = await startSlave(scope, master.url, 'slave-1', ['--slots', '64'])
const before = { master: memoryMb(master), slave: memoryMb(slave) }
/** What others on this machine take from every loop comes on top of the bound. */
const bystander = fork(fileURLToPath(new URL('./bystander.ts', import.meta.url)))
scope.teardown(() => bystander.disconnect())
await delayOfMachine()
/** Loading its own code is what a master that starts is held up by most. */
const startMs: number = (await getJson(`${master.url}/status`)).eventLoopLagMs.max
const document = await getJson(`${master.url}/docs/openapi.json`)

await phase('requests', async () => {
  for (const [{ url }, paths] of [
    [master, document],
    [slave, SLAVE],
  ] as const) {
    const next = createRequests(paths, random)
    await inLanes(url, SIZE.requests / 2, (pool) => send(pool, next()))
  }
})
await phase('raw bytes', () => throwRaw([master.url, slave.url], random, SIZE, note))
await cancelAll()
await phase('expressions', async () => {
  const next = createExpressions(random)
  await inLanes(master.url, SIZE.expressions / BATCH, (pool) => {
    const tasks = Array.from({ length: BATCH }, () => ({
      expression: next(),
      queue: true,
      runLimitMs: 500,
    }))
    const headers = { 'content-type': 'application/json', prefer: 'wait=30' }
    return send(pool, {
      method: 'POST',
      path: '/tasks/batch',
      headers,
      body: JSON.stringify({ tasks }),
    })
  })
})

await scope.close()
const shown = [...statuses]
  .toSorted(([a], [b]) => a.localeCompare(b))
  .map(([status, count]) => `${status}: ${count}`)
process.stdout.write(`answers: ${shown.join(', ')}\n`)
for (const failure of failures.slice(0, 20)) process.stdout.write(`FAILED: ${failure}\n`)
const passed = failures.length === 0 ? 1 : 0
process.stdout.write(
  `${passed} passed, ${failures.length} failed (seed ${seed}; lag when it had started: ${startMs} ms)\n`,
)
process.exitCode = failures.length > 0 ? 1 : 0

/** Runs one part, then looks at how both are. */
async function phase(name: string, run: () => Promise<void>): Promise<void> {
  const began = performance.now()
  await run()
  const seconds = ((performance.now() - began) / 1000).toFixed(1)
  for (const [who, { child, stderr }] of [
    ['master', master],
    ['slave', slave],
  ] as const) {
    if (child.exitCode === null && child.signalCode === null) continue
    failures.push(`${name}: the ${who} ended (${child.exitCode}): ${stderr().slice(-2000)}`)
    return
  }
  // It may have been drained, as anybody may say here.
  await fetch(`${master.url}/slaves/slave-1/resume`, { method: 'POST' })
  let lagMs = Number.NaN
  // Others may have registered, or polled: requests of slaves are among the nonsense.
  await until(async () => {
    lagMs = (await getJson(`${master.url}/status`)).eventLoopLagMs.max
    const { slaves }: { slaves: SlaveRow[] } = await getJson(`${master.url}/slaves`)
    const own = slaves.find(({ name }) => name === 'slave-1')
    return own && own.state !== 'suspect' && own.state !== 'silent'
  })
  const machineMs = await delayOfMachine()
  if (lagMs > Math.max(LAG_MS_MAX, startMs) + machineMs)
    failures.push(`${name}: the master's event loop stood for ${lagMs} ms`)
  const lag = `lag of the master at most ${lagMs.toFixed(1)} ms`
  const said = [`${name}: ${seconds} s`, `${lag} (of the machine ${machineMs.toFixed(1)})`]
  for (const [who, one] of Object.entries({ master, slave })) {
    const grown = memoryMb(one) - before[who as 'master' | 'slave']
    said.push(`${who} +${grown} MB`)
    if (grown > GROWTH_MB_MAX) failures.push(`${name}: the ${who} grew by ${grown} MB`)
  }
  process.stdout.write(`${said.join(', ')}\n`)
}

async function delayOfMachine(): Promise<number> {
  bystander.send('how late?')
  const [ms] = (await once(bystander, 'message')) as [number]
  return ms
}

/** What still runs or waits of the nonsense would hold up what comes. */
async function cancelAll(): Promise<void> {
  for (;;) {
    const live = ['pending', 'in%20progress'].map((status) =>
      getJson(`${master.url}/tasks?status=${status}&limit=1000`),
    )
    const tasks: Json[] = (await Promise.all(live)).flatMap((page) => page.tasks)
    if (tasks.length === 0) return
    await Promise.all(
      tasks.map(({ id }) => fetch(`${master.url}/tasks/${id}`, { method: 'DELETE' })),
    )
  }
}

async function inLanes(
  url: string,
  count: number,
  run: (pool: Pool) => Promise<void>,
): Promise<void> {
  const pool = new Pool(url, { connections: LANES, headersTimeout: 60_000 })
  let left = Math.ceil(count)
  const lane = async (): Promise<void> => {
    while (left-- > 0) await run(pool)
  }
  await Promise.all(Array.from({ length: LANES }, lane))
  await pool.destroy()
}

async function send(
  pool: Pool,
  what: {
    method: string
    path: string
    headers: Record<string, string>
    body: string | Buffer | null
  },
): Promise<void> {
  try {
    const { statusCode, body, headers } = await pool.request(what as Parameters<Pool['request']>[0])
    if (/event-stream/.test(String(headers['content-type']))) body.on('error', () => {}).destroy()
    else note(statusCode, `${what.method} ${what.path}`, await body.text())
  } catch (error) {
    // undici refuses to send some of it, and a server may close early: neither is an answer.
    count(`none (${(error as Error & { code?: string }).code ?? (error as Error).name})`)
  }
}

function note(status: number, what: string, text: string): void {
  count(String(status))
  if (status === 500) failures.push(`500 to ${what.slice(0, 300)}: ${text.slice(0, 300)}`)
  // In a batch each task is answered for itself.
  if (text.includes('"internal"')) failures.push(`an internal error: ${text.slice(0, 300)}`)
}

function count(what: string): void {
  statuses.set(what, (statuses.get(what) ?? 0) + 1)
}

function memoryMb({ child }: RunningProcess): number {
  return Math.round(memoryMib(child.pid as number, 'VmRSS') ?? 0)
}

export type Document = Json
