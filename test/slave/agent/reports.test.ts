// What the slave reports, to a master that replies what the test says.

import { test } from 'tap'
import { PeerError } from '../../../shared/http/peer.ts'
import { createLog } from '../../../shared/process/log.ts'
import type {
  Heartbeat,
  Registration,
  SlaveCard,
  SlaveState,
} from '../../../shared/protocol/wire.ts'
import { createReports } from '../../../slave/agent/reports.ts'
import type { Input } from '../../../slave/core/core.ts'
import type { Done, Link } from '../../../slave/link/link.ts'

type Reports = {
  [K in 'register' | 'beat' | 'poll']: Link[K] extends (...args: infer A) => void ? A : never
}
type ReplyTo<K extends keyof Reports> = Reports[K] extends [...unknown[], Done<infer R>] ? R : never

const STATE = { slave: 'slave-1', boot: 'boot-1', generation: 7 } as SlaveState
const CARD = { name: 'slave-1', boot: 'boot-1', kinds: ['work'] } as SlaveCard
const NO_ANSWER = new PeerError('response timeout', true)

async function setUp({ pull = false } = {}) {
  const inputs: Input[] = []
  const sent: (Registration | Heartbeat | SlaveState | string)[] = []
  const dropped: string[] = []
  const replies: { [K in keyof Reports]: ReplyTo<K> | PeerError } = {
    register: NO_ANSWER,
    beat: NO_ANSWER,
    poll: NO_ANSWER,
  }
  const answer = <R>(reply: R | PeerError, done: Done<R>): void =>
    reply instanceof PeerError ? done(reply) : done(null, reply)
  let heard = 0
  let polled = 0
  const reports = createReports({
    link: {
      register(said, done) {
        sent.push(said)
        answer(replies.register, done)
      },
      beat(said, done) {
        sent.push(said)
        answer(replies.beat, done)
      },
      poll(state, _waitMs, done) {
        sent.push(state)
        answer(replies.poll, done)
      },
      leave(name, boot, done) {
        sent.push(`${name} ${boot} leaves`)
        done(NO_ANSWER)
      },
    },
    log: await createLog('test', 'silent'),
    core: { card: () => CARD, state: () => STATE },
    url: () => 'http://slave-1',
    pull,
    partitions: { jobs: () => ['job-1'], drop: async (jobs) => void dropped.push(...jobs) },
    held: () => [],
    take: (input) => void inputs.push(input),
    onPolled: () => void polled++,
    onReply: () => void heard++,
  })
  return { reports, inputs, sent, dropped, replies, heard: () => heard, polled: () => polled }
}

test('a registration says where the slave is reached, or that it polls', async (t) => {
  for (const [pull, where] of [
    [false, { url: 'http://slave-1' }],
    [true, { pull: true }],
  ] as const) {
    const { reports, replies, inputs, sent, heard } = await setUp({ pull })
    reports.register()
    t.equal(heard(), 0)
    replies.register = { heartbeatMs: 500, master: 'm1' }
    reports.register()
    t.same(sent, [
      { ...CARD, ...where },
      { ...CARD, ...where },
    ])
    t.same(inputs, [{ is: 'not-registered' }, { is: 'registered', heartbeatMs: 500, master: 'm1' }])
    t.equal(heard(), 1)
  }
})

test('a heartbeat names the jobs whose files are here, and its reply those that ended', async (t) => {
  const { reports, replies, inputs, sent, dropped, heard } = await setUp()
  reports.beat()
  const reply = { revoke: ['a'], register: false, endedJobs: ['job-1'] }
  replies.beat = reply
  reports.beat()
  t.same(sent[0], { state: STATE, attempts: [], jobs: ['job-1'] })
  t.same(inputs, [{ is: 'beat-failed' }, { is: 'beat-answered', reply }])
  t.same(dropped, ['job-1'])
  t.equal(heard(), 1)
})

test('a poll that failed says whether it may have been answered, and whether the boot is unknown', async (t) => {
  const { reports, replies, inputs, heard, polled } = await setUp()
  for (const error of [
    NO_ANSWER,
    new PeerError('connection refused', false),
    new PeerError('answered 404', true, 404),
  ]) {
    replies.poll = error
    reports.poll(STATE, 100)
  }
  t.same(inputs, [
    { is: 'poll-failed', delivered: true, unknown: false },
    { is: 'poll-failed', delivered: false, unknown: false },
    { is: 'poll-failed', delivered: true, unknown: true },
  ])
  replies.poll = { offers: [], revoke: [] }
  reports.poll(STATE, 100)
  t.same([heard(), polled()], [1, 1])
})

test('a slave that leaves does so without an answer too, and reports nothing more', async (t) => {
  const { reports, sent } = await setUp()
  await reports.leave()
  reports.register()
  reports.beat()
  reports.poll(STATE, 100)
  t.same(sent, ['slave-1 boot-1 leaves'])
})
