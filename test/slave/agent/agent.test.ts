// The agent by itself: a master that says what the test lets it say, and executors that compute when
// the test says so.

import { test } from 'tap'
import { createRandom } from '../../../shared/data/random.ts'
import { PeerError } from '../../../shared/http/peer.ts'
import { createLog } from '../../../shared/process/log.ts'
import type { CallbacksRequest, Offer } from '../../../shared/protocol/wire.ts'
import { createAgent } from '../../../slave/agent/agent.ts'
import type { Executors, RunEnded } from '../../../slave/executor/executors.ts'
import type { Done, Link } from '../../../slave/link/link.ts'
import { createSimulatedClock } from '../../rigs/simulation/clock.ts'
import { createMemoryStore } from '../link/memory-store.ts'

const offer = (attempt: string): Offer => ({
  attempt,
  task: `task of ${attempt}`,
  kind: 'work',
  input: null,
  runLimitMs: 1000,
})

async function setUp() {
  const clock = createSimulatedClock()
  const { store, kept: onDisk } = createMemoryStore()
  const killed: string[] = []
  const said: string[] = []
  /** How the master answers callbacks; while it is null it does not. */
  let acknowledge: ((attempts: string[]) => string[]) | 'never' | null = null
  let end: (ended: RunEnded[]) => void = () => {}
  const link: Link = {
    register: (_registration, done) => done(null, { heartbeatMs: 600_000, master: 'm1' }),
    beat: (_heartbeat, done) => done(null, { revoke: [], register: false }),
    callBack({ callbacks }: CallbacksRequest, done: Done<{ acknowledged: string[] }>) {
      said.push('callback')
      if (acknowledge === 'never') return
      if (!acknowledge) return done(new PeerError('connection refused', false))
      done(null, { acknowledged: acknowledge(callbacks.map(({ attempt }) => attempt)) })
    },
    poll: () => {},
    leave(_slave, _boot, done) {
      said.push('goodbye')
      done(null)
    },
    close: async () => {},
  }
  const agent = createAgent({
    name: 'slave-1',
    boot: 'boot-1',
    version: '1',
    url: () => 'http://slave-1',
    master: 'http://user:word@master:8080',
    pull: false,
    slots: 2,
    kinds: ['work'],
    tags: [],
    outboxMax: 10,
    link,
    clock,
    random: createRandom(1),
    store,
    kept: [],
    executors: (onEnded) => {
      end = onEnded
      return {
        run: () => {},
        kill: (attempt: string) => void killed.push(attempt),
        waits: () => false,
        close: async () => {},
      } as unknown as Executors<Offer>
    },
    runFiles: null,
    log: await createLog('test', 'silent'),
  })
  agent.start()
  return {
    agent,
    clock,
    onDisk,
    killed,
    said,
    answerWith: (how: typeof acknowledge) => void (acknowledge = how),
    end: (attempt: string) =>
      end([{ attempt, outcome: { status: 'done', result: 1 }, ranMs: 1 }] as RunEnded[]),
  }
}

test('a slave says to which master it reports, and no secret', async (t) => {
  const { agent } = await setUp()
  t.same(agent.attempts().reportsTo, [{ url: 'http://master:8080', master: 'm1' }])
  await agent.close()
})

test('a slave that is told to stop stays until its outcomes are acknowledged', async (t) => {
  const { agent, clock, answerWith, end } = await setUp()
  agent.offer({ boot: 'boot-1', offers: [offer('a'), offer('b')] })
  let isQuiet = false
  const drained = agent.drain('told to stop').then(() => void (isQuiet = true))
  const pass = (ms: number) => clock.run({ until: clock.now() + ms })
  end('a')
  await pass(10_000)
  t.notOk(isQuiet, 'one runs, and the outcome of the other is not acknowledged')
  end('b')
  await pass(10_000)
  t.notOk(isQuiet, 'nothing runs, but nothing is acknowledged')
  answerWith((attempts) => attempts.filter((attempt) => attempt === 'a'))
  await pass(10_000)
  t.notOk(isQuiet, 'one outcome is not acknowledged')
  answerWith((attempts) => attempts)
  await pass(10_000)
  await drained
  t.ok(isQuiet)
  await agent.close()
})

test('a slave that must go keeps what is not acknowledged for its next run', async (t) => {
  const { agent, clock, onDisk, answerWith, end } = await setUp()
  answerWith(() => [])
  agent.offer({ boot: 'boot-1', offers: [offer('a'), offer('b')] })
  end('a')
  await clock.run({ until: clock.now() + 1 })
  end('b')
  await agent.close()
  t.same([...onDisk.keys()].toSorted(), ['a', 'b'])
})

test('nor does it lose what is on its way to a master that does not answer', async (t) => {
  const { agent, clock, onDisk, answerWith, end } = await setUp()
  answerWith('never')
  agent.offer({ boot: 'boot-1', offers: [offer('a'), offer('b')] })
  end('a')
  await clock.run({ until: clock.now() + 1 })
  end('b')
  t.equal(onDisk.size, 0, 'the answer may still come')
  await agent.close()
  t.same([...onDisk.keys()].toSorted(), ['a', 'b'])
})

test('a revoke kills what runs, and keeps what has ended', async (t) => {
  const { agent, killed, end } = await setUp()
  agent.offer({ boot: 'boot-1', offers: [offer('runs'), offer('ended')] })
  end('ended')
  const state = agent.revoke(['runs', 'ended', 'never came'])
  t.same(killed, ['runs'])
  t.equal(state.free, 2)
  t.same(
    agent.attempts().attempts.map(({ attempt, status }) => ({ attempt, status })),
    [{ attempt: 'ended', status: 'ended' }],
  )
  const { answers } = agent.offer({ boot: 'boot-1', offers: [offer('never came')] })
  t.match(answers, [{ answer: 'revoked' }])
  await agent.close()
})

test('a slave that has said goodbye says nothing more of itself', async (t) => {
  const { agent, clock, said } = await setUp()
  await agent.leave()
  const before = said.length
  await clock.run({ until: clock.now() + 3_600_000 })
  t.equal(said.length, before)
  await agent.close()
})
