// What happens under load, on real processes: npm run load-held -- [--short] [--minutes N]
//
//   capacity   a short closed loop: how many tasks a second the slots can do
//   steady     60 % of it for minutes: nothing fails, nothing drifts
//   overload   300 % of it: refused at once and in form, full capacity for the rest
//   polite     120 % and 150 % of it by clients that come back when Retry-After says
//
// Prints what was seen beside the bound of it, and fails when a bound is broken.

import { availableParallelism, cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { createRandom } from '../../../shared/data/random.ts'
import { arrive, measureCapacity, untilAllWork } from './arrivals.ts'
import { createClient } from './client.ts'
import type { Figure } from './figures.ts'
import { must, noErrors, percent, table } from './figures.ts'
import { SLAVES, SLEEP_MS, SLOTS, SLOTS_EACH, startFleet } from './fleet.ts'
import { watchMemory } from './memory.ts'
import { judgeOverload, lookDuring, OVERLOAD } from './overload.ts'
import { judgePolite, runPolite } from './polite.ts'
import { watchStalls } from './stalls.ts'
import { judgeSteady, STEADY_LOAD } from './steady.ts'

const HELP = `npm run load-held -- [options]
  --short               all in about 40 seconds, for CI
  --minutes N           of steady load (10)
  --overload-minutes N  of overload (2)
  --polite-minutes N    of each of the two loads by polite clients (1)
  --seed N              of arrivals and service times
`

const { values: given } = parseArgs({
  options: {
    short: { type: 'boolean', default: false },
    minutes: { type: 'string' },
    'overload-minutes': { type: 'string' },
    'polite-minutes': { type: 'string' },
    seed: { type: 'string', default: '1' },
    help: { type: 'boolean', default: false },
  },
})
const secondsOf = (minutes: string | undefined, otherwise: number, short: number): number =>
  minutes === undefined ? (given.short ? short : otherwise * 60) : Number(minutes) * 60
const steadySeconds = secondsOf(given.minutes, 10, 12)
const overloadSeconds = secondsOf(given['overload-minutes'], 2, 5)
const politeSeconds = secondsOf(given['polite-minutes'], 1, 4)
const capacitySeconds = given.short ? 3 : 10
const thinkMs = given.short ? 3_000 : 10_000
/** Two for each slot: there is always one that waits. */
const CAPACITY_CLIENTS = 2 * SLOTS
/** Below this share not the slots are what runs out, but the machine: then nothing else is shown. */
const SLOTS_MIN = 0.85
const POLITE_OVERLOADS = [1.2, 1.5]

if (given.help) process.stdout.write(HELP)
else process.exitCode = (await run()) ? 0 : 1

/** Gives whether all bounds held. */
async function run(): Promise<boolean> {
  const random = createRandom(Number(given.seed))
  const fleet = await startFleet()
  const client = createClient(fleet.url)
  const memory = watchMemory(fleet.pids)
  const stalls = watchStalls()
  const bounds: Figure[] = []
  const say = (title: string, figures: Figure[]): void => {
    const all = [noErrors(client.takeErrors()), ...figures]
    bounds.push(...all.filter(({ holds }) => holds !== null))
    process.stdout.write(`${table(title, all)}\n`)
  }
  try {
    process.stdout.write(`${aboutRun()}\n\n`)
    await untilAllWork(client)
    const capacity = await measureCapacity(client, random, CAPACITY_CLIENTS, capacitySeconds)
    const ideal = (1000 * SLOTS) / SLEEP_MS
    const share = capacity / ideal
    const slotsCount = must(
      'of what the slots allow',
      percent(share),
      `>= ${percent(SLOTS_MIN)}`,
      share >= SLOTS_MIN,
    )
    say(`Capacity: ${capacity.toFixed(0)} tasks/s`, [slotsCount])

    const steadyRate = STEADY_LOAD * capacity
    const steady = await arrive(client, random, steadyRate, steadySeconds)
    const steadyTitle = `Steady: ${steadyRate.toFixed(0)} tasks/s, ${STEADY_LOAD} x capacity, for ${steadySeconds} s; first third then last`
    say(steadyTitle, judgeSteady(steady, memory, stalls))

    const overRate = OVERLOAD * capacity
    const arriving = arrive(client, random, overRate, overloadSeconds)
    const looks = await lookDuring(client, arriving)
    const overTitle = `Overload: ${overRate.toFixed(0)} tasks/s, ${OVERLOAD} x capacity, for ${overloadSeconds} s`
    say(overTitle, judgeOverload(await arriving, looks, capacity, stalls))

    for (const overload of POLITE_OVERLOADS) {
      const how = { overload, capacity, thinkMs, seconds: politeSeconds }
      const seen = await runPolite(client, random, how)
      const title = `Polite clients that would ask for ${overload} x capacity, for ${politeSeconds} s`
      say(title, judgePolite(seen, stalls))
    }
  } finally {
    stalls.close()
    memory.close()
    await client.close()
    await fleet.close()
  }
  const broken = bounds.filter(({ holds }) => !holds)
  const names = broken.map(({ name }) => name).join('; ')
  const verdict = broken.length === 0 ? 'all bounds hold' : `${broken.length} broken: ${names}`
  process.stdout.write(`load held: ${bounds.length} bounds, ${verdict}\n`)
  return broken.length === 0
}

function aboutRun(): string {
  return (
    `Node ${process.version}, ${availableParallelism()} cores (${cpus()[0]?.model ?? 'unknown'}), ` +
    `shared by the load, one master, ${SLAVES} slaves of ${SLOTS_EACH} slots; ` +
    `tasks sleep ${SLEEP_MS} ms in the mean, exponentially distributed`
  )
}
