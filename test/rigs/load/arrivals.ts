// When tasks come: open loop, as a Poisson stream, whatever the answers do; or closed, each client
// its next task after the last one.

import { setTimeout as sleep } from 'node:timers/promises'
import type { Random } from '../../../shared/data/random.ts'
import type { Client, Sample } from './client.ts'
import { SLEEP_MS, SLOTS } from './fleet.ts'

/** Later than this, the load itself stood still: it goes on from now, it does not catch up. */
const LATE_MS = 250

/** A task's sleep, in whole milliseconds, as timers have them. */
export const sleepMs = (random: Random): number => Math.ceil(random.exponential(SLEEP_MS))

/** Submits tasks as a Poisson stream for so long, and gives all of them once all have ended. */
export async function arrive(
  client: Client,
  random: Random,
  perSecond: number,
  seconds: number,
): Promise<Sample[]> {
  const samples: Promise<Sample>[] = []
  let due = performance.now()
  let until = due + seconds * 1000
  for (;;) {
    due += random.exponential(1000 / perSecond)
    const ahead = due - performance.now()
    if (ahead > 1) await sleep(ahead)
    const late = performance.now() - due
    if (late > LATE_MS) {
      due += late
      until += late
    }
    if (due > until) return Promise.all(samples)
    samples.push(client.take(sleepMs(random)))
  }
}

/** Sleeps of this length fill all slots at once when their executors have started. */
const PROBE_MS = 1000
const PROBES_MAX = 60

/** Waits until all slots work side by side: a slave takes tasks before its executors have started. */
export async function untilAllWork(client: Client): Promise<void> {
  for (let i = 0; i < PROBES_MAX; i++) {
    const from = performance.now()
    await Promise.all(Array.from({ length: SLOTS }, () => client.complete(PROBE_MS)))
    if (performance.now() - from < 1.5 * PROBE_MS) return
  }
  throw new Error(`${SLOTS} slots never worked side by side`)
}

/** Tasks a second with so many clients that the slots are never free for long. */
export async function measureCapacity(
  client: Client,
  random: Random,
  clients: number,
  seconds: number,
): Promise<number> {
  const WARM_MS = 1500
  const from = performance.now() + WARM_MS
  const until = from + seconds * 1000
  let done = 0
  const one = async (): Promise<void> => {
    while (performance.now() < until) {
      await client.complete(sleepMs(random))
      const now = performance.now()
      if (now > from && now <= until) done++
    }
  }
  await Promise.all(Array.from({ length: clients }, one))
  return done / seconds
}
