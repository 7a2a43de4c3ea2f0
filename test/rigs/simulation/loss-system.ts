// The classical experiment: Poisson arrivals at slaves of one slot, no waiting (or the master's
// line), run through the production dispatcher and agents in simulated time. What comes out is to
// be held against closed forms.

import type { CoreSettings } from '../../../master/core/context.ts'
import { POLICIES } from '../../../master/policies/policies.ts'
import { createMemoryStore } from '../../../master/store/memory.ts'
import { msOf, wallTime } from '../../../shared/data/clock.ts'
import type { Random } from '../../../shared/data/random.ts'
import { createRandom } from '../../../shared/data/random.ts'
import { createSimulatedClock } from './clock.ts'
import type { Directory } from './directory.ts'
import { createDisk } from './machines.ts'
import { startMasterProcess } from './master-process.ts'
import { createNetwork } from './network.ts'
import { startSlaveProcess } from './slave-process.ts'

export type LossSystem = {
  seed: number
  slaves: number
  /** Tasks per mean service time. */
  offeredLoad: number
  /** One service time, of mean 1 (times `MEAN_SERVICE_MS`). */
  service: (random: Random) => number
  ask: CoreSettings['ask']
  policy?: keyof typeof POLICIES
  /** Tasks wait in the master's line in place of being refused. */
  queue?: boolean
  /** Round trip from master to slave, as a share of the mean service time. */
  delay?: number
  /** Speed of each slave; 1 when not given. */
  speeds?: number[]
  tasks: number
  batches: number
  /** So many batches at the start warm up and are left out; 1 when not given. */
  warmUp?: number
}

export const MEAN_SERVICE_MS = 1000

/** What one batch of the run saw. */
export type Batch = {
  tasks: number
  refused: number
  asks: number
  waited: number
  /** Sum of the waits for a slave, in mean service times. */
  wait: number
  /** Sum of the times until a slave had taken it, in mean service times. */
  untilTaken: number
  /** Share of the time that each slave was busy. */
  load: number[]
  /** How long the batch lasted, in milliseconds. */
  lasted: number
}

export type LossRun = { batches: Batch[]; choices: string[] }

