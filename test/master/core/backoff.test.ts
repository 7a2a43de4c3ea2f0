// A slave that beats well, answers probes, and whose answers to offers cannot be used: how often it
// is asked, and what it is shown as. The core by itself, with a slave for each sort of answer.

import t from 'tap'
import { knownReason } from '../../../master/core/known-reason.ts'
import type { Effect, Input } from '../../../master/core/messages.ts'
import { isFree } from '../../../master/core/registry.ts'
import { reasonOf } from '../../../master/core/trail.ts'
import { wallTime } from '../../../shared/data/clock.ts'
import type { Answer } from '../../../shared/protocol/wire.ts'
import { instant } from '../../instants.ts'
import { aToken, createTestCore } from '../stepping.ts'

const HEARTBEAT_MS = 1000
const LATENCY_MS = 1
const MINUTE_MS = 60_000

type Said = Omit<Input & { is: 'no-answer' }, 'is' | 'slave' | 'attempts'>
type Answers = { offers: Said | Answer | 'another boot' | 'in turn'; revokes: boolean }

/** A master with one slave that answers offers so, and a client that sends a task each 100 ms. */
function world({ offers, revokes }: Answers, clientEveryMs = 100) {
  const core = createTestCore({
    heartbeatMs: HEARTBEAT_MS,
    waitingTasksMax: 1000,
    waitLimitMs: 10 * MINUTE_MS,
  })
  let answers = offers
  let generation = 0
  const count = { offers: 0, revokes: 0, visits: 0 }
  const state = () => ({
    slave: 'a',
    boot: 'boot-1',
    generation: ++generation,
    slots: 4,
    free: 4,
    mode: 'accepting' as const,
    reason: '',
  })
  const card = { name: 'a', boot: 'boot-1', version: '1', kinds: ['work'], tags: [], slots: 4 }
  const due: { at: number; input: () => Input }[] = []
  let now = 0
  const later = (input: () => Input): void => void due.push({ at: now + LATENCY_MS, input })

  function perform(effect: Effect): void {
    if (effect.do === 'repeat') later(() => effect.input)
    if (effect.do === 'visit') {
      count.visits++
      const { name, url, token } = effect
      const said = () => ({ card, state: state(), attempts: [] })
      later(() => ({ is: 'visited', name, url, said: said(), token }))
    }
    if (effect.do === 'revoke') {
      count.revokes++
      const { slave, attempts } = effect
      if (revokes) later(() => ({ is: 'revoked', slave, attempts, state: state() }))
      else later(() => ({ is: 'not-revoked', slave, attempts }))
    }
    if (effect.do === 'offer') {
      const number = ++count.offers
      later(() => answerTo(effect.attempt, number))
    }
  }

  function answerTo(attempt: string, number: number): Input {
    const now = answers === 'in turn' ? (number % 2 ? 'unwilling' : UNUSABLE) : answers
    if (typeof now !== 'string') return { is: 'no-answer', slave: 'a', attempts: [attempt], ...now }
    const another = now === 'another boot'
    const answer = another ? 'unwilling' : (now as Answer)
    const said = another ? { ...state(), boot: 'boot-2' } : state()
    return { is: 'answers', slave: 'a', state: said, answers: [{ attempt, answer, reason: 'so' }] }
  }

  const step = (input: Input): void =>
    core.step(input, instant(now), wallTime(now)).forEach(perform)
  const heartbeat = (): Input => ({
    is: 'heartbeat',
    heartbeat: { state: state(), attempts: [] },
    token: aToken(),
  })
  step({ is: 'registration', registration: { ...card, url: 'http://a' }, token: aToken() })
  let tasks = 0

  return {
    core,
    count,
    slave: () => core.view.registry.byName.get('a') as NonNullable<ReturnType<typeof get>>,
    nowAnswers: (next: Answers['offers']) => {
      answers = next
    },
    /** Goes on for so long, in steps of a millisecond. */
    run(ms: number): void {
      for (const until = now + ms; now < until; now++) {
        if (core.deadline() <= now) step({ is: 'tick', lateMs: 0 })
        for (const each of due.filter(({ at }) => at <= now)) {
          due.splice(due.indexOf(each), 1)
          step(each.input())
        }
        if (now % HEARTBEAT_MS === 0) step(heartbeat())
        if (now % clientEveryMs === 0 && now > 10) {
          const task = { kind: 'work', priority: 0, runLimitMs: 1000, createdAt: wallTime(now) }
          const waits = ++tasks % 2 === 0
          const until = now + 10 * MINUTE_MS
          const waitUntil = waits ? instant(until) : null
          const expiresAt = waits ? wallTime(until) : null
          const its = { id: `t${tasks}`, queue: waits, waitUntil, expiresAt }
          step({ is: 'submit', task: { ...task, ...its } })
        }
      }
    },
  }

  function get() {
    return core.view.registry.byName.get('a')
  }
}

const UNUSABLE: Said = { how: 'silent', reason: 'answered 500: oops' }
const SORTS: Record<string, Answers['offers']> = {
  'an error': UNUSABLE,
  'a refusal of the whole request': { how: 'undelivered', reason: 'answered 403: no' },
  nothing: { how: 'silent', reason: 'response timeout' },
  'that it is malformed': { how: 'declined', reason: 'answered 400' },
  'busy, and has room': 'busy',
  'unwilling, and has room': 'unwilling',
  'as another boot': 'another boot',
  'unwilling and an error, in turn': 'in turn',
}

for (const [words, offers] of Object.entries(SORTS)) {
  for (const revokes of [false, true]) {
    t.test(`a slave that answers ${words} is asked ever less often (${revokes})`, async (t) => {
      const { run, count } = world({ offers, revokes })
      run(MINUTE_MS)
      // A beat is a request of the slave's own, and one probe may follow it.
      t.ok(count.offers < 90, `${count.offers} offers`)
      t.ok(count.visits < 2 * 60 + 20, `${count.visits} probes`)
      t.ok(count.revokes < 90 + 20, `${count.revokes} revokes`)
      const { offers: before } = count
      run(MINUTE_MS)
      t.ok(count.offers - before <= 61, `then ${count.offers - before} offers a minute`)
    })
  }
}

t.test('a slave that answers an error is asked a dozen times a minute at most', async (t) => {
  const { run, count, slave } = world({ offers: UNUSABLE, revokes: false })
  run(MINUTE_MS)
  t.ok(count.offers <= 12, `${count.offers} offers`)
  t.ok(count.revokes <= 24, `${count.revokes} revokes`)
  const known = knownReason(slave())
  t.equal(known.event, 'faulty')
  t.match(reasonOf(known), /consecutive offers .* answered 500: oops/)
  t.notOk(isFree(slave()))
})

t.test('one lost answer costs no rest', async (t) => {
  const { run, slave, nowAnswers } = world({ offers: UNUSABLE, revokes: true })
  run(105)
  t.match(slave().trouble, { count: 1, resting: false })
  t.ok(isFree(slave()), 'it may be offered the next task')
  nowAnswers('taken')
  run(101)
  t.equal(slave().trouble, null)
})

t.test('a slave that answers well again is offered work as before', async (t) => {
  const { run, slave, nowAnswers, count } = world({ offers: UNUSABLE, revokes: true })
  run(10_000)
  t.equal(slave().trouble?.resting, true)
  nowAnswers('taken')
  run(30_000)
  t.equal(slave().trouble, null)
  t.ok(isFree(slave()))
  t.ok(count.offers > 100, 'what waited for it was taken')
})
