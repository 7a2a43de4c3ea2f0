// When a slave polls, at its core by itself: hand-made inputs at hand-made times, for the picture at
// the head of slave/core/polling.ts.

import t from 'tap'
import { createRandom } from '../../shared/data/random.ts'
import type { Effect, Input } from '../../slave/core/core.ts'
import { createSlaveCore } from '../../slave/core/core.ts'
import { instant } from '../instants.ts'

const BEAT_MS = 1000

function slave(slots = 1) {
  const core = createSlaveCore({
    name: 'a',
    boot: 'boot-1',
    version: '1',
    slots,
    kinds: ['work'],
    tags: [],
    pull: true,
    random: createRandom(1),
    kept: [],
    outboxMax: 10,
  })
  const here = {
    core,
    now: 0,
    step: (input: Input): string[] => core.step(input, instant(here.now)).map(word),
    /** Registered, and the master has heard what it holds: it polls. */
    start(): string[] {
      here.step({ is: 'tick' })
      here.step({ is: 'registered', heartbeatMs: BEAT_MS })
      return here.step({ is: 'beat-answered', reply: { revoke: [], register: false } })
    },
    polled: (attempts: string[] = [], revoke: string[] = []): string[] =>
      here.step({ is: 'polled', offers: attempts.map(offer), revoke }),
    /** Wakes it whenever it wants, for so long. */
    pass(ms: number): string[] {
      const until = here.now + ms
      const all: string[] = []
      while (core.deadline() <= until) {
        here.now = Math.max(here.now, core.deadline())
        all.push(...here.step({ is: 'tick' }))
      }
      here.now = until
      return all
    },
    held: () => core.held().map(({ attempt, status }) => `${attempt} ${status}`),
  }
  return here
}

const offer = (attempt: string) => ({ attempt, task: `task of ${attempt}`, kind: 'work' })
const word = (effect: Effect): string =>
  'attempt' in effect ? `${effect.do} ${effect.attempt}` : effect.do

t.test('a slave that pulls', async (t) => {
  t.test('says what it holds before it polls for the first time', async (t) => {
    const s = slave()
    t.same(s.step({ is: 'tick' }), ['register'])
    t.same(s.step({ is: 'registered', heartbeatMs: BEAT_MS }), ['beat'])
    const reply = { revoke: [], register: false }
    t.same(s.step({ is: 'beat-answered', reply }), ['poll'])
  })

  t.test('runs what its poll brings, and polls again at once, also when it is full', async (t) => {
    const s = slave()
    s.start()
    const { generation } = s.core.state()
    t.same(s.polled(['1']), ['run 1', 'poll'])
    t.same(s.held(), ['1 running'])
    t.match(s.core.state(), { free: 0, generation: generation + 3, polled: generation })
  })

  t.test('has one poll open at a time, each of a later generation', async (t) => {
    const s = slave()
    s.start()
    const reply = { revoke: [], register: false }
    t.same(s.step({ is: 'beat-answered', reply }), [], 'a beat opens no second one')
    const { generation } = s.core.state()
    s.now = BEAT_MS
    t.same(s.polled(), ['poll'])
    t.match(s.core.state(), { generation: generation + 2, polled: generation })
  })

  t.test('rests when a poll brought nothing sooner than it should', async (t) => {
    const s = slave()
    s.start()
    t.same(s.polled(), [])
    t.same(s.pass(60), ['poll'])
  })

  t.test('drops what its poll calls back', async (t) => {
    const s = slave(2)
    s.start()
    s.polled(['1', '2'])
    t.same(s.polled([], ['1']), ['kill 1', 'poll'])
    t.same(s.held(), ['2 running'])
  })

  t.test('runs nothing twice and no more than it has slots', async (t) => {
    const s = slave(2)
    s.start()
    s.polled(['1'])
    t.same(s.polled(['1', '2', '3']), ['run 2', 'poll'])
    s.step({ is: 'revoke', attempts: ['4', '1'] })
    t.same(s.polled(['4']), ['poll'], 'nor what was called back before it came')
  })

  t.test('takes what comes while it drains: it was promised', async (t) => {
    const s = slave()
    s.start()
    s.step({ is: 'mode', mode: 'draining', reason: 'told to stop' })
    t.same(s.polled(['1']), ['run 1', 'poll'])
  })

  t.test('polls ever later while polls fail, and beats when an answer may be lost', async (t) => {
    const s = slave()
    s.start()
    s.step({ is: 'poll-failed', delivered: false, unknown: false })
    t.same(s.pass(110), ['poll'], 'it cannot have been answered')
    s.step({ is: 'poll-failed', delivered: true, unknown: false })
    t.same(s.pass(110), [])
    t.same(s.pass(100), ['poll', 'beat'], 'the master hears at once what never came')
  })

  t.test('registers when the master does not know it, and then begins as before', async (t) => {
    const s = slave()
    s.start()
    t.same(s.step({ is: 'poll-failed', delivered: true, unknown: true }), ['register'])
    t.same(s.pass(10 * BEAT_MS), [], 'and does not poll meanwhile')
    t.same(s.step({ is: 'registered', heartbeatMs: BEAT_MS }), ['beat'])
    const reply = { revoke: [], register: false }
    t.match(s.step({ is: 'beat-answered', reply }), ['poll'])
  })

  t.test('registers also when it hears that while it beats', async (t) => {
    const s = slave()
    s.start()
    while (!s.pass(10).includes('beat')) {}
    t.same(s.step({ is: 'poll-failed', delivered: true, unknown: true }), [])
    const reply = { revoke: [], register: false }
    t.same(s.step({ is: 'beat-answered', reply }), ['register'])
  })
})
