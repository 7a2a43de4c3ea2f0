// What a refusal at capacity costs, over HTTP: `npm run bench-refusals`. A real master with its store and
// simulated slaves (fleet.ts) that are full; clients ask for three times as much as they can do.
//
// turnover: slots become free at a steady rate, and tasks arrive at three times that rate, as a Poisson process:
//           two of three are refused.
// standing: the same arrivals while no slot becomes free, so that all are refused: the master's whole
//           processor time for each.
// alone:    one client, while no slot becomes free: what a refusal takes that shares its turn with nothing.
//
// Fails when a refusal alone takes the master REFUSAL_MS_MAX or more (p50), from the request parsed to the
// response written, in processor time. On a busy machine requests pile up, and those of one turn each count
// what the others take: then the first two say more of the machine.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { ROOT } from '../cluster/launch.ts'
import { cpuUs } from '../cluster/proc.ts'
import type { LoadReport } from './load.ts'
import { start, startFleet, startLoad } from './processes.ts'
import type { ProbeFigures } from './refusal-probe.ts'
import type { Summary } from './summary.ts'

const { values: given } = parseArgs({
  options: {
    seconds: { type: 'string', default: '10' },
    /** Tasks per second that the slaves can do. */
    capacity: { type: 'string', default: '200' },
    slaves: { type: 'string', default: '4' },
    slots: { type: 'string', default: '16' },
  },
})
const seconds = Number(given.seconds)
const capacity = Number(given.capacity)
const slaves = Number(given.slaves)
const slots = Number(given.slots)

const OVERLOAD = 3
const CONNECTIONS = 64
const WARM_SECONDS = 5
const REFUSAL_MS_MAX = 0.2
const SETTLE_MS = 300
const how = { connections: CONNECTIONS, batch: 1, waits: 'none', counts: false } as const

const folder = mkdtempSync(join(tmpdir(), 'askfirst-refusals-'))
const probe = join(folder, 'probe.json')
const data = ['--port', '0', '--log-level', 'warn', '--data', join(folder, 'master')]
const master = await start('master/main.ts', data, {
  node: ['--import', `${ROOT}test/rigs/bench/refusal-probe.ts`],
  env: { PROBE_FILE: probe },
})
const [load, fleet] = [await startLoad(), await startFleet()]
try {
  const { url } = master
  await fleet.tell({ do: 'register', master: url, slaves, slots, heartbeatMs: 5_000 })
  await fleet.tell({ do: 'end', perSecond: capacity })
  const perSecond = OVERLOAD * capacity
  await load.run({ url, seconds: WARM_SECONDS, perSecond, first: 0, ...how })
  await endPhase()
  const turnover = await load.run({ url, seconds, perSecond, first: 1_000_000, ...how })
  await fleet.tell({ do: 'keep', running: null })
  await endPhase()
  const before = cpuUs(master.pid).self
  const standing = await load.run({ url, seconds, perSecond, first: 2_000_000, ...how })
  const usPerRefusal = (cpuUs(master.pid).self - before) / standing.refused
  await endPhase()
  const alone = await load.run({ url, seconds, first: 3_000_000, ...how, connections: 1 })
  await master.stop()
  const phases = JSON.parse(readFileSync(probe, 'utf8')) as ProbeFigures[]
  const share = turnover.refused / (turnover.refused + turnover.accepted)
  process.stdout.write(
    `${perSecond} tasks/s for slaves that can do ${capacity}: ${(100 * share).toFixed(1)} % refused\n` +
      `turnover  ${inWords(turnover, phases[1])}\n` +
      `standing  ${inWords(standing, phases[2])}\n` +
      `          ${usPerRefusal.toFixed(0)} us of the whole master, all threads and timers\n` +
      `alone     ${inWords(alone, phases[3])}\n`,
  )
  const errors = { ...turnover.errors, ...standing.errors, ...alone.errors }
  if (Object.keys(errors).length > 0) process.stdout.write(`errors: ${JSON.stringify(errors)}\n`)
  process.exitCode = (phases[3]?.cpuMs.p50 ?? Number.NaN) < REFUSAL_MS_MAX ? 0 : 1
} finally {
  await Promise.all([load.stop(), fleet.stop(), master.stop()])
  rmSync(folder, { recursive: true, force: true })
}

/** The master is between two phases. */
async function endPhase(): Promise<void> {
  process.kill(master.pid, 'SIGUSR2')
  await sleep(SETTLE_MS)
}

function inWords({ refused, toRefused }: LoadReport, probed: ProbeFigures | undefined): string {
  if (probed === undefined) throw new Error('the probe has no figures of this phase')
  const { cpuMs, clockMs } = probed
  const both = ({ p50, p99 }: Summary): string => `${p50.toFixed(3)} (p99 ${p99.toFixed(3)})`
  return (
    `${refused} refused; parsed to written, p50: ${both(cpuMs)} ms of processor time, ` +
    `${both(clockMs)} ms by the clock; for the client ${both(toRefused)} ms`
  )
}
