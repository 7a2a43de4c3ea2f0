// Polite clients: on a refusal they wait exactly as long as Retry-After told, and try again until
// they have a slot. There are so many of them that they would ask for 1.2 or 1.5 times the capacity
// were they never refused: each thinks for a while (exponentially distributed), wants one task done,
// and thinks again. So the overload settles, and does not depend on how long it is looked at: the
// mean wait must come to (overload - 1) x (think + service), whatever the clients are told.

import { setTimeout as sleep } from 'node:timers/promises'
import type { Random } from '../../../shared/data/random.ts'
import { summarize } from '../bench/summary.ts'
import { sleepMs } from './arrivals.ts'
import type { Client } from './client.ts'
import type { Figure } from './figures.ts'
import { enoughLeft, must, percent, plain } from './figures.ts'
import { SLOTS } from './fleet.ts'
import type { Span, Stalls } from './stalls.ts'

/**
 * Nothing is held for who comes back, and new clients come all the time, so about half is what an
 * honest estimate can reach: in simulation 39 and 43 % at the first retry and 1.9 requests for a task
 * (test/rigs/simulation/polite-clients.system.test.ts). Told the first free slot alone, all at once, it was 35 and
 * 22 %, and 3.1 and 5.4 requests.
 */
const FIRST_RETRY_MIN = 0.3
const REQUESTS_MEAN_MAX = 2.5

/** What one client went through for one task: `told` are the seconds of each Retry-After. */
export type Pursuit = Span & { told: number[] }

export type Politeness = {
  pursuits: Pursuit[]
  /** When anybody was accepted, in order. */
  acceptedAt: number[]
}

/**
 * Lets them come for `seconds`, the first fifth of which warms up. The pursuits begun in the rest
 * are given, each with its end: the others go on, and keep up the load, until all of these have one.
 */
export async function runPolite(
  client: Client,
  random: Random,
  given: { overload: number; capacity: number; thinkMs: number; seconds: number },
): Promise<Politeness> {
  const { overload, capacity, thinkMs, seconds } = given
  const count = Math.round((overload * capacity * (thinkMs + (1000 * SLOTS) / capacity)) / 1000)
  const startedAt = performance.now()
  const from = startedAt + seconds * 200
  const until = startedAt + seconds * 1000
  const pursuits: Pursuit[] = []
  const acceptedAt: number[] = []
  const open = new Set<number>()
  let over = false

  const one = async (): Promise<void> => {
    while (!over) {
      await sleep(random.exponential(thinkMs))
      const at = performance.now()
      const counts = at >= from && at < until
      if (counts) open.add(at)
      const { id, told } = await pursue(sleepMs(random))
      const to = performance.now()
      // Also one that failed is over: the errors are counted elsewhere.
      open.delete(at)
      if (id === null) continue
      acceptedAt.push(to)
      if (counts) pursuits.push({ from: at, to, told })
      over = performance.now() >= until && open.size === 0
      await client.isDone(id)
    }
  }

  /** Tries until it is accepted; null when nobody cares any more, or after an error. */
  async function pursue(ms: number): Promise<{ id: string | null; told: number[] }> {
    const told: number[] = []
    while (!over) {
      const { status, id, retryAfter } = await client.submit(ms)
      if (status === 202) return { id, told }
      if (status !== 503 || retryAfter === null) break
      told.push(retryAfter)
      await sleep(retryAfter * 1000)
    }
    return { id: null, told }
  }

  await Promise.all(Array.from({ length: count }, one))
  return { pursuits, acceptedAt }
}

export function judgePolite({ pursuits, acceptedAt }: Politeness, stalls: Stalls): Figure[] {
  const left = stalls.undisturbed(pursuits)
  const refused = left.filter(({ told }) => told.length > 0)
  const share = (retries: number): number =>
    refused.filter(({ told }) => told.length === retries).length / refused.length
  const later = refused.filter(({ told }) => told.length > 3).length / refused.length
  const tries = Math.max(...left.map(({ told }) => told.length + 1))
  const attempts = left.reduce((sum, { told }) => sum + told.length + 1, 0) / left.length
  const first = (pursuit: Pursuit): number => pursuit.told[0] ?? 0
  const waited = refused.map(({ from, to }) => (to - from) / 1000)
  const late = refused.map((pursuit, i) => (waited[i] as number) - first(pursuit))
  const free = refused.map(({ from }) => nextAfter(acceptedAt, from) - from)
  const atFirst = percent(share(1))
  const requests = `mean ${attempts.toFixed(2)}, most ${tries}`
  const retries = `${atFirst}, ${percent(share(2))}, ${percent(share(3))}, later ${percent(later)}`
  return [
    plain('tasks', `${left.length}, ${percent(1 - refused.length / left.length)} taken at once`),
    must(
      'at retry 1, 2, 3',
      retries,
      `first >= ${percent(FIRST_RETRY_MIN)}`,
      share(1) >= FIRST_RETRY_MIN,
    ),
    must(
      'requests for a task',
      requests,
      `mean <= ${REQUESTS_MEAN_MAX}`,
      attempts <= REQUESTS_MEAN_MAX,
    ),
    plain('told at first', seconds(refused.map(first))),
    plain('waited for the slot', seconds(waited)),
    plain('waited less told', seconds(late)),
    plain('a slot went to anybody after', seconds(free.map((ms) => ms / 1000))),
    ...enoughLeft(left.length, pursuits.length, stalls.count),
  ]
}

/** The first of the times, which are in order, at or after `at`. */
function nextAfter(times: number[], at: number): number {
  let low = 0
  let high = times.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((times[middle] as number) < at) low = middle + 1
    else high = middle
  }
  return times[low] ?? Number.NaN
}

function seconds(values: number[]): string {
  const { p50 } = summarize(values)
  const sorted = values.toSorted((a, b) => a - b)
  const p90 = sorted[Math.floor(0.9 * sorted.length)] ?? Number.NaN
  return `median ${p50.toFixed(2)} s, p90 ${p90.toFixed(2)} s`
}
