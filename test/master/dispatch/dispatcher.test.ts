// The master's shell, with the production agent, in simulated time and with a disk that is slow.

import t from 'tap'
import type { RefusedEvent, TaskEvent } from '../../../master/core/events.ts'
import { inOrder } from '../../../master/policies/in-order.ts'
import { createMemoryStore } from '../../../master/store/memory.ts'
import { StoreFullError } from '../../../master/store/store.ts'
import { createRandom } from '../../../shared/data/random.ts'
import { createSimulatedClock } from '../../rigs/simulation/clock.ts'
import type { Directory } from '../../rigs/simulation/directory.ts'
import { createDisk } from '../../rigs/simulation/machines.ts'
import { startMasterProcess } from '../../rigs/simulation/master-process.ts'
import { createNetwork } from '../../rigs/simulation/network.ts'
import { startSlaveProcess } from '../../rigs/simulation/slave-process.ts'
import { settings, submission } from '../submission.ts'

const SYNC_MS = 100
const RUN_MS = 1000

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
    disk: createDisk(),
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

/** A master whose only slot is taken for RUN_MS, and how it stands with a request that hangs up. */
async function busy() {
  const world = await setUp()
  const { dispatcher, clock } = world
  /** Ends also when that is never so: what is asserted next fails then. */
  const untilIs = (done: () => boolean) => clock.run({ done, until: clock.now() + 20 * RUN_MS })
  void dispatcher.submit(submission)
  await untilIs(() => dispatcher.view.running === 1)
  const gone = new AbortController()
  const settled = (reply: Promise<unknown>) =>
    reply.then(
      () => 'answered',
      (problem: { type: string }) => problem.type,
    )
  return { ...world, gone, settled, untilIs }
}

t.test('what is held for a client that hangs up waits for no slave', async (t) => {
  const { dispatcher, untilIs, gone, settled } = await busy()
  const held = dispatcher.submit({ ...submission, waitMs: 60_000 }, gone.signal)
  const over = settled(held)
  await untilIs(() => dispatcher.view.waiting === 1)
  gone.abort()
  await untilIs(() => dispatcher.view.waiting === 0)
  t.equal(await over, 'at-capacity')
  await untilIs(() => dispatcher.view.running === 0)
  t.equal(dispatcher.view.counters.asks, 1, 'it was never offered')
})

t.test('a queued task whose client disconnected before is cancelled', async (t) => {
  const { dispatcher, clock, untilIs, store, gone } = await busy()
  const held = dispatcher.submit({ ...submission, queue: true, waitMs: 60_000 }, gone.signal)
  await untilIs(() => dispatcher.view.waiting === 1)
  await clock.run({ until: clock.now() + 2 * SYNC_MS })
  gone.abort()
  await held
  await untilIs(() => dispatcher.view.live.size === 0)
  await clock.run({ until: clock.now() + 2 * SYNC_MS })
  const record = await store.get('task-2')
  t.match(record, { status: 'cancelled' })
  t.ok(record?.trail.some(({ event }) => event === 'unclaimed'))
})

t.test('one that is known by its Idempotency-Key, or that runs, goes on', async (t) => {
  const { dispatcher, clock, untilIs, store, gone } = await busy()
  const keyed = {
    ...submission,
    queue: true,
    waitMs: 60_000,
    idempotencyKey: 'k',
    requestHash: 'h',
  }
  const held = dispatcher.submit(keyed, gone.signal)
  await untilIs(() => dispatcher.view.waiting === 1)
  await clock.run({ until: clock.now() + 2 * SYNC_MS })
  gone.abort()
  t.match(await held, { status: 'pending' }, 'and its wait is over')
  await untilIs(() => dispatcher.view.live.get('task-2')?.stage.is === 'running')

  const other = new AbortController()
  const direct = dispatcher.submit({ ...submission, waitMs: 60_000 }, other.signal)
  await untilIs(() => dispatcher.view.live.get('task-3')?.stage.is === 'running')
  await clock.run({ until: clock.now() + 2 * SYNC_MS })
  other.abort()
  t.match(await direct, { status: 'in progress' })
  await untilIs(() => dispatcher.view.live.size === 0)
  await clock.run({ until: clock.now() + 2 * SYNC_MS })
  t.match(await store.get('task-2'), { status: 'done' })
  t.match(await store.get('task-3'), { status: 'done' })
})

t.test('a submission that two requests hold is over with the last of them', async (t) => {
  const { dispatcher, clock, untilIs, gone, settled } = await busy()
  const keyed = { ...submission, waitMs: 60_000, idempotencyKey: 'k', requestHash: 'h' }
  const first = settled(dispatcher.submit(keyed, gone.signal))
  await new Promise(setImmediate)
  await untilIs(() => dispatcher.view.waiting === 1)
  const other = new AbortController()
  const second = settled(dispatcher.submit(keyed, other.signal))
  gone.abort()
  await clock.run({ until: clock.now() + 1 })
  t.equal(dispatcher.view.waiting, 1, 'somebody still waits')
  other.abort()
  await untilIs(() => dispatcher.view.waiting === 0)
  t.same(await Promise.all([first, second]), ['at-capacity', 'at-capacity'])

  t.comment('and who repeats it in the very moment in which it ends has it done')
  const third = new AbortController()
  const ended = settled(dispatcher.submit(keyed, third.signal))
  await new Promise(setImmediate) // the key is looked up, which takes no simulated time
  await untilIs(() => dispatcher.view.waiting === 1)
  third.abort()
  const again = dispatcher.submit(keyed)
  await clock.run({ until: clock.now() + 5 * RUN_MS })
  t.equal(await ended, 'at-capacity')
  t.match(await again, { status: 'done' })
})

t.test('a wait for an end is over when who waits hangs up', async (t) => {
  const { dispatcher, gone } = await busy()
  const waited = dispatcher.wait('task-1', 1e9, gone.signal)
  gone.abort()
  await waited
  await dispatcher.wait('task-1', 1e9, gone.signal)
  t.pass('and does not begin when it hung up before')
})

t.test('a heartbeat hears what nobody wants any more only when that is saved', async (t) => {
  const { dispatcher, clock, untilIs } = await busy()
  await clock.run({ until: clock.now() + 2 * SYNC_MS })
  const stage = dispatcher.view.live.get('task-1')!.stage as { attempt: string }
  const slave = dispatcher.view.registry.byName.get('slave-1')!
  const state = {
    slave: 'slave-1',
    boot: slave.boot,
    generation: slave.generation + 1,
    slots: 1,
    free: 0,
    mode: 'accepting' as const,
    reason: '',
  }
  const attempts = [{ attempt: stage.attempt, task: 'task-1', status: 'running' as const }]
  const cancelled = dispatcher.cancel('task-1')
  let revoked: string[] | null = null
  void dispatcher.heartbeat({ state, attempts }).then(({ revoke }) => void (revoked = revoke))
  await untilIs(() => !dispatcher.view.live.has('task-1'))
  await clock.run({ until: clock.now() + SYNC_MS / 2 })
  t.equal(revoked, null, 'a crash could still undo the end')
  await clock.run({ until: clock.now() + SYNC_MS })
  t.same(revoked, [stage.attempt])
  t.ok(await cancelled)
})
