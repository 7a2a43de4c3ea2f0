// The slave's core by itself: hand-made inputs at hand-made times, for the state picture at the
// head of slave/core/core.ts.

import t from 'tap'
import { createRandom } from '../../shared/data/random.ts'
import type { OfferAnswer } from '../../shared/protocol/wire.ts'
import type { Effect, Input, SlaveCoreSettings } from '../../slave/core/core.ts'
import { createSlaveCore } from '../../slave/core/core.ts'
import { instant } from '../instants.ts'

const HEARTBEAT_MS = 1000

/** A core, and a clock that the test moves. */
function slave(more: Partial<SlaveCoreSettings> = {}) {
  const core = createSlaveCore({
    name: 'a',
    boot: 'boot-1',
    version: '1',
    slots: 1,
    kinds: ['work'],
    tags: [],
    random: createRandom(1),
    kept: [],
    outboxMax: 10,
    ...more,
  })
  const here = {
    core,
    now: 0,
    step: (input: Input): Effect[] => core.step(input, instant(here.now)),
    /** Offers attempts of one task each; gives the answers. */
    offer(attempts: string[], kind = 'work', boot = 'boot-1'): OfferAnswer[] {
      const offers = attempts.map((attempt) => ({ attempt, task: `task of ${attempt}`, kind }))
      const effects = here.step({ is: 'offers', offers, boot })
      ran.push(...effects.flatMap((effect) => (effect.do === 'run' ? [effect.attempt] : [])))
      return effects.flatMap((effect) =>
        effect.do === 'answer-offers' ? effect.reply.answers : [],
      )
    },
    register(): Effect[] {
      here.step({ is: 'tick' })
      return here.step({ is: 'registered', heartbeatMs: HEARTBEAT_MS })
    },
    /** What it has been told to run, in order. */
    get ran() {
      return ran
    },
    held: () => core.held().map(({ attempt, status }) => `${attempt} ${status}`),
  }
  const ran: string[] = []
  return here
}

const words = (answers: OfferAnswer[]) => answers.map(({ answer }) => answer)
const order = (effects: Effect[]) => effects.map((effect) => effect.do)

t.test('a slave that is not registered and is asked what it has', async (t) => {
  t.test('registers at once: its master may have just started', async (t) => {
    const s = slave()
    let failures = 0
    for (; failures < 6; failures++) {
      s.now = s.core.deadline() === Number.NEGATIVE_INFINITY ? 0 : s.core.deadline()
      t.same(order(s.step({ is: 'tick' })), ['register'])
      s.step({ is: 'not-registered' })
    }
    const failedAt = s.now
    t.ok(s.core.deadline() >= failedAt + 5000)
    s.now += 1000
    s.step({ is: 'visited' })
    t.equal(s.core.deadline(), s.now)
    t.same(order(s.step({ is: 'tick' })), ['register'])
    s.step({ is: 'visited' })
    t.equal(s.core.deadline(), Number.POSITIVE_INFINITY, 'not twice at a time')
  })

  t.test('but not sooner than after the first pause', async (t) => {
    const s = slave()
    for (let i = 0; i < 2; i++) {
      s.now += 5000
      s.step({ is: 'tick' })
      s.step({ is: 'not-registered' })
    }
    for (let i = 0; i < 100; i++) s.step({ is: 'visited' })
    t.equal(s.core.deadline(), s.now + 250)
  })

  t.test('and one that is registered beats when it would have', async (t) => {
    const s = slave()
    s.register()
    const before = s.core.deadline()
    s.step({ is: 'visited' })
    t.equal(s.core.deadline(), before)
  })
})

t.test('a slave knows its master by the newest reply that names it', async (t) => {
  const s = slave()
  t.equal(s.core.master, undefined)
  s.step({ is: 'tick' })
  s.step({ is: 'registered', heartbeatMs: HEARTBEAT_MS, master: 'm1' })
  t.equal(s.core.master, 'm1')
  s.step({ is: 'beat-answered', reply: { revoke: [], register: false } })
  t.equal(s.core.master, 'm1', 'an old master says nothing')
  s.step({ is: 'beat-answered', reply: { revoke: [], register: false, master: 'm2' } })
  t.equal(s.core.master, 'm2')
})

t.test('a card says what the slave can do besides its kinds, if anything', async (t) => {
  const commands = { programs: ['flac'], containment: 'cgroup' as const }
  const card = slave({ features: ['commands'], commands }).core.card()
  t.match(card, { features: ['commands'], commands })
  const plain = slave().core.card()
  t.notOk('features' in plain || 'commands' in plain)
})

