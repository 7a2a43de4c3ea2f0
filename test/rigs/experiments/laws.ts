// The laws of ordered asking, in simulation: the production dispatcher and agents against closed
// forms. Each experiment gives verdicts on its figures; all is deterministic from the seeds.

import type { Random } from '../../../shared/data/random.ts'
import type { Batch, LossSystem } from '../simulation/loss-system.ts'
import { runLossSystem } from '../simulation/loss-system.ts'
import {
  erlangB,
  erlangC,
  meanAsks,
  meanAsksOfTaken,
  meanWait,
  orderedLoads,
  orderedSpeeds,
  refusedWithDelay,
} from './closed-forms.ts'
import type { Measured, Verdict } from './statistics.ts'
import { measureRatio, withinStandardErrors } from './statistics.ts'

export type Figure = { name: string; verdict: Verdict }
export type Experiment = { name: string; run: (effort: number) => Promise<Figure[]> }

/** Batches per run, as measureRatio likes them, and one to warm up. */
const BATCHES = 65

const SERVICES: Record<string, (random: Random) => number> = {
  exponential: (random) => random.exponential(1),
  constant: () => 1,
  'strongly varying': (random) => random.hyperexponential(1, 10),
}

/** All experiments. `effort` 1 is the full size. */
export const LAWS: Experiment[] = [
  ...[
    { c: 5, a: 3, tasks: 600_000 },
    { c: 10, a: 8, tasks: 600_000 },
    { c: 100, a: 90, tasks: 400_000 },
  ].flatMap(({ c, a, tasks }) =>
    Object.keys(SERVICES).map((service) => askingAll(c, a, service, tasks)),
  ),
  knownBusyAtScale(),
  askingWithDelay(),
  ...[
    { c: 10, a: 9, delay: 0.05 },
    { c: 100, a: 90, delay: 0.001 },
    { c: 100, a: 90, delay: 0.01 },
    { c: 100, a: 90, delay: 0.05 },
  ].map(knownBusyWithDelay),
  ...[
    { c: 10, a: 8 },
    { c: 10, a: 9 },
    { c: 25, a: 20 },
    { c: 100, a: 90 },
  ].map(waiting),
  ...[
    [2, 1, 1, 0.5],
    [0.5, 1, 1, 2],
  ].map(differentSpeeds),
]

function askingAll(c: number, a: number, service: string, tasks: number): Experiment {
  return {
    name: `ask always: c = ${c}, a = ${a}, ${service} service`,
    async run(effort) {
      const batches = await measure(
        effort,
        { slaves: c, offeredLoad: a, ask: 'always', tasks },
        service,
      )
      const loads = orderedLoads(c, a)
      const places = c <= 10 ? loads.map((_, i) => i) : [0, 9, 49, 89, 99]
      return [
        share('refused', batches, refused, erlangB(c, a)),
        share('asks per task', batches, ({ asks }) => asks, meanAsks(c, a)),
        ...places.map((i) => load(i, batches, loads[i] as number)),
      ]
    },
  }
}

/** Finding a free one of 10,000 slaves takes one ask, not thousands. */
function knownBusyAtScale(): Experiment {
  return {
    name: 'known busy skipped: c = 10000, a = 9000',
    async run(effort) {
      const given = { slaves: 10_000, offeredLoad: 9_000, ask: 'known', warmUp: 16 } as const
      const batches = await measure(
        Math.max(0.5, effort),
        { ...given, tasks: 300_000 },
        'exponential',
      )
      const { mean } = measureRatio(
        batches.map(({ asks }) => asks),
        batches.map(({ tasks }) => tasks),
      )
      const text = `measured ${mean.toFixed(4)}, at most 1.05`
      const verdict: Verdict = { is: mean <= 1.05 ? 'agrees' : 'differs', away: 0, error: 0, text }
      return [{ name: 'asks per task', verdict }]
    },
  }
}

