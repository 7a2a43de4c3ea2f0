// The order of tasks by their ids, over a start of the master whose wall clock is behind.

import t from 'tap'
import { inOrder } from '../../master/policies/in-order.ts'
import { openHere } from '../../master/store/jobs/open.ts'
import { createMemoryStore } from '../../master/store/memory.ts'
import { wallTime } from '../../shared/data/clock.ts'
import { createIds } from '../../shared/data/ids.ts'
import { createRandom } from '../../shared/data/random.ts'
import { createSimulatedClock } from '../rigs/simulation/clock.ts'
import { startMasterProcess } from '../rigs/simulation/master-process.ts'
import { createNetwork } from '../rigs/simulation/network.ts'

const TASKS = 30
const DAY_MS = 86_400_000
const START = Date.UTC(2026, 0, 1)

const settings = {
  ask: 'known' as const,
  heartbeatMs: 5_000,
  askTimeoutMs: 1_000,
  attemptsMax: 3,
  retryBackoffMs: 1_000,
  waitingTasksMax: 1_000,
  waitLimitMs: 600_000,
}

const submission = {
  kind: 'work',
  input: 'null',
  inputBytes: 4,
  priority: 0,
  runLimitMs: 60_000,
  tags: [],
  work: null,
  trace: null,
  queue: true,
  waitLimitMs: 600_000,
  waitMs: 0,
  idempotencyKey: null,
  client: null,
  requestHash: null,
}

t.test('a batch keeps its order in lists and in the queue of the next start', async (t) => {
  const store = createMemoryStore()
  const first = await start(store, START)
  const before = await first.submitMany()
  t.same(await listed(store), before.toReversed())

  const next = store.crash()
  const second = await start(next, START - 30 * DAY_MS)
  await second.clock.run({ done: () => second.live().length === TASKS })
  t.same(second.live(), before, 'queued as before')
  const after = await second.submitMany()
  t.same(second.live(), [...before, ...after], 'and what comes later is behind it')
  t.same(await listed(next), [...before, ...after].toReversed(), 'with the clock 30 days behind')
})

t.test('jobs are numbered after the newest job that is stored', async (t) => {
  const { jobs, close } = openHere({ path: ':memory:' })
  t.teardown(close)
  const ids = createIds(() => START)
  const made = [ids.next(), ids.next()]
  for (const id of made) await jobs.insert(aJob(id), 'null')
  t.equal((await jobs.load()).newestId, made[1])
})

/** A master without slaves whose wall clock stands still. */
async function start(store: ReturnType<typeof createMemoryStore>, wallMs: number) {
  const clock = createSimulatedClock()
  const { dispatcher } = await startMasterProcess({
    clock,
    network: createNetwork(clock, () => ({ there: 0, back: 0 })),
    directory: { master: null, slaves: new Map() },
    random: createRandom(1),
    store,
    settings,
    policy: inOrder,
    taskIds: createIds(() => wallMs).after,
  })
  return {
    clock,
    live: () => [...dispatcher.view.live.keys()],
    async submitMany(): Promise<string[]> {
      const replies = Array.from({ length: TASKS }, () => dispatcher.submit(submission))
      await clock.run({ until: clock.now() + 10 })
      return (await Promise.all(replies)).map(({ id }) => id)
    },
  }
}

async function listed(store: ReturnType<typeof createMemoryStore>): Promise<string[]> {
  return (await store.list({ limit: 1_000 })).tasks.map(({ id }) => id)
}

const aJob = (id: string) => ({
  id,
  kind: 'one',
  input: 'null',
  inputBytes: 4,
  parts: null,
  slots: 1,
  slaves: 1,
  together: 1 as const,
  priority: 0,
  runLimitMs: 1_000,
  tags: '[]',
  ticket: id,
  trace: null,
  idempotencyKey: null,
  requestHash: null,
  client: null,
  status: 'in progress' as const,
  createdAt: wallTime(START),
  endedAt: null,
  outcome: null,
  outcomeBytes: null,
  stages: null,
})
