// How the cost of a decision grows with the number of slaves: `npm run bench-scale`. Steps the master's core
// by itself: nothing is stored or sent, so that what is measured is the deciding. Slaves have one slot and are
// busy at nine of ten; then all are busy, and a task is refused. With `--http` the whole master is measured
// instead, over HTTP (scale-http.ts); `--slaves 10,1000` names other sizes.
//
//   submit --> offer, save --> taken (the slave is full) --> later: outcome (the slave is free)
//
// Fails when asks or processor time grow beyond their bounds.

import { parseArgs } from 'node:util'
import type { Effect, Input } from '../../../master/core/messages.ts'
import { createAttemptIds } from '../../../master/dispatch/attempt-ids.ts'
import { wallTime } from '../../../shared/data/clock.ts'
import { createRandom } from '../../../shared/data/random.ts'
import type { SlaveState } from '../../../shared/protocol/wire.ts'
import { instant } from '../../instants.ts'
import { aToken, createTestCore } from '../../master/stepping.ts'
import { scaleOverHttp } from './scale-http.ts'
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

type Offer = Effect & { do: 'offer' }

const { values: given } = parseArgs({
  options: { http: { type: 'boolean', default: false }, slaves: { type: 'string' } },
})
const sizes = given.slaves === undefined ? SIZES : given.slaves.split(',').map(Number)
const isGood = given.http ? await scaleOverHttp(sizes) : scaleOfCore()
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
    fleet.usPerTask = (user + system) / tasks
    fleet.asksPerTask = (fleet.core.view.counters.asks - before) / tasks
  }
  while (running.length < slaves) running.push(fleet.submit())
  const times: number[] = []
  for (let i = 0; i < REFUSALS; i++) {
    const startedAt = performance.now()
    fleet.refused()
    times.push(performance.now() - startedAt)
  }
  const { usPerTask, asksPerTask } = fleet
  return { usPerTask, asksPerTask, refusalMs: summarize(times.slice(REFUSALS / 5)) }
}

/** A core with so many free slaves, all of which answer at once. */
function createFleet(slaves: number) {
  const hour = 3_600_000
  const core = createTestCore(
    { heartbeatMs: hour, askTimeoutMs: hour },
    { ids: createAttemptIds('secret') },
  )
  const generations = new Map<string, number>()
  let now = 0
  let tasks = 0
  const step = (input: Input) => core.step(input, instant(now), wallTime(now))
  const names = Array.from({ length: slaves }, (_, i) => `slave-${i + 1}`)
  step({ is: 'restore', tasks: [], slaves: names.map((name, position) => stored(name, position)) })
  for (const name of names) {
    const card = { name, boot: `boot-${name}`, version: '1', kinds: ['k'], tags: [], slots: 1 }
    const said = { card, state: stateOf(name, 1), attempts: [] }
    step({ is: 'visited', name, url: `http://${name}`, said, token: null })
  }

  return {
    core,
    usPerTask: Number.NaN,
    asksPerTask: Number.NaN,

    /** A task that is offered and taken. */
    submit(): Offer {
      const offer = submitted().find((effect) => effect.do === 'offer')
      if (offer === undefined) throw new Error('the task was not offered')
      const { slave, attempt } = offer
      const answers = [{ attempt, answer: 'taken' as const, reason: '' }]
      step({ is: 'answers', slave, state: stateOf(slave, 0), answers })
      return offer
    },

    end({ slave, attempt, task }: Offer): void {
      const outcome = { status: 'done' as const, result: 1 }
      const callbacks = [{ attempt, task: task.id, outcome, ranMs: 1 }]
      step({ is: 'callbacks', state: stateOf(slave, 1), callbacks, token: aToken() })
    },

    refused(): void {
      if (!submitted().some((effect) => effect.do === 'refuse')) throw new Error('not refused')
    },
  }

  function submitted(): Effect[] {
    now += 0.1
    const id = `task-${++tasks}`
    const limits = { queue: false, waitUntil: null, expiresAt: null, runLimitMs: 1_000 }
    const task = { id, kind: 'k', priority: 0, createdAt: wallTime(now), ...limits }
    return step({ is: 'submit', task })
  }

  function stateOf(slave: string, free: number): SlaveState {
    const generation = (generations.get(slave) ?? 0) + 1
    generations.set(slave, generation)
    const mode = 'accepting' as const
    return { slave, boot: `boot-${slave}`, generation, slots: 1, free, mode, reason: '' }
  }
}

function stored(name: string, position: number) {
  return { name, address: { by: 'http', url: `http://${name}` } as const, position, drained: false }
}
