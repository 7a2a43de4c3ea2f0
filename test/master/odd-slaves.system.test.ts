// A master over real connections, with slaves that beat and answer probes, and answer offers and
// revokes in odd ways: the number of requests to one is bounded whatever it answers.

import t from 'tap'
import { createAttemptIds } from '../../master/dispatch/attempt-ids.ts'
import { createDispatcher } from '../../master/dispatch/dispatcher.ts'
import { createOutputs } from '../../master/dispatch/output-schemas.ts'
import { createPushChannels } from '../../master/dispatch/push-channel.ts'
import { inOrder } from '../../master/policies/in-order.ts'
import { createMemoryStore } from '../../master/store/memory.ts'
import { slaveJson } from '../../master/views/slave-json.ts'
import { systemClock } from '../../shared/data/clock.ts'
import { createIds } from '../../shared/data/ids.ts'
import { createRandom } from '../../shared/data/random.ts'
import { createLog } from '../../shared/process/log.ts'
import type { Odd } from '../shared/http/odd-servers.ts'
import { ODDITIES, startOdd } from '../shared/http/odd-servers.ts'
import { settings as common, submission } from './submission.ts'

const HEARTBEAT_MS = 250
const WATCHED_MS = 4_000
/** Offers within that time: rests of 250, 500, 1000 and 2000 ms lie between them, but for two. */
const OFFERS_MAX = 6

const settings = {
  ...common,
  heartbeatMs: HEARTBEAT_MS,
  askTimeoutMs: 100,
  retryBackoffMs: 100,
  keepMs: 3_600_000,
  keepTasksMax: 1_000,
}

t.test('the number of requests to one slave is bounded whatever it answers', async (t) => {
  await Promise.all(ODDITIES.map((odd) => watch(t, odd)))
})

/** A master, that slave, and one task in the queue. */
async function watch(t: Pick<typeof import('tap').t, 'ok' | 'equal' | 'teardown'>, odd: Odd) {
  let generation = 0
  const card = { name: 'odd', boot: 'b', version: '1', kinds: ['work'], tags: [], slots: 1 }
  const state = () => ({
    slave: 'odd',
    boot: 'b',
    generation: ++generation,
    slots: 1,
    free: 1,
    mode: 'accepting' as const,
    reason: '',
  })
  const attempts = (path: string) =>
    path === '/attempts' ? { card, state: state(), attempts: [] } : undefined
  const { url, asked } = await startOdd(t, odd, attempts)
  const dispatcher = await createDispatcher({
    settings,
    slaves: [{ name: 'odd', url }],
    policy: inOrder,
    store: createMemoryStore(),
    push: (receive) => createPushChannels({ askTimeoutMs: settings.askTimeoutMs, receive }),
    clock: systemClock,
    random: createRandom(1),
    taskIds: createIds(Date.now).after,
    attemptIds: createAttemptIds,
    log: await createLog('test', 'silent'),
    outputs: createOutputs(new Map()),
    onEvent: () => {},
    onBroken: (error) => {
      throw error
    },
  })
  const beat = setInterval(
    () => void dispatcher.heartbeat({ state: state(), attempts: [] }).catch(() => {}),
    HEARTBEAT_MS,
  )
  t.teardown(async () => {
    clearInterval(beat)
    await dispatcher.close()
  })
  await dispatcher.submit({ ...submission, queue: true })
  await new Promise((resolve) => setTimeout(resolve, WATCHED_MS))

  const times = (path: string): number => asked.filter((each) => each === path).length
  const [offers, revokes, probes] = ['/offers', '/attempts/revoke', '/attempts'].map(times)
  t.ok(offers! >= 2 && offers! <= OFFERS_MAX, `${odd}: ${offers} offers`)
  t.ok(revokes! <= 2 * OFFERS_MAX, `${odd}: ${revokes} revokes`)
  t.ok(probes! <= WATCHED_MS / HEARTBEAT_MS + 2 * OFFERS_MAX, `${odd}: ${probes} probes`)
  const slave = dispatcher.view.registry.byName.get('odd')!
  t.equal(slaveJson(slave, systemClock.now()).state, 'faulty', odd)
}
