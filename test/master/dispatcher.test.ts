// The master's shell, with the production agent, in simulated time and with a disk that is slow.

import t from 'tap'
import { inOrder } from '../../master/policies/in-order.ts'
import { createMemoryStore } from '../../master/store/memory.ts'
import { createRandom } from '../../shared/random.ts'
import { createSimulatedClock } from '../simulation/clock.ts'
import { createNetwork } from '../simulation/network.ts'
import type { Directory } from '../simulation/processes.ts'
import { startMasterProcess, startSlaveProcess } from '../simulation/processes.ts'

const SYNC_MS = 100
const RUN_MS = 1000

t.test('who asks between the end of a task and its saving waits for the saving', async (t) => {
  const clock = createSimulatedClock()
  const network = createNetwork(clock, () => ({ there: 0, back: 0 }))
  const directory: Directory = { master: null, slaves: new Map() }
  const store = createMemoryStore({ schedule: (run) => clock.at(clock.now() + SYNC_MS, run) })
  const random = createRandom(1)
  const settings = {
    ask: 'known' as const,
    heartbeatMs: 60_000,
    askTimeoutMs: 60_000,
    attemptsMax: 3,
    retryBackoffMs: 1000,
    waitingTasksMax: 10,
    waitLimitMs: 60_000,
  }
  const common = { clock, network, directory, random }
  const newId = () => 'task-1'
  const { dispatcher } = await startMasterProcess({
    ...common,
    store,
    settings,
    policy: inOrder,
    newId,
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

  const submission = {
    kind: 'work',
    input: 'null',
    priority: 0,
    runLimitMs: 60_000,
    tags: [],
    work: null,
    trace: null,
  }
  const once = { queue: false, waitLimitMs: 60_000, waitMs: 0 }
  const reply = dispatcher.submit({
    ...submission,
    ...once,
    idempotencyKey: null,
    client: null,
    requestHash: null,
  })
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
