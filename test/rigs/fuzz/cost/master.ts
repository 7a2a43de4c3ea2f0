// Looks for jobs, tasks, batches and lists that hold up a master or make it answer too much: posts them
// one by one and reads after each one how long the longest step of the event loop was (steps.ts), then
// reads every list that the OpenAPI document names, kills the master, starts it again and reads on.

import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Random } from '../../../../shared/data/random.ts'
import type { Json } from '../../../requests.ts'
import { memoryMib } from '../../cluster/proc.ts'
import type { RunningProcess } from '../../cluster/programs.ts'
import { freePort, startProcess, startSlave } from '../../cluster/programs.ts'
import { openScope } from '../../cluster/scope.ts'
import type { Posted } from './jobs.ts'
import { createJobs } from './jobs.ts'
import type { Step } from './judge.ts'
import { LOOP, watchStepsOf } from './steps.ts'

/** Of what has pages; anything else may have ANSWER_BYTES_MAX. */
const LIST_BYTES_MAX = 1_048_576
const ANSWER_BYTES_MAX = 16 * 1_048_576
const MEMORY_MB_MAX = 512
/** How long a job may run before it is cancelled: what counts is planning, taking in, combining. */
const RUN_MS = 1_000
/** So many of the last jobs run while the master is killed. */
const LEFT = 5
/** Of so many tasks and jobs each, what can be read about one is read. */
const IDS_MAX = 4
/** Every request is answered within this; the machine may be busy. */
const ANSWERED_MS = 60_000

export type Tally = {
  failures: string[]
  posted: number
  /** How many of them had each status. */
  statuses: Record<number, number>
  lists: number
  longest: Step
  largestBytes: number
  memoryMb: number
}

export async function findCostlyRequests(random: Random, count: number): Promise<Tally> {
  const scope = openScope('cost')
  const { folder } = scope
  const steps = join(folder, 'steps')
  const port = await freePort()
  const watch = watchStepsOf(steps)
  const tally: Tally = {
    failures: [],
    posted: 0,
    statuses: {},
    lists: 0,
    longest: watch.longest(),
    largestBytes: 0,
    memoryMb: 0,
  }
  const given = ['--port', String(port), '--data', join(folder, 'data'), '--log-level', 'error']
  const env = { FUZZ_STEPS: steps }
  const start = () =>
    startProcess(scope, 'master/main.ts', [...given, '--heartbeat-ms', '1000'], env, [
      '--import',
      LOOP,
    ])

  try {
    let master = await start()
    const { url } = master
    await startSlave(scope, url, 'slave-1', ['--slots', '64'])
    const judged = async (what: string, run: () => Promise<unknown>): Promise<void> => {
      try {
        const said = await watch.blamed(what, async () => void (await run()))
        if (said !== undefined) tally.failures.push(said)
      } catch (error) {
        tally.failures.push(`${what}: ${(error as Error).message}`)
      }
      const megabytes = memoryMb(master)
      if (megabytes > MEMORY_MB_MAX && tally.memoryMb <= MEMORY_MB_MAX)
        tally.failures.push(`the master has used ${megabytes} MB of memory after ${what}`)
      tally.memoryMb = Math.max(tally.memoryMb, megabytes)
    }
    const next = createJobs(random)
    for (let i = 0; i < count; i++) {
      const posted = next()
      await judged(describe(posted), async () => {
        const status = await post(url, posted, i < count - LEFT)
        tally.posted += 1
        tally.statuses[status] = (tally.statuses[status] ?? 0) + 1
        // A refusal is a status of its own; a master that does not know what went wrong says 500.
        if (status === 500) tally.failures.push(`500 to ${describe(posted)}`)
      })
    }
    await readAll(url, tally, judged)
    await judged('the start after a kill', async () => {
      await master.kill()
      master = await start()
      await sleep(RUN_MS)
    })
    await readAll(url, tally, judged)
  } finally {
    watch.close()
    await scope.close()
  }
  return tally
}

type Judged = (what: string, run: () => Promise<unknown>) => Promise<void>

const describe = ({ path, body }: Posted): string => {
  const text = JSON.stringify(body)
  return `POST ${path} ${text.length > 600 ? `${text.slice(0, 600)}... (${text.length} characters)` : text}`
}

/** A request with a deadline for all of it. Of a stream nothing is read. */
async function exchange(
  url: string,
  init: RequestInit = {},
): Promise<{ status: number; bytes: number; body: Json }> {
  const answer = await fetch(url, { ...init, signal: AbortSignal.timeout(ANSWERED_MS) })
  const type = answer.headers.get('content-type') ?? ''
  if (type.startsWith('text/event-stream')) {
    await answer.body?.cancel()
    return { status: answer.status, bytes: 0, body: null }
  }
  const bytes = Buffer.from(await answer.arrayBuffer())
  const body = type.includes('json') ? (JSON.parse(bytes.toString()) as Json) : null
  return { status: answer.status, bytes: bytes.length, body }
}

/** Posts it and, unless it was refused, waits until it has ended; what takes longer is cancelled. */
async function post(url: string, { path, body }: Posted, isAwaited: boolean): Promise<number> {
  const headers = { 'content-type': 'application/json' }
  const answer = await exchange(url + path, { method: 'POST', headers, body: JSON.stringify(body) })
  if (!isAwaited) return answer.status
  const single = path === '/tasks/batch' ? (answer.body.tasks ?? []) : [answer.body]
  const addresses: string[] = single
    .filter(({ id }: Json) => id !== undefined)
    .map(({ id }: Json) => `${url}${path.replace('/batch', '')}/${id}`)
  const deadline = performance.now() + RUN_MS
  while (addresses.length > 0 && performance.now() < deadline) {
    const { status } = (await exchange(addresses[0] as string)).body
    if (status === 'pending' || status === 'in progress') await sleep(20)
    else addresses.shift()
  }
  for (const address of addresses) await exchange(address, { method: 'DELETE' })
  return answer.status
}

/** Every GET of the document, with the largest page that it takes, and with an id of each list. */
async function readAll(url: string, tally: Tally, judged: Judged): Promise<void> {
  const { paths } = (await exchange(`${url}/docs/openapi.json`)).body
  const { tasks } = (await exchange(`${url}/tasks?limit=1000`)).body
  const { jobs } = (await exchange(`${url}/jobs?limit=1000`)).body
  for (const [path, { get }] of Object.entries(paths as Json) as [string, Json][]) {
    // A bare GET /get_task waits for a task, and would be given it.
    if (!get || path === '/get_task') continue
    const limit = (get.parameters ?? []).find(({ name }: Json) => name === 'limit')
    const ids = path.startsWith('/jobs/{') ? jobs : path.startsWith('/tasks/{') ? tasks : []
    const filled = path.includes('{')
      ? ids.slice(0, IDS_MAX).map(({ id }: Json) => path.replace(/\{\w+\}/, id))
      : [path]
    for (const each of filled) {
      const address = limit ? `${each}?limit=${limit.schema.maximum}` : each
      await judged(`GET ${address}`, async () => {
        const { bytes } = await exchange(url + address)
        tally.lists += 1
        tally.largestBytes = Math.max(tally.largestBytes, bytes)
        const most = limit ? LIST_BYTES_MAX : ANSWER_BYTES_MAX
        if (bytes > most)
          tally.failures.push(`GET ${address} answers ${bytes} bytes, more than ${most}`)
      })
    }
  }
}

/** The most that a process has had in memory; 0 where the system does not tell. */
const memoryMb = ({ child }: RunningProcess): number =>
  Math.round(memoryMib(child.pid as number, 'VmHWM') ?? 0)
