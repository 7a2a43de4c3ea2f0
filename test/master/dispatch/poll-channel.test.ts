// Polls held open by the shell: what the core says to them, and what they say to the core.

import t from 'tap'
import type { Input, Polled } from '../../../master/core/messages.ts'
import type { PollAnswer } from '../../../master/dispatch/poll-channel.ts'
import { answerText, createPollChannels } from '../../../master/dispatch/poll-channel.ts'
import type { Clock } from '../../../shared/data/clock.ts'
import { wallTime } from '../../../shared/data/clock.ts'
import type { Problem } from '../../../shared/protocol/problems.ts'
import { instant } from '../../instants.ts'

const simple: Polled = { simple: true, slave: 'w', kinds: ['work'] }
const word = { slave: 'w', boot: 'b', generation: 1, free: 1, reason: '' }
const pulling: Polled = { simple: false, state: { ...word, mode: 'accepting' } }

const PATIENCE_MS = 500

/** One poll that the core takes, what the core hears of it, and what its slave hears. */
function open(said: Polled = pulling) {
  let now = 0
  const timers = new Set<{ at: number; run: () => void }>()
  const clock: Clock = {
    now: () => instant(now),
    wall: () => wallTime(now),
    soon: (run) => run(),
    at(at, run) {
      const timer = { at, run }
      timers.add(timer)
      return () => timers.delete(timer)
    },
  }
  const heard: Input[] = []
  const answers: (PollAnswer | Problem | null)[] = []
  const polls = createPollChannels({
    clock,
    patienceMs: PATIENCE_MS,
    post: (input) => heard.push(input),
  })
  const open = () => {
    const hangUp = polls.open(said, 1000, (problem, answer) => answers.push(problem ?? answer))
    const last = heard.at(-1)
    const id = last?.is === 'poll' ? last.poll : ''
    const poll = {
      id,
      take: (before: { id: string } | null, slave: string) =>
        polls.take(id, before?.id ?? null, slave),
      end: () => polls.end(id, null),
      channel: () => polls.to('w', id),
      /** An offer whose input is still read: gives what to call with it, or with null. */
      expect() {
        const channel = polls.to('w', id)
        channel.expect()
        return channel.offer
      },
    }
    return { poll, hangUp }
  }
  const { poll, hangUp } = open()
  poll.take(null, 'w')
  return {
    poll,
    hangUp,
    another: open,
    polls,
    answers,
    /** What the core has heard since the poll. */
    heard: () => heard.slice(1),
    timers,
    pass(ms: number): void {
      now += ms
      for (const timer of timers) if (timer.at <= now && timers.delete(timer)) timer.run()
    },
  }
}

const offer = (attempt: string, input = '1') => {
  return {
    boot: 'b',
    attempt,
    task: `task of ${attempt}`,
    kind: 'work',
    runLimitMs: 5,
    input,
    work: null,
    trace: null,
  }
}
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