t.test('an offer', async (t) => {
  t.test('is taken or refused in one step, up to the slots', async (t) => {
    const s = slave({ slots: 2 })
    t.same(words(s.offer(['1', '2', '3'])), ['taken', 'taken', 'busy'])
    t.same(s.ran, ['1', '2'])
    t.same(s.held(), ['1 running', '2 running'])
    t.match(s.core.state(), { free: 0, generation: 2, reason: 'running 2 of 2' })
  })

  t.test('that is refused changes nothing', async (t) => {
    const s = slave()
    const before = s.core.state()
    t.match(s.offer(['1'], 'play'), [{ answer: 'unable', reason: /"play"/ }])
    t.same(s.core.state(), before)
    t.same(s.held(), [])
  })

  t.test('is refused for what the shell found in it, also while the slave is full', async (t) => {
    const s = slave()
    s.offer(['1'])
    const offers = [{ attempt: '2', task: 't', kind: 'work', unable: 'does not run "flac"' }]
    const effects = s.step({ is: 'offers', offers, boot: 'boot-1' })
    t.match(effects, [
      { reply: { answers: [{ answer: 'unable', reason: 'does not run "flac"' }] } },
    ])
  })

  t.test('that comes again has the same answer, whatever has happened since', async (t) => {
    const s = slave()
    t.same(words(s.offer(['1', '2'])), ['taken', 'busy'])
    t.same(words(s.offer(['1'])), ['taken'], 'while it runs')
    s.step({ is: 'ended', attempts: ['1'] })
    t.same(words(s.offer(['1'])), ['taken'], 'when it has ended')
    s.step({ is: 'acknowledged', attempts: ['1'] })
    t.same(words(s.offer(['1'])), ['taken'], 'when it is forgotten')
    t.same(words(s.offer(['2'])), ['busy'], 'although there is room now')
    t.same(s.ran, ['1'], 'and runs once')
  })

  t.test('to another boot is refused', async (t) => {
    const s = slave()
    t.same(words(s.offer(['1'], 'work', 'boot-0')), ['unwilling'])
    t.same(s.held(), [])
  })

  t.test('is refused while it is draining or unwilling, with the reason', async (t) => {
    const s = slave()
    s.step({ is: 'mode', mode: 'draining', reason: 'told to stop' })
    t.match(s.offer(['1']), [{ answer: 'draining', reason: 'told to stop' }])
    s.step({ is: 'mode', mode: 'unwilling', reason: 'at night' })
    t.match(s.offer(['2']), [{ answer: 'unwilling', reason: 'at night' }])
    s.step({ is: 'mode', mode: 'accepting', reason: '' })
    t.same(words(s.offer(['3'])), ['taken'])
  })

  t.test('is refused while too many outcomes wait for the master', async (t) => {
    const s = slave({ outboxMax: 1 })
    s.offer(['1'])
    s.step({ is: 'ended', attempts: ['1'] })
    t.match(s.core.state(), { mode: 'unwilling', free: 1, reason: /1 outcomes wait/ })
    t.same(words(s.offer(['2'])), ['unwilling'])
    s.step({ is: 'acknowledged', attempts: ['1'] })
    t.same(words(s.offer(['3'])), ['taken'])
  })
})

t.test('an attempt', async (t) => {
  t.test('runs, ends, is acknowledged and forgotten; each grows the generation', async (t) => {
    const s = slave()
    const generations = [s.core.state().generation]
    s.offer(['1'])
    generations.push(s.core.state().generation)
    s.step({ is: 'ended', attempts: ['1'] })
    t.same(s.held(), ['1 ended'])
    t.equal(s.core.state().free, 1, 'what waits in the outbox has no slot')
    generations.push(s.core.state().generation)
    s.step({ is: 'acknowledged', attempts: ['1'] })
    t.same(s.held(), [])
    generations.push(s.core.state().generation)
    t.same(generations, [0, 1, 2, 3])
  })

  t.test('that is called back is killed, and never taken again', async (t) => {
    const s = slave()
    s.offer(['1'])
    t.match(s.step({ is: 'revoke', attempts: ['1'] }), [{ do: 'kill', attempt: '1' }])
    t.same(s.held(), [])
    t.same(words(s.offer(['1'])), ['revoked'])
    s.step({ is: 'ended', attempts: ['1'] })
    t.same(s.held(), [], 'its end is nothing any more')
  })

  t.test('that is called back before it comes is not taken', async (t) => {
    const s = slave()
    s.step({ is: 'revoke', attempts: ['1'] })
    t.same(words(s.offer(['1'])), ['revoked'])
    t.same(s.ran, [])
  })

  t.test('that has ended stays until the master has its outcome', async (t) => {
    const s = slave()
    s.offer(['1'])
    s.step({ is: 'ended', attempts: ['1'] })
    t.same(s.step({ is: 'revoke', attempts: ['1'] }), [])
    t.same(s.held(), ['1 ended'])
  })

  t.test('of an earlier run is listed until it is acknowledged', async (t) => {
    const s = slave({ kept: [{ attempt: '0', task: 'task of 0' }] })
    t.same(s.held(), ['0 ended'])
    t.equal(s.core.state().free, 1)
    t.same(words(s.offer(['0'])), ['taken'])
    t.same(s.ran, [])
    s.step({ is: 'acknowledged', attempts: ['0'] })
    t.same(s.held(), [])
  })
})

