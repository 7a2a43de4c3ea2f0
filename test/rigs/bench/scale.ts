// How the cost of a decision grows with the number of slaves: `npm run bench-scale`. Steps the master's core
// by itself: nothing is stored or sent, so that what is measured is the deciding. Slaves have one slot and are
// busy at nine of ten; then all are busy, and a task is refused. With `--http` the whole master is measured
// instead, over HTTP (scale-http.ts); `--slaves 10,1000` names other sizes. Then what needs of tasks add
// (scale-needs.ts).
//
//   submit --> offer, save --> taken (the slave is full) --> later: outcome (the slave is free)
//
// Fails when asks or processor time grow beyond their bounds.

import { parseArgs } from 'node:util'
import { createRandom } from '../../../shared/data/random.ts'
import type { Offer } from './core-fleet.ts'
import { createFleet } from './core-fleet.ts'
import { scaleOverHttp } from './scale-http.ts'
import { scaleOfNeeds } from './scale-needs.ts'
import { summarize } from './summary.ts'

const SIZES = [10, 100, 1_000, 10_000]
const TASKS = 60_000
const REFUSALS = 5_000
const BUSY = 0.9
/**
 * Bounds of the growth from the fewest to the most slaves, and of one refusal. The core is a tenth of the
 * master's time for a task, and with ten thousand slaves little of it stays in the caches: what must not
 * happen is that it looks through all of them.
 */
const ASKS_MAX = 1.05
const CPU_MAX = 4
const REFUSAL_MS_MAX = 0.2

const { values: given } = parseArgs({
  options: { http: { type: 'boolean', default: false }, slaves: { type: 'string' } },
})
const sizes = given.slaves === undefined ? SIZES : given.slaves.split(',').map(Number)
const isGood = given.http ? await scaleOverHttp(sizes) : scaleOfCore() && scaleOfNeeds()
process.exitCode = isGood ? 0 : 1

/** Prints a line for each number of slaves. Gives whether all is within its bounds. */
function scaleOfCore(): boolean {
  const runs = sizes.map((slaves) => ({ slaves, ...measure(slaves) }))
  const [fewest] = runs
  for (const { slaves, asksPerTask, usPerTask, refusalMs } of runs) {
    const growth = usPerTask / (fewest?.usPerTask ?? Number.NaN)
    process.stdout.write(
      `${String(slaves).padStart(6)} slaves: ${asksPerTask.toFixed(3)} asks and ` +
        `${usPerTask.toFixed(1)} us of the core per task (x ${growth.toFixed(2)}); ` +
        `a refusal ${refusalMs.p50.toFixed(3)} ms (p50), ${refusalMs.p99.toFixed(3)} ms (p99)\n`,
    )
  }
  const most = runs.at(-1)
  return (
    fewest !== undefined &&
    most !== undefined &&
    most.asksPerTask <= ASKS_MAX * fewest.asksPerTask &&
    most.usPerTask <= CPU_MAX * fewest.usPerTask &&
    runs.every(({ refusalMs }) => refusalMs.p50 < REFUSAL_MS_MAX)
  )
}

function measure(slaves: number) {
  const fleet = createFleet(slaves)
  const running: Offer[] = []
  const random = createRandom(7)
  const busy = Math.floor(slaves * BUSY)
  while (running.length < busy) running.push(fleet.submit())
  let usPerTask = Number.NaN
  let asksPerTask = Number.NaN
  // Also once for the compiler.
  for (const tasks of [TASKS / 4, TASKS]) {
    const before = fleet.core.view.counters.asks
    const startedAt = process.cpuUsage()
    for (let i = 0; i < tasks; i++) {
      const at = random.integer(running.length)
      fleet.end(running[at] as Offer)
      running[at] = fleet.submit()
    }
    const { user, system } = process.cpuUsage(startedAt)
    usPerTask = (user + system) / tasks
    asksPerTask = (fleet.core.view.counters.asks - before) / tasks
  }
  while (running.length < slaves) running.push(fleet.submit())
  const times: number[] = []
  for (let i = 0; i < REFUSALS; i++) {
    const startedAt = performance.now()
    fleet.refused()
    times.push(performance.now() - startedAt)
  }
  return { usPerTask, asksPerTask, refusalMs: summarize(times.slice(REFUSALS / 5)) }
}