/** Runs it. Deterministic from the seed. */
export async function runLossSystem(given: LossSystem): Promise<LossRun> {
  const { slaves: count, tasks, delay = 0, speeds = [] } = given
  const clock = createSimulatedClock()
  const oneWay = (delay * MEAN_SERVICE_MS) / 2
  const network = createNetwork(clock, () => ({ there: oneWay, back: oneWay }))
  const directory: Directory = { master: null, slaves: new Map() }
  const arrivals = createRandom(given.seed)
  const services = createRandom(given.seed + 1)
  let ids = 0
  const store = createMemoryStore()
  const { dispatcher } = await startMasterProcess({
    clock,
    network,
    directory,
    store,
    settings: settingsOf(given.ask),
    policy: POLICIES[given.policy ?? 'in-order'],
    random: createRandom(given.seed + 2),
    taskIds: () => () => `task-${ids++}`,
  })
  const busy = createBusyTimes(count, clock.now)
  for (let i = 0; i < count; i++) {
    startSlaveProcess({
      clock,
      network,
      directory,
      random: createRandom(given.seed + 10 + i),
      name: `slave-${i + 1}`,
      url: `http://slave-${i + 1}`,
      boot: `boot-${i}`,
      slots: 1,
      kinds: ['sleep'],
      disk: createDisk(),
      requestTimeoutMs: 60_000,
      compute: ({ input }) => {
        const ranMs = (input as { ms: number }).ms / (speeds[i] ?? 1)
        busy.begin(i, ranMs)
        return { outcome: { status: 'done', result: null }, ranMs }
      },
    })
    // One after the other, so that they stand in order.
    await clock.run({ done: () => dispatcher.view.registry.byName.has(`slave-${i + 1}`) })
  }
  await clock.run({ until: clock.now() + 10 * oneWay + 1 })

  const choices: string[] = []
  const batches: Batch[] = []
  const perBatch = Math.floor(tasks / given.batches)
  let sent = 0
  let settled = 0
  let batch = start()

  function start() {
    const { asks } = dispatcher.view.counters
    return {
      at: clock.now(),
      asks,
      busy: busy.totals(),
      refused: 0,
      waited: 0,
      waitMs: 0,
      takenMs: 0,
      settled: 0,
    }
  }

  function closeBatch(): void {
    const lasted = clock.now() - batch.at
    batches.push({
      tasks: batch.settled,
      refused: batch.refused,
      asks: dispatcher.view.counters.asks - batch.asks,
      waited: batch.waited,
      wait: batch.waitMs / MEAN_SERVICE_MS,
      untilTaken: batch.takenMs / MEAN_SERVICE_MS,
      lasted,
      load: busy.totals().map((ms, i) => (ms - (batch.busy[i] as number)) / lasted),
    })
    batch = start()
    void store.trim({
      endedBefore: wallTime(Number.MAX_SAFE_INTEGER),
      keepMax: 0,
      rowsMax: perBatch,
    })
  }

  function settle(slave: string): void {
    choices.push(slave)
    batch.settled++
    if (++settled % perBatch === 0) closeBatch()
  }

  function arrive(): void {
    if (sent++ === tasks) return
    const ms = given.service(services) * MEAN_SERVICE_MS
    const submittedAt = clock.now()
    submit(ms, submittedAt)
    const gap = arrivals.exponential(MEAN_SERVICE_MS / given.offeredLoad)
    clock.at(clock.now() + gap, arrive)
  }

  function submit(ms: number, submittedAt: number): void {
    const queue = given.queue ?? false
    const waitMs = queue ? Number.MAX_SAFE_INTEGER : 0
    const reply = dispatcher.submit({
      kind: 'sleep',
      priority: 0,
      runLimitMs: Number.MAX_SAFE_INTEGER,
      queue,
      waitLimitMs: Number.MAX_SAFE_INTEGER,
      waitMs,
      input: JSON.stringify({ ms }),
      work: null,
      trace: null,
      tags: [],
      idempotencyKey: null,
      client: null,
      requestHash: null,
    })
    reply.then(
      ({ slave, trail }) => {
        const taken = msOf(trail.find(({ event }) => event === 'taken')?.at ?? wallTime(0))
        batch.takenMs += taken - submittedAt
        if (queue) {
          const wait = taken - submittedAt - oneWay * 2
          if (wait > 1e-6) batch.waited++
          batch.waitMs += Math.max(0, wait)
        }
        settle(slave ?? '')
      },
      () => {
        batch.refused++
        settle('')
      },
    )
  }

  arrive()
  await clock.run({ done: () => settled === tasks })
  return { batches: batches.slice(given.warmUp ?? 1), choices }
}

/** How long each slave has been busy, up to now. */
function createBusyTimes(count: number, now: () => number) {
  const done = Array.from({ length: count }, () => 0)
  const from = Array.from({ length: count }, () => 0)
  const until = Array.from({ length: count }, () => 0)
  const total = (i: number): number => done[i]! + Math.min(now(), until[i]!) - from[i]!
  return {
    begin(i: number, ms: number): void {
      done[i] = total(i)
      from[i] = now()
      until[i] = now() + ms
    },
    totals: (): number[] => done.map((_, i) => total(i)),
  }
}

const settingsOf = (ask: CoreSettings['ask']): CoreSettings => ({
  ask,
  heartbeatMs: 60_000,
  askTimeoutMs: 60_000,
  attemptsMax: 3,
  retryBackoffMs: 1000,
  waitingTasksMax: 1_000_000,
  waitLimitMs: Number.MAX_SAFE_INTEGER,
})