/** Offers that are taken or refused at once: a delay changes neither refusals nor asks. */
function askingWithDelay(): Experiment {
  const [c, a, delay] = [10, 8, 0.01]
  return {
    name: `ask always, round trip ${delay} S: c = ${c}, a = ${a}`,
    async run(effort) {
      const given = { slaves: c, offeredLoad: a, ask: 'always', delay, tasks: 300_000 } as const
      const batches = await measure(effort, given, 'exponential')
      const taken = (batch: Batch): number => batch.tasks - batch.refused
      const until = judge(
        measureRatio(
          batches.map(({ untilTaken }) => untilTaken),
          batches.map(taken),
        ),
        delay * meanAsksOfTaken(c, a),
        0.02 * delay,
      )
      return [
        share('refused', batches, refused, erlangB(c, a), 0.004),
        share('asks per task', batches, ({ asks }) => asks, meanAsks(c, a), 0.05),
        { name: 'time until taken / S', verdict: until },
      ]
    },
  }
}

/** A slot is known to be busy from the offer to the callback: for S + d. */
function knownBusyWithDelay({ c, a, delay }: { c: number; a: number; delay: number }): Experiment {
  return {
    name: `known busy skipped, round trip ${delay} S: c = ${c}, a = ${a}`,
    async run(effort) {
      const given = { slaves: c, offeredLoad: a, ask: 'known', delay, tasks: 600_000 } as const
      const batches = await measure(effort, given, 'exponential')
      return [
        share('refused', batches, refused, refusedWithDelay(c, a, 1, delay)),
        share('asks per task', batches, ({ asks }) => asks, 1 - refusedWithDelay(c, a, 1, delay)),
      ]
    },
  }
}

function waiting({ c, a }: { c: number; a: number }): Experiment {
  return {
    name: `waiting in the master's line: c = ${c}, a = ${a}`,
    async run(effort) {
      const given = {
        slaves: c,
        offeredLoad: a,
        ask: 'known',
        queue: true,
        tasks: 600_000,
      } as const
      const batches = await measure(effort, given, 'exponential')
      return [
        share('share that waits', batches, ({ waited }) => waited, erlangC(c, a)),
        share('mean wait / S', batches, ({ wait }) => wait, meanWait(c, a, 1)),
      ]
    },
  }
}

function differentSpeeds(speeds: number[]): Experiment {
  return {
    name: `different speeds, in the order ${speeds.join(', ')}`,
    async run(effort) {
      const given = { slaves: 4, offeredLoad: 3, ask: 'always', speeds, tasks: 400_000 } as const
      const batches = await measure(effort, given, 'exponential')
      const expected = orderedSpeeds(3, speeds)
      return [
        share('refused', batches, refused, expected.refused),
        share('asks per task', batches, ({ asks }) => asks, expected.asks),
      ]
    },
  }
}

async function measure(
  effort: number,
  given: Omit<LossSystem, 'seed' | 'service' | 'batches'>,
  service: string,
): Promise<Batch[]> {
  const warmUp = given.warmUp ?? 1
  const tasks = Math.max(20_000, Math.round(given.tasks * effort))
  const draw = SERVICES[service] as (random: Random) => number
  const batches = BATCHES - 1 + warmUp
  const run = await runLossSystem({ ...given, seed: 20_261_121, tasks, batches, service: draw })
  return run.batches
}

const refused = (batch: Batch): number => batch.refused

/** A figure per task. */
function share(
  name: string,
  batches: Batch[],
  of: (batch: Batch) => number,
  expected: number,
  negligible = 0,
): Figure {
  const measured = measureRatio(
    batches.map(of),
    batches.map(({ tasks }) => tasks),
  )
  return { name, verdict: judge(measured, expected, negligible) }
}

/** The share of time that the i-th slave asked is busy. */
function load(i: number, batches: Batch[], expected: number): Figure {
  const measured = measureRatio(
    batches.map((batch) => (batch.load[i] as number) * batch.lasted),
    batches.map(({ lasted }) => lasted),
  )
  return { name: `load of slave ${i + 1}`, verdict: judge(measured, expected) }
}

/** At most 4 standard errors away, and the error small enough to mean something. */
export const judge = (measured: Measured, expected: number, negligible = 0): Verdict =>
  withinStandardErrors(measured.mean, measured.standardError, expected, 4, negligible)