t.test('a poll', async (t) => {
  t.test('is answered once, with all that is handed over in a turn', async (t) => {
    const p = open()
    p.poll.expect()(offer('1'))
    p.poll.expect()(offer('2'))
    p.poll.channel().revoke(['3'])
    t.same(p.answers, [])
    await turn()
    t.same(p.answers, [{ offers: [offer('1'), offer('2')], revoke: ['3'], given: null }])
    t.match(p.heard(), [{ is: 'handed', slave: 'w', poll: p.poll.id, attempts: ['1', '2'] }])
    p.hangUp()
    p.poll.end()
    t.equal(p.answers.length + p.heard().length, 2, 'and then it is over')
    t.equal(p.timers.size, 0)
  })

  t.test('is answered at once also when it brings revokes alone', async (t) => {
    const p = open()
    p.poll.channel().revoke(['3'])
    await turn()
    t.same(p.answers, [{ offers: [], revoke: ['3'], given: null }])
    t.match(p.heard(), [{ is: 'handed', attempts: [] }])
  })

  t.test('waits for inputs that are still read', async (t) => {
    const p = open()
    const second = p.poll.expect()
    p.poll.expect()(offer('1'))
    await turn()
    t.same(p.answers, [])
    second(offer('2'))
    await turn()
    t.match(p.answers, [{ offers: [{ attempt: '1' }, { attempt: '2' }] }])
  })

  t.test('goes on when an input is not there, and is over when its time is', async (t) => {
    const p = open()
    const missing = p.poll.expect()
    p.pass(1000)
    t.same(p.answers, [], 'an answer is on its way')
    missing(null)
    await turn()
    t.same(p.answers, [null])
  })

  t.test(
    'is answered with nothing when its time is over, and the next is waited for',
    async (t) => {
      const p = open()
      await turn()
      p.pass(1000)
      t.same(p.answers, [null])
      const late = p.poll.expect()
      late(offer('1'))
      p.pass(PATIENCE_MS - 1)
      await turn()
      t.same(p.heard(), [])
      const next = p.another()
      next.poll.take(p.poll, 'w')
      await turn()
      t.match(p.answers[1], { offers: [{ attempt: '1' }] })
      t.match(p.heard().at(-1), { is: 'handed', poll: next.poll.id, attempts: ['1'] })
    },
  )

  t.test(
    'that no other follows in time: the core hears it, and what cannot be handed',
    async (t) => {
      const p = open()
      await turn()
      p.pass(1000)
      p.poll.expect()(offer('1'))
      p.pass(PATIENCE_MS)
      t.match(p.heard(), [
        { is: 'poll-gone', poll: p.poll.id, hungUp: false },
        { is: 'no-answer', attempts: ['1'], how: 'unsent' },
      ])
      t.equal(p.timers.size, 0)
    },
  )

  t.test('that is replaced while it is open is answered with nothing', async (t) => {
    const p = open()
    p.another().poll.take(p.poll, 'w')
    t.same(p.answers, [null])
    await turn()
    p.pass(999)
    t.same(p.heard().slice(1), [])
  })

  t.test('that hung up before the core took it hands over nothing', async (t) => {
    const p = open()
    p.poll.expect()(offer('1'))
    const next = p.another()
    next.hangUp()
    next.poll.take(p.poll, 'w')
    await turn()
    t.match(p.heard().slice(1), [
      { is: 'poll-gone', poll: next.poll.id, hungUp: true },
      { is: 'no-answer', attempts: ['1'], how: 'unsent' },
    ])
  })

  t.test('of a simple slave is followed by another or not: nothing waits for it', async (t) => {
    const p = open(simple)
    p.poll.expect()(offer('1'))
    await turn()
    t.match(p.heard(), [{ is: 'handed' }, { is: 'poll-gone', hungUp: false }])
    p.poll.expect()(offer('2'))
    t.match(p.heard().at(-1), { is: 'no-answer', attempts: ['2'], how: 'unsent' })
    t.equal(p.timers.size, 0)
  })

  t.test('without a name is that of the slave as which the core takes it', async (t) => {
    const p = open({ simple: true, slave: null, kinds: ['work'] })
    p.poll.expect()(offer('1'))
    await turn()
    t.same(p.answers, [{ offers: [offer('1')], revoke: [], given: 'w' }])
    t.match(p.heard(), [
      { is: 'handed', slave: 'w', attempts: ['1'] },
      { is: 'poll-gone', slave: 'w' },
    ])
  })

  t.test('without a name that hung up before the core took it is gone when it does', async (t) => {
    const p = open({ simple: true, slave: null, kinds: ['work'] })
    const next = p.another()
    next.hangUp()
    t.same(p.heard().slice(1), [], 'whose it is the core has not yet said')
    next.poll.take(null, 'v')
    t.match(p.heard().slice(1), [{ is: 'poll-gone', slave: 'v', poll: next.poll.id, hungUp: true }])
  })

  t.test('that hung up takes nothing, and the core hears it', async (t) => {
    const p = open()
    const late = p.poll.expect()
    p.poll.expect()(offer('1'))
    p.hangUp()
    late(offer('2'))
    await turn()
    t.same(p.answers, [])
    t.match(p.heard(), [
      { is: 'poll-gone', slave: 'w', poll: p.poll.id },
      { is: 'no-answer', attempts: ['1'], how: 'unsent' },
      { is: 'no-answer', attempts: ['2'], how: 'unsent' },
    ])
  })

  t.test('carries no more than a request would: the next brings the rest', async (t) => {
    const p = open()
    const large = `"${'x'.repeat(1_500_000)}"`
    for (const attempt of ['1', '2']) p.poll.expect()(offer(attempt, large))
    await turn()
    t.match(p.answers, [{ offers: [{ attempt: '1' }] }])
    t.match(p.heard(), [{ is: 'handed', attempts: ['1'] }])
    p.another().poll.take(p.poll, 'w')
    await turn()
    t.match(p.answers[1], { offers: [{ attempt: '2' }] })
  })

  t.test('is answered when the master closes, and later ones are refused', async (t) => {
    const p = open()
    p.polls.close()
    p.another()
    t.equal(p.answers[0], null)
    t.match(p.answers[1], { type: 'draining' })
    t.equal(p.timers.size, 0)
  })
})

t.test('writes a list for a slave that registered, and one offer for a simple one', async (t) => {
  const answer = { offers: [offer('1', '{"a":[1]}')], revoke: ['2'], given: null }
  const { boot: _, work: __, trace: ___, ...sent } = offer('1')
  const one = { ...sent, input: { a: [1] } }
  t.same(JSON.parse(answerText(simple, answer)), one)
  const nameless = { ...simple, slave: null }
  const text = answerText(nameless, { ...answer, given: 'worker-1' })
  t.same(JSON.parse(text), { slave: 'worker-1', ...one }, 'with the name that it was given')
  t.same(JSON.parse(answerText(pulling, answer)), { offers: [one], revoke: ['2'] })
})

t.test('writes the trace that a client said into the offer', async (t) => {
  const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
  const traced = (trace: string) => {
    const answer = { offers: [{ ...offer('1'), trace }], revoke: [], given: null }
    return JSON.parse(answerText(simple, answer))
  }
  t.match(traced(traceparent), { traceparent })
  const tracestate = 'a="1",b=\\'
  t.match(traced(`${traceparent} ${tracestate}`), { traceparent, tracestate })
})
