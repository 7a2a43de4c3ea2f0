// The same law over real HTTP: ten slaves of one slot, each a process, Poisson arrivals, at least
// 20,000 tasks. The offered load is not set but measured: the rate of arrivals times how long a
// slot is taken, as the master sees it, from the offer to the callback.

import { Pool } from 'undici'
import { createRandom } from '../../../shared/data/random.ts'
import { startCluster } from '../cluster/programs.ts'
import type { Scope } from '../cluster/scope.ts'
import { openScope } from '../cluster/scope.ts'
import { erlangB, orderedLoads } from './closed-forms.ts'
import type { Experiment, Figure } from './laws.ts'
import { judge } from './laws.ts'
import { measureRatio } from './statistics.ts'

const SLAVES = 10
const LOAD = 8
const SERVICE_MS = 40
/** A task holds its slot for a little longer than it sleeps, so that fewer tasks make the load. */
const OVERHEAD_MS = 3
const TASKS = 24_000
const BATCHES = 64
/** Of eleven figures at 4 standard errors one is off in every 250th run: not in each CI another. */
const SEED = Number(process.env.SEED ?? 1)

type Arrival = { at: number; slave: string | null; heldMs: number }

export const overHttp: Experiment = {
  name: `over real HTTP: ${SLAVES} slaves of one slot, offered load near ${LOAD}`,
  async run(effort) {
    const scope = openScope('experiment')
    try {
      return await measure(scope, Math.max(4000, Math.round(TASKS * effort)))
    } finally {
      await scope.close()
    }
  },
}

async function measure(scope: Scope, tasks: number): Promise<Figure[]> {
  const { url } = await startCluster(scope, {
    data: scope.folder,
    slaves: Array.from({ length: SLAVES }, () => ['--slots', '1', '--kinds', 'sleep']),
  })
  const arrivals = await arrive(url, tasks)
  const warm = arrivals.slice(Math.floor(tasks / 20))
  const lastedMs = (warm.at(-1)?.at as number) - (warm[0]?.at as number)
  const taken = warm.filter(({ slave }) => slave !== null)
  const heldMs = taken.reduce((sum, task) => sum + task.heldMs, 0) / taken.length
  const load = (warm.length / lastedMs) * heldMs
  const length = Math.floor(warm.length / BATCHES)
  const batches = Array.from({ length: BATCHES }, (_, i) =>
    warm.slice(i * length, (i + 1) * length),
  )
  const loads = orderedLoads(SLAVES, load)

  const refused = measureRatio(
    batches.map((batch) => batch.filter(({ slave }) => slave === null).length),
    batches.map((batch) => batch.length),
  )
  const name = `refused (a = ${load.toFixed(2)})`
  return [
    { name, verdict: judge(refused, erlangB(SLAVES, load)) },
    ...loads.map((expected, i): Figure => {
      const of = (batch: Arrival[]): number =>
        batch.reduce((sum, { slave, heldMs }) => sum + (slave === `slave-${i + 1}` ? heldMs : 0), 0)
      const spans = batches.map((batch) => (batch.at(-1)?.at as number) - (batch[0]?.at as number))
      const measured = measureRatio(batches.map(of), spans)
      return { name: `load of slave ${i + 1}`, verdict: judge(measured, expected) }
    }),
  ]
}

/** Posts tasks as a Poisson stream; gives for each who had it, and how long its slot was taken. */
async function arrive(url: string, tasks: number): Promise<Arrival[]> {
  const random = createRandom(SEED)
  const pool = new Pool(url, { connections: 64 })
  const arrivals: Promise<Arrival>[] = []
  let next = performance.now()
  for (let i = 0; i < tasks; i++) {
    next += random.exponential((SERVICE_MS + OVERHEAD_MS) / LOAD)
    const wait = next - performance.now()
    if (wait > 1) await new Promise((resolve) => setTimeout(resolve, wait))
    arrivals.push(submit(pool, random.exponential(SERVICE_MS)))
  }
  const all = await Promise.all(arrivals)
  await pool.close()
  return all
}

async function submit(pool: Pool, ms: number): Promise<Arrival> {
  const at = performance.now()
  const { statusCode, body } = await pool.request({
    method: 'POST',
    path: '/tasks',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ kind: 'sleep', input: { ms } }),
  })
  const reply = (await body.json()) as { id: string; slave: string }
  if (statusCode === 503) return { at, slave: null, heldMs: 0 }
  if (statusCode !== 202) throw new Error(`POST /tasks answered ${statusCode}`)
  const { trail } = await readWhenEnded(pool, reply.id)
  const taken = trail.find(({ event }) => event === 'taken') as TrailLine
  const done = trail.at(-1) as TrailLine
  const heldMs = Date.parse(done.at) - Date.parse(taken.at) + (taken.ms ?? 0)
  return { at, slave: reply.slave, heldMs }
}

type TrailLine = { at: string; event: string; ms?: number }

async function readWhenEnded(pool: Pool, id: string): Promise<{ trail: TrailLine[] }> {
  const prefer = { prefer: 'wait=60' }
  const { body: ended } = await pool.request({
    method: 'GET',
    path: `/tasks/${id}`,
    headers: prefer,
  })
  await ended.dump()
  const { body } = await pool.request({ method: 'GET', path: `/tasks/${id}/trail` })
  return (await body.json()) as { trail: TrailLine[] }
}
