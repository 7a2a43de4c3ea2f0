// What will befall one simulated world: drawn from the seed before anything runs, as a list, so
// that a failing run can be repeated with fewer faults.

import type { Random } from '../../../shared/data/random.ts'
import { createRandom } from '../../../shared/data/random.ts'
import type { ClockFault, Clocks } from './machines.ts'
import { drawClocks } from './machines.ts'
import type { OddFault } from './odd-answers.ts'
import { drawOdd } from './odd-answers.ts'
import type { CardFault, PlannedTerms, Skills } from './terms.ts'
import { drawTerms, PLAIN } from './terms.ts'

/** Milliseconds of simulated time in which faults happen; then everything is healed. */
export const FAULTY_MS = 20_000

/** No plain task comes near its run limit, on a slow slave either. */
const RUN_MS_MAX = 10_000

/** Shares of slaves that pull, and of simple ones. */
const MIXES = [
  [0, 0],
  [0, 0],
  [0, 0],
  [1, 0],
  [0.5, 0],
  [0.4, 0.3],
] as const
const REACH_SEED = 2 ** 41

/** A master that is down for less may be up again before what it said has arrived. */
const DOWN_MS_MIN = 200

export type Fault =
  | { is: 'crash'; who: 'master' | number; at: number; forMs: number; luckyCommits: number }
  | { is: 'pause'; who: 'master' | number; at: number; forMs: number }
  | { is: 'partition'; from: string; to: string; at: number; forMs: number }
  | { is: 'disk full'; at: number; forMs: number }
  | { is: 'move'; who: number; at: number }
  | { is: 'drain'; who: number; at: number; forMs: number }
  | { is: 'weather'; at: number; forMs: number; lost: number; doubled: number; slow: number }
  | { is: 'replay'; at: number }
  | { is: 'forge'; at: number }
  | ClockFault
  | CardFault
  | OddFault

/** How a slave comes to its tasks: it is asked, it pulls, or it only polls (a simple one). */
export type Reach = 'asked' | 'pulls' | 'simple'

export type Plan = {
  seed: number
  slaves: { slots: number; speed: number; reach: Reach; skills: Skills }[]
  tasks: PlannedTask[]
  heartbeatMs: number
  ask: 'known' | 'always'
  policy: 'in-order' | 'round-robin' | 'random' | 'two-choices' | 'least-loaded' | 'fastest-first'
  waitingTasksMax: number
  /** Milliseconds until a commit is durable, at most. */
  syncMs: number
  /** The wall clocks of the machines as the world begins. */
  clocks: Clocks
  faults: Fault[]
}

export type PlannedTask = {
  number: number
  at: number
  ms: number
  /** `poison`: crashes its executor. `killer`: takes its slave down. */
  nature: 'plain' | 'fails' | 'poison' | 'killer' | 'endless'
  queue: boolean
  waitMs: number
  priority: number
  /** Cancelled by its client after this, if at all. */
  cancelAfterMs: number | null
  /** What is unusual about it; null: nothing. */
  terms: PlannedTerms | null
}

/**
 * Seeds from here on are of worlds about polls: few slaves, most of which pull, with enough to do, on
 * a slow network, with a master that stands still or an operator who drains them at any moment.
 */
export const POLLS_FROM = 1_000_000_000

export function drawPlan(seed: number, random: Random): Plan {
  const drawn = drawAny(seed, random)
  const plan = seed < POLLS_FROM ? drawn : aboutPolls(drawn, random)
  const { clocks, faults } = drawClocks(seed, plan.slaves.length, FAULTY_MS)
  const odd = drawOdd(seed, plan.slaves, FAULTY_MS)
  const all: Plan = { ...plan, clocks, faults: [...plan.faults, ...faults, ...odd] }
  const needs = drawTerms(seed, all, FAULTY_MS, all.faults.every(isGentle))
  if (needs === null) return all
  return {
    ...all,
    slaves: all.slaves.map((slave, i) => ({ ...slave, skills: needs.skills[i] ?? PLAIN })),
    tasks: all.tasks.map((task, i) => {
      const { terms = null, isHopeless = false } = needs.tasks[i] ?? {}
      return { ...task, terms, queue: task.queue && !isHopeless }
    }),
    faults: [...all.faults, ...needs.faults],
  }
}

type WithoutClocks = Omit<Plan, 'clocks'>

function aboutPolls(plan: WithoutClocks, random: Random): WithoutClocks {
  const slaves = plan.slaves.slice(0, 1 + random.integer(2)).map((): Plan['slaves'][number] => {
    const simple = chance(random, 0.2)
    return { slots: simple ? 1 : 2, speed: 1, reach: simple ? 'simple' : 'pulls', skills: PLAIN }
  })
  return {
    ...plan,
    slaves,
    tasks: plan.tasks.map((task) => ({ ...task, ms: Math.min(task.ms, 1000), queue: true })),
    syncMs: pick(random, [0, 1, 5, 50]),
    faults: Array.from({ length: 10 + random.integer(20) }, () =>
      drawPollFault(random, slaves.length),
    ),
  }
}