t.test('the master', async (t) => {
  t.test('is asked again and again, ever more slowly, until it registers the slave', async (t) => {
    const s = slave()
    const waits: number[] = []
    for (let i = 0; i < 8; i++) {
      s.now = Math.max(s.now, s.core.deadline())
      t.same(order(s.step({ is: 'tick' })), ['register'])
      t.equal(s.core.deadline(), Number.POSITIVE_INFINITY, 'while it waits for the answer')
      s.step({ is: 'not-registered' })
      waits.push(s.core.deadline() - s.now)
    }
    t.ok((waits[0] ?? 0) >= 250 && (waits[0] ?? 0) <= 275)
    t.ok((waits[1] ?? 0) >= 500 && (waits[1] ?? 0) <= 550)
    t.ok((waits[7] ?? 0) >= 5000 && (waits[7] ?? 0) <= 5500, 'at most 5 s, and a little')
  })

  t.test('hears a beat about every heartbeat', async (t) => {
    const s = slave()
    s.register()
    const gaps: number[] = []
    for (let i = 0; i < 50; i++) {
      const before = s.now
      s.now = s.core.deadline()
      gaps.push(s.now - before)
      t.same(order(s.step({ is: 'tick' })), ['beat'])
      const reply = { revoke: [], register: false }
      s.step(i % 2 === 0 ? { is: 'beat-answered', reply } : { is: 'beat-failed' })
    }
    t.ok(Math.min(...gaps) >= 0.9 * HEARTBEAT_MS && Math.max(...gaps) <= 1.1 * HEARTBEAT_MS)
    t.ok(Math.max(...gaps) - Math.min(...gaps) > 0.05 * HEARTBEAT_MS, 'not all at once')
  })

  t.test('that does not know it has it register again', async (t) => {
    const s = slave()
    s.register()
    s.now = s.core.deadline()
    s.step({ is: 'tick' })
    const reply = { revoke: [], register: true }
    t.same(order(s.step({ is: 'beat-answered', reply })), ['register'])
    t.equal(s.core.deadline(), Number.POSITIVE_INFINITY)
    s.step({ is: 'registered', heartbeatMs: HEARTBEAT_MS })
    t.ok(s.core.deadline() <= s.now + 1.1 * HEARTBEAT_MS)
  })

  t.test('calls back by the answer to a beat', async (t) => {
    const s = slave()
    s.register()
    s.offer(['1'])
    s.now = s.core.deadline()
    s.step({ is: 'tick' })
    const reply = { revoke: ['1'], register: false }
    t.match(s.step({ is: 'beat-answered', reply })[0], { do: 'kill', attempt: '1' })
    t.same(s.held(), [])
  })
})

t.test('a notice', async (t) => {
  t.test('goes out at once when there is room again for whom it refused', async (t) => {
    const s = slave()
    s.register()
    s.offer(['1', '2'])
    t.same(order(s.step({ is: 'revoke', attempts: ['1'] })), ['kill', 'beat'])
  })

  t.test('goes out at once when it takes nothing new', async (t) => {
    const s = slave()
    s.register()
    t.same(order(s.step({ is: 'mode', mode: 'draining', reason: 'told to stop' })), ['beat'])
    t.same(order(s.step({ is: 'mode', mode: 'draining', reason: 'told to stop' })), [])
  })

  t.test('goes out when room in the outbox is all that was lacking', async (t) => {
    const s = slave({ outboxMax: 1 })
    s.register()
    s.offer(['1'])
    s.step({ is: 'ended', attempts: ['1'] })
    s.offer(['2'])
    t.same(order(s.step({ is: 'acknowledged', attempts: ['1'] })), ['beat'])
  })

  t.test('that is owed while a beat is under way follows it', async (t) => {
    const s = slave()
    s.register()
    s.now = s.core.deadline()
    t.same(order(s.step({ is: 'tick' })), ['beat'])
    t.same(order(s.step({ is: 'mode', mode: 'draining', reason: 'told to stop' })), [])
    const reply = { revoke: [], register: false }
    t.same(order(s.step({ is: 'beat-answered', reply })), ['beat'])
  })

  t.test('waits for the registration', async (t) => {
    const s = slave()
    s.step({ is: 'tick' })
    t.same(order(s.step({ is: 'mode', mode: 'draining', reason: 'told to stop' })), [])
  })
})

t.test('remembers the answers to the newest 65,536 attempts that it no longer holds', async (t) => {
  const s = slave({ slots: 4 })
  const attempts = Array.from({ length: 65_538 }, (_, i) => `attempt-${i}`)
  s.step({ is: 'revoke', attempts })
  t.same(words(s.offer(['attempt-0', 'attempt-1', 'attempt-2', 'attempt-65537'])), [
    'taken',
    'taken',
    'revoked',
    'revoked',
  ])
})
