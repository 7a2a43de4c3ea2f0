// The agent by itself: a master that says what the test lets it say, and executors that compute when
// the test says so.

import { test } from 'tap'
import { createRandom } from '../../../shared/data/random.ts'
import { PeerError } from '../../../shared/http/peer.ts'
import { createLog } from '../../../shared/process/log.ts'
import type { CallbacksRequest, Offer, PollReply } from '../../../shared/protocol/wire.ts'
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

async function setUp({ master = 'http://user:word@master:8080', pull = false } = {}) {
  const clock = createSimulatedClock()
  const { store, kept: onDisk, remove } = createMemoryStore()
  /** Attempts that wait for an executor. */
  const waiting = new Set<string>()
  const polls: Done<PollReply>[] = []
  const killed: string[] = []
  const said: string[] = []
  /** How the master answers callbacks; while it is null it does not. */
  let acknowledge: ((attempts: string[]) => string[]) | 'never' | null = null
  let end: (ended: RunEnded[]) => void = () => {}
  let setAble: (able: boolean) => void = () => {}
  const link: Link = {
    register: (_registration, done) => done(null, { heartbeatMs: 600_000, master: 'm1' }),
    beat(_heartbeat, done) {
      said.push('heartbeat')
      done(null, { revoke: [], register: false })
    },
    callBack({ callbacks }: CallbacksRequest, done: Done<{ acknowledged: string[] }>) {
      said.push('callback')
      if (acknowledge === 'never') return
      if (!acknowledge) return done(new PeerError('connection refused', false))
      done(null, { acknowledged: acknowledge(callbacks.map(({ attempt }) => attempt)) })
    },
    poll: (_state, _waitMs, done) => void polls.push(done),
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
    master,
    pull,
    slots: 2,
    kinds: ['work'],
    tags: [],
    outboxMax: 10,
    link,
    clock,
    random: createRandom(1),
    store,
    kept: [],
    executors: (onEnded, onAble) => {
      end = onEnded
      setAble = onAble
      return {
        run: ({ attempt }: Offer) => void said.push(`run ${attempt}`),
        kill: (attempt: string) => void killed.push(attempt),
        waits: (attempt: string) => waiting.has(attempt),
        close: async () => {},
      } as unknown as Executors<Offer>
    },
    partitions: null,
    delivery: null,
    log: await createLog('test', 'silent'),
  })
  agent.start()
  return {
    agent,
    clock,
    onDisk,
    killed,
    said,
    store,
    remove,
    waiting,
    polls,
    able: (able: boolean) => setAble(able),
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

test('the address of the master is told with its path, without what follows it', async (t) => {
  const { agent } = await setUp({ master: 'https://master/askfirst/?key=word#x' })
  t.same(agent.attempts().reportsTo, [{ url: 'https://master/askfirst/', master: 'm1' }])
  await agent.close()
})

test('a slave is available while it accepts tasks and has a free slot', async (t) => {
  const { agent } = await setUp()
  t.match(agent.availability(), { available: true, message: 'I am available.', free: 2 })
  agent.offer({ boot: 'boot-1', offers: [offer('a'), offer('b')] })
  t.match(agent.availability(), { available: false, message: 'I am not available.', free: 0 })
  agent.revoke(['a', 'b'])
  t.equal(agent.availability().available, true)
  void agent.drain('told to stop')
  const { mode, reason } = agent.attempts().state
  t.same({ mode, reason }, { mode: 'draining', reason: 'told to stop' })
  t.match(agent.availability(), { available: false, mode: 'draining', slave: 'slave-1', free: 2 })
  await agent.close()
})

test('an attempt that waits for an executor does not run yet', async (t) => {
  const { agent, waiting, end } = await setUp()
  agent.offer({ boot: 'boot-1', offers: [offer('a'), offer('b')] })
  const held = () => agent.attempts().attempts.map(({ attempt, status }) => `${attempt} ${status}`)
  t.same(held(), ['a running', 'b running'])
  waiting.add('b')
  t.match(agent.attempts().attempts[1], { attempt: 'b', status: 'waiting' })
  t.same(held(), ['a running', 'b waiting'])
  end('b')
  t.same(held(), ['a running', 'b ended'], 'whatever the executors say')
  await agent.close()
})

test('a slave whose executors do not start refuses tasks until they do', async (t) => {
  const { agent, able } = await setUp()
  able(false)
  const reason = 'its executors do not start: see the log of the slave'
  t.match(agent.availability(), { available: false, mode: 'unwilling', reason })
  able(true)
  t.match(agent.availability(), { available: true, mode: 'accepting', reason: '' })
  await agent.close()
})

test('a slave that cannot keep outcomes refuses tasks, and says what its disk says', async (t) => {
  const { agent, clock, store, end } = await setUp()
  store.keep = async () => {
    throw new Error('the disk is full')
  }
  agent.offer({ boot: 'boot-1', offers: [offer('a')] })
  end('a')
  await clock.run({ until: clock.now() + 10 })
  t.match(agent.availability(), { mode: 'unwilling', reason: /the disk is full/ })
  t.equal(agent.unacknowledged(), 1)
  await agent.close()
})

test('a slave whose data folder is gone refuses tasks until it is restarted', async (t) => {
  const { agent, remove } = await setUp()
  await agent.lookAtFolder()
  t.equal(agent.availability().mode, 'accepting', 'it is there')
  remove()
  await agent.lookAtFolder()
  const reason = 'the folder was removed while the slave ran: restart this slave'
  t.match(agent.availability(), { mode: 'unwilling', reason })
  await agent.lookAtFolder()
  t.match(agent.availability(), { mode: 'unwilling', reason }, 'also with a new one')
  await agent.close()
  await agent.lookAtFolder()
})

test('a closed agent does not look at its folder', async (t) => {
  const { agent, store } = await setUp()
  await agent.close()
  store.gone = async () => {
    throw new Error('the store is closed')
  }
  await t.resolves(agent.lookAtFolder())
})

test('a closed agent answers no offer, and says how it is', async (t) => {
  const { agent } = await setUp()
  await agent.close()
  const { state, answers } = agent.offer({ boot: 'boot-1', offers: [offer('a')] })
  t.same(answers, [])
  t.equal(state.slave, 'slave-1')
})

test('an agent sends heartbeats', async (t) => {
  const { agent, clock, said } = await setUp()
  await clock.run({ until: clock.now() + 3_600_000 })
  const beats = said.filter((each) => each === 'heartbeat').length
  t.ok(beats >= 5 && beats <= 8, `${beats} in an hour, of one in ten minutes`)
  await agent.close()
})

test('a slave that polls runs what a poll brings, and drops what it revokes', async (t) => {
  const { agent, clock, said, killed, polls } = await setUp({ pull: true })
  await clock.run({ until: clock.now() + 10 })
  t.equal(polls.length, 1)
  polls[0]?.(null, { offers: [offer('a')], revoke: [] })
  await clock.run({ until: clock.now() + 10 })
  t.ok(said.includes('run a'))
  polls[1]?.(null, { offers: [], revoke: ['a'] })
  t.same(killed, ['a'])
  await agent.close()
})