function drawPollFault(random: Random, slaves: number): Fault {
  const at = random.next() * FAULTY_MS
  const forMs = random.exponential(800)
  const who = random.integer(slaves)
  switch (random.integer(4)) {
    case 0:
      return { is: 'pause', who: chance(random, 0.7) ? 'master' : who, at, forMs }
    case 1:
      return { is: 'drain', who, at, forMs }
    case 2:
      return { is: 'crash', who: chance(random, 0.2) ? 'master' : who, at, forMs, luckyCommits: 0 }
    default:
      return { is: 'weather', at, forMs: forMs * 3, lost: 0, doubled: 0, slow: random.next() }
  }
}

function drawAny(seed: number, random: Random): WithoutClocks {
  const slaves = Array.from({ length: 1 + random.integer(4) }, () => ({
    slots: 1 + random.integer(3),
    speed: chance(random, 0.2) ? 0.1 : 1,
    reach: 'asked' as Reach,
    skills: PLAIN,
  }))
  drawReaches(slaves, createRandom(seed + REACH_SEED))
  const calm = chance(random, 0.05)
  // Only the master is in trouble: nothing is done twice.
  const gentle = chance(random, 0.1)
  return {
    seed,
    slaves,
    tasks: Array.from({ length: 10 + random.integer(20) }, (_, number) => drawTask(random, number)),
    heartbeatMs: 500 + random.integer(1500),
    ask: chance(random, 0.3) ? 'always' : 'known',
    policy: pick(random, [
      'in-order',
      'in-order',
      'in-order',
      'round-robin',
      'random',
      'two-choices',
      'least-loaded',
      'fastest-first',
    ]),
    waitingTasksMax: chance(random, 0.2) ? 3 : 1000,
    syncMs: pick(random, [0, 1, 5, 50, 600, 3000]),
    faults: calm
      ? []
      : Array.from({ length: 1 + random.integer(12) }, () =>
          drawFault(random, slaves.length),
        ).filter((fault) => !gentle || isGentle(fault)),
  }
}

/** Half of all worlds have no slave that pulls. Drawn apart: all else is as it would be without. */
function drawReaches(slaves: Plan['slaves'], random: Random): void {
  const [pulls, simple] = pick(random, MIXES)
  for (const slave of slaves) {
    const drawn = random.next()
    if (drawn < pulls) slave.reach = 'pulls'
    else if (drawn < pulls + simple) {
      slave.reach = 'simple'
      slave.slots = 1
    }
  }
}

function drawTask(random: Random, number: number): PlannedTask {
  const nature = chance(random, 0.85)
    ? 'plain'
    : pick(random, ['fails', 'poison', 'killer', 'endless'] as const)
  return {
    number,
    at: random.next() * FAULTY_MS * 0.9,
    ms: Math.min(RUN_MS_MAX, random.lognormal(chance(random, 0.1) ? 4000 : 300, 2)),
    nature,
    queue: chance(random, 0.6),
    waitMs: chance(random, 0.3) ? random.integer(10) * 1000 : 0,
    priority: random.integer(3),
    cancelAfterMs: chance(random, 0.08) ? random.next() * 4000 : null,
    terms: null,
  }
}

function drawFault(random: Random, slaves: number): Fault {
  const at = random.next() * FAULTY_MS
  const forMs = random.exponential(chance(random, 0.3) ? 6000 : 1000)
  const who = chance(random, 0.4) ? 'master' : random.integer(slaves)
  const slave = random.integer(slaves)
  switch (random.integer(9)) {
    case 0:
    case 1:
      return { is: 'crash', who, at, forMs, luckyCommits: random.integer(3) }
    case 2:
      return { is: 'pause', who, at, forMs }
    case 3: {
      const [from, to] = pick(random, [
        ['master', `slave-${slave}`],
        [`slave-${slave}`, 'master'],
        ['client', 'master'],
        ['both', `slave-${slave}`],
      ] as const)
      return { is: 'partition', from, to, at, forMs }
    }
    case 4:
      return { is: 'disk full', at, forMs }
    case 5:
      return chance(random, 0.5)
        ? { is: 'move', who: slave, at }
        : { is: 'drain', who: slave, at, forMs }
    case 6:
      return { is: 'replay', at }
    case 7:
      return { is: 'forge', at }
    default: {
      const lost = chance(random, 0.5) ? random.next() * 0.3 : 0
      const doubled = chance(random, 0.5) ? random.next() * 0.2 : 0
      return { is: 'weather', at, forMs: forMs * 3, lost, doubled, slow: random.next() }
    }
  }
}

/** Neither slaves nor network suffer, and what the master said arrives before it is up again. */
export const isGentle = (fault: Fault): boolean =>
  ['disk full', 'replay', 'forge', 'clock'].includes(fault.is) ||
  (fault.is === 'crash' && fault.who === 'master' && fault.forMs > DOWN_MS_MIN)

/** While the master is down its clock may go ahead: what waits has less time left than it should. */
export const mayLoseTime = ({ faults }: Plan): boolean =>
  faults.some((fault) => fault.is === 'clock' && fault.who === 'master' && fault.byMs > 0) &&
  faults.some((fault) => fault.is === 'crash' && fault.who === 'master')

const chance = (random: Random, share: number): boolean => random.next() < share

const pick = <T>(random: Random, items: readonly T[]): T => items[random.integer(items.length)] as T
