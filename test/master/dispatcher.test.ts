// The master's shell, with the production agent, in simulated time and with a disk that is slow.

import t from 'tap'
import type { RefusedEvent, TaskEvent } from '../../master/events.ts'
import { inOrder } from '../../master/policies/in-order.ts'
import { createMemoryStore } from '../../master/store/memory.ts'
import { StoreFullError } from '../../master/store/store.ts'
import { createRandom } from '../../shared/random.ts'
import { createSimulatedClock } from '../simulation/clock.ts'
import { createNetwork } from '../simulation/network.ts'
import type { Directory } from '../simulation/processes.ts'
import { startMasterProcess, startSlaveProcess } from '../simulation/processes.ts'

const SYNC_MS = 100
const RUN_MS = 1000

const settings = {
  ask: 'known' as const,
  heartbeatMs: 60_000,
  askTimeoutMs: 60_000,
  attemptsMax: 3,
  retryBackoffMs: 1000,
  waitingTasksMax: 10,
  waitLimitMs: 60_000,
}

const submission = {
  kind: 'work',
  input: 'null',
  priority: 0,
  runLimitMs: 60_000,
  tags: [],
  work: null,
  trace: null,
  queue: false,
  waitLimitMs: 60_000,
  waitMs: 0,
  idempotencyKey: null,
  client: null,
  requestHash: null,
}

/** A master and a slave of one slot that have met. */
async function setUp(slaves: { name: string; url: string }[] = []) {
  const clock = createSimulatedClock()
  const network = createNetwork(clock, () => ({ there: 0, back: 0 }))
  const directory: Directory = { master: null, slaves: new Map() }
  const store = createMemoryStore({ schedule: (run) => clock.at(clock.now() + SYNC_MS, run) })
  const random = createRandom(1)
  const common = { clock, network, directory, random }
  const events: (TaskEvent | RefusedEvent)[] = []
  let tasks = 0
  const { dispatcher } = await startMasterProcess({
    ...common,
    store,
    settings,
    slaves,
    policy: inOrder,
    taskIds: () => () => `task-${++tasks}`,
    onEvent: (event) => events.push(event),
  })
  startSlaveProcess({
    ...common,
    name: 'slave-1',
    url: 'http://slave-1',
    boot: 'boot-1',
    slots: 1,
    kinds: ['work'],
    disk: null,
    requestTimeoutMs: 60_000,
    compute: () => ({ outcome: { status: 'done', result: null }, ranMs: RUN_MS }),
  })
  await clock.run({ done: () => dispatcher.view.registry.byName.has('slave-1') })
  await clock.run({ until: clock.now() + 2 * SYNC_MS })
  return { clock, store, dispatcher, events }
}

t.test('who asks between the end of a task and its saving waits for the saving', async (t) => {
  const { clock, store, dispatcher } = await setUp()
  const reply = dispatcher.submit(submission)
  await clock.run({ done: () => dispatcher.view.live.has('task-1') })
  await clock.run({ done: () => !dispatcher.view.live.has('task-1') })
  t.match(await reply, { status: 'in progress' })
  t.match(await store.get('task-1'), { status: 'in progress' }, 'its end is on its way to the disk')

  let heard = false
  const waited = dispatcher.wait('task-1', 10_000).then(() => {
    heard = true
  })
  const cancelled = dispatcher.cancel('task-1')
  await clock.run({ until: clock.now() + SYNC_MS / 2 })
  t.notOk(heard, 'not before it is saved')
  await clock.run({ until: clock.now() + SYNC_MS })
  await waited
  t.notOk(await cancelled, 'and it is too late to cancel it')
  t.match(await store.get('task-1'), { status: 'done' })
  await dispatcher.wait('task-1', 10_000)
  t.pass('and nobody waits for what is saved')
})

t.test('what a full disk refuses is counted and told, and leaves nothing behind', async (t) => {
  const { clock, store, dispatcher, events } = await setUp()
  const { counters, live } = dispatcher.view
  store.failNext(new StoreFullError('full'))
  const refused = dispatcher.submit(submission).catch((problem) => problem)
  await clock.run({ done: () => counters.refused['store-full'] === 1 })
  t.match(await refused, { type: 'store-full' })
  t.match(events.at(-1), { type: 'refused', kind: 'work', problem: 'store-full' })
  await clock.run({ done: () => !live.has('task-1') })

  await clock.run({ until: clock.now() + 2 * RUN_MS })
  const next = dispatcher.submit(submission)
  await clock.run({ done: () => live.get('task-2')?.accepted === true })
  await clock.run({ until: clock.now() + 2 * SYNC_MS })
  t.match(await next, { status: 'in progress', slave: 'slave-1' }, 'there is room again')
  t.match(counters, { refused: { 'store-full': 1 }, accepted: 1 })
})

t.test('what a master refuses that shuts down is counted and told', async (t) => {
  const { dispatcher, events } = await setUp()
  dispatcher.stopAccepting()
  const refused = await dispatcher.submit(submission).catch((problem) => problem)
  t.match(refused, { type: 'draining' })
  t.same(dispatcher.view.counters.refused, { draining: 1 })
  t.match(events.at(-1), { type: 'refused', kind: 'work', problem: 'draining' })
})

t.test(
  'slaves that the settings name keep their places before those that come later',
  async (t) => {
    const named = ['a', 'b'].map((name) => ({ name, url: `http://${name}` }))
    const { store } = await setUp(named)
    const { slaves } = await store.load()
    const places = slaves.toSorted((one, other) => one.position - other.position)
    t.same(
      places.map(({ name }) => name),
      ['a', 'b', 'slave-1'],
    )
  },
)
