// Polite clients: on a refusal they wait exactly as long as Retry-After tells and try again, until
// they have a slot. Through the production dispatcher and agents, in simulated time. There are so
// many of them that they would ask for `overload` times the capacity were they never refused: each
// thinks, wants one task done, and thinks again. So the overload settles.

import { inOrder } from '../../../master/policies/in-order.ts'
import { createMemoryStore } from '../../../master/store/memory.ts'
import { wallTime } from '../../../shared/data/clock.ts'
import { createRandom } from '../../../shared/data/random.ts'
import type { Problem } from '../../../shared/protocol/problems.ts'
import { createSimulatedClock } from './clock.ts'
import type { Directory } from './directory.ts'
import { createDisk } from './machines.ts'
import { startMasterProcess } from './master-process.ts'
import { createNetwork } from './network.ts'
import { startSlaveProcess } from './slave-process.ts'

export type PoliteClients = {
  seed: number
  slaves: number
  slotsEach: number
  /** Mean service time, exponentially distributed. */
  serviceMs: number
  /** Clients that come at once and want one task each; or a number that gives this overload. */
  clients: { atOnce: number } | { overload: number; thinkMs: number }
  /** So many tasks are looked at, after a fifth as many that warm up. */
  tasks: number
}

/** What one client went through for one task. */
export type Pursuit = { from: number; to: number; told: number[] }

/** Runs it. Deterministic from the seed. */
export async function runPoliteClients(given: PoliteClients): Promise<Pursuit[]> {
  const { serviceMs, clients } = given
  const slots = given.slaves * given.slotsEach
  const clock = createSimulatedClock()
  const random = createRandom(given.seed)
  const { dispatcher, store } = await start(given, clock)
  const pursuits: Pursuit[] = []

  const count =
    'atOnce' in clients
      ? clients.atOnce
      : Math.round((clients.overload * slots * (clients.thinkMs + serviceMs)) / serviceMs)
  for (let i = 0; i < count; i++) {
    if ('atOnce' in clients) attempt({ from: clock.now(), to: 0, told: [] })
    else think(clients.thinkMs)
  }
  const warmUp = 'atOnce' in clients ? 0 : Math.ceil(given.tasks / 5)
  await clock.run({ done: () => pursuits.length >= warmUp + given.tasks })
  return pursuits.slice(warmUp)

  function think(thinkMs: number): void {
    const at = clock.now() + random.exponential(thinkMs)
    clock.at(at, () => attempt({ from: at, to: 0, told: [] }))
  }

  function attempt(pursuit: Pursuit): void {
    const ms = random.exponential(serviceMs)
    dispatcher.submit({ ...submission, input: JSON.stringify({ ms }) }).then(
      () => {
        pursuits.push({ ...pursuit, to: clock.now() })
        if (pursuits.length % 1000 === 0) {
          void store.trim({
            endedBefore: wallTime(Number.MAX_SAFE_INTEGER),
            keepMax: 0,
            rowsMax: 2000,
          })
        }
        if ('atOnce' in clients) return
        clock.at(clock.now() + ms, () => think(clients.thinkMs))
      },
      (problem: Problem) => {
        // Until the first task has ended nothing is measured, and nothing told.
        const told = Number(problem.headers['retry-after'] ?? 1)
        pursuit.told.push(told)
        clock.at(clock.now() + told * 1000, () => attempt(pursuit))
      },
    )
  }
}

const submission = {
  kind: 'sleep',
  priority: 0,
  runLimitMs: Number.MAX_SAFE_INTEGER,
  queue: false,
  waitLimitMs: Number.MAX_SAFE_INTEGER,
  waitMs: 0,
  work: null,
  trace: null,
  tags: [],
  idempotencyKey: null,
  client: null,
  requestHash: null,
}

async function start(
  { seed, slaves, slotsEach, serviceMs }: PoliteClients,
  clock: ReturnType<typeof createSimulatedClock>,
) {
  const network = createNetwork(clock, () => ({ there: 0, back: 0 }))
  const directory: Directory = { master: null, slaves: new Map() }
  const store = createMemoryStore()
  let ids = 0
  const { dispatcher } = await startMasterProcess({
    clock,
    network,
    directory,
    store,
    settings: {
      ask: 'known',
      heartbeatMs: 60_000,
      askTimeoutMs: 60_000,
      attemptsMax: 3,
      retryBackoffMs: 1000,
      waitingTasksMax: 10,
      waitLimitMs: Number.MAX_SAFE_INTEGER,
    },
    policy: inOrder,
    random: createRandom(seed + 1),
    taskIds: () => () => `task-${ids++}`,
  })
  for (let i = 1; i <= slaves; i++) {
    startSlaveProcess({
      clock,
      network,
      directory,
      random: createRandom(seed + 1 + i),
      name: `slave-${i}`,
      url: `http://slave-${i}`,
      boot: `boot-${i}`,
      slots: slotsEach,
      kinds: ['sleep'],
      disk: createDisk(),
      requestTimeoutMs: 60_000,
      compute: ({ input }) => {
        const ranMs = (input as { ms: number }).ms
        return { outcome: { status: 'done', result: null }, ranMs }
      },
    })
    await clock.run({ done: () => dispatcher.view.registry.byName.has(`slave-${i}`) })
  }
  // Something has run before: without a measured service time a refusal tells nothing.
  const samples = createRandom(seed + 100)
  for (let i = 0; i < 64; i++) {
    const ms = samples.exponential(serviceMs)
    void dispatcher.submit({ ...submission, input: JSON.stringify({ ms }) })
    await clock.run({ until: clock.now() + ms + 1 })
  }
  return { dispatcher, store }
}
