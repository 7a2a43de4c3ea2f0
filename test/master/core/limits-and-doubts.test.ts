// The core by itself: deadlines that a start of the master must not renew, and attempts of which
// nobody knows whether a slave has them.

import t from 'tap'
import { createCore } from '../../../master/core/core.ts'
import type { Effect, Input, StoredTask } from '../../../master/core/effects.ts'
import { inOrder } from '../../../master/policies/in-order.ts'
import { wallTime } from '../../../shared/clock.ts'
import { createRandom } from '../../../shared/random.ts'
import type { HeldAttempt, Outcome } from '../../../shared/wire.ts'
import { stepSaved } from '../stepping.ts'

const HEARTBEAT_MS = 1000
const WAIT_LIMIT_MS = 60_000
const ASK_TIMEOUT_MS = 500
const HOUR_MS = 3_600_000

type Offered = Effect & { do: 'offer' }

/** A core at a time of its own, and slaves of one slot that do as they are told. */
function setUp(now = 0) {
  let attempts = 0
  let effects: Effect[] = []
  const core = createCore({
    settings: {
      ask: 'known',
      heartbeatMs: HEARTBEAT_MS,
      askTimeoutMs: ASK_TIMEOUT_MS,
      attemptsMax: 3,
      retryBackoffMs: 100,
      waitingTasksMax: 5,
      waitLimitMs: WAIT_LIMIT_MS,
    },
    policy: inOrder,
    random: createRandom(1),
    ids: {
      issuer: 'ledger',
      make: (task, slave) => `${task}:${slave}:${++attempts}`,
      made: (attempt, task, slave) => attempt.startsWith(`${task}:${slave}:`),
    },
  })
  const generations = new Map<string, number>()
  const state = (name: string, free: number) => {
    const generation = (generations.get(name) ?? -1) + 1
    generations.set(name, generation)
    return {
      slave: name,
      boot: 'b',
      generation,
      slots: 1,
      free,
      mode: 'accepting',
      reason: '',
    } as const
  }
  const step = (input: Input): Effect[] => {
    effects = stepSaved(core, input, here.now)
    return effects
  }
  const here = {
    now,
    core,
    step,
    last: <D extends Effect['do']>(what: D) =>
      effects.filter((effect): effect is Effect & { do: D } => effect.do === what),
    live: (id: string) => core.view.live.get(id),
    offered: (): Offered => here.last('offer')[0] as Offered,
    start(name: string, attempts: HeldAttempt[] = []): void {
      const card = { name, boot: 'b', version: '1', kinds: ['work'], tags: [], slots: 1 }
      const said = { card, state: state(name, 1 - attempts.length), attempts }
      step({ is: 'visited', name, url: `http://${name}`, said, token: 'registration' })
    },
    submit(id: string): void {
      const about = {
        kind: 'work',
        priority: 0,
        runLimitMs: HOUR_MS,
        createdAt: wallTime(here.now),
      }
      const task = { id, ...about, queue: false, waitUntil: null, expiresAt: null }
      step({ is: 'submit', task })
    },
    answer({ slave, attempt }: Offered, answer: 'taken' | 'busy'): void {
      const answers = [{ attempt, answer, reason: '' }]
      step({ is: 'answers', slave, state: state(slave, 0), answers })
    },
    silence: ({ slave, attempt }: Offered): Effect[] =>
      step({ is: 'no-answer', slave, attempts: [attempt], delivered: true, reason: 'silent' }),
    callBack({ slave, attempt, task }: Offered, outcome: Outcome): void {
      const callbacks = [{ attempt, task: task.id, outcome, ranMs: 5 }]
      step({ is: 'callbacks', state: state(slave, 1), callbacks, token: 'callbacks' })
    },
    /** Lets time pass, with a tick whenever the core wants one; gives what came of it. */
    pass(ms: number): Effect[] {
      const until = here.now + ms
      const all: Effect[] = []
      while (core.deadline() <= until) {
        here.now = Math.max(here.now, core.deadline())
        all.push(...step({ is: 'tick', lateMs: 0 }))
      }
      here.now = until
      return all
    },
  }
  return here
}

const stored = (more: Partial<StoredTask> = {}): StoredTask => ({
  id: 'task-1',
  kind: 'work',
  priority: 0,
  runLimitMs: HOUR_MS,
  createdAt: wallTime(0),
  queue: true,
  expiresAt: null,
  tries: 0,
  running: null,
  trail: [],
  ...more,
})

t.test('a wait limit goes on over starts of the master', async (t) => {
  const began = 1_000_000
  const expiresAt = wallTime(began + 10_000)
  const createdAt = wallTime(began)
  // Each of these masters lives shorter than the limit; together they live longer.
  for (const alreadyMs of [0, 2_000, 3_500]) {
    const w = setUp(began + alreadyMs)
    w.step({ is: 'restore', tasks: [stored({ createdAt, expiresAt })], slaves: [] })
    t.equal(w.live('task-1')?.expiresAt, expiresAt)
    t.equal(w.core.deadline(), began + 10_000)
    t.same(w.pass(10_000 - alreadyMs - 1), [])
    const [end] = w.pass(1).filter((effect) => effect.do === 'end')
    t.match(end, { task: { stage: { status: 'expired' } } })
  }
})

t.test('one that was stored without a limit has the master’s from its start on', async (t) => {
  const w = setUp(5_000)
  w.step({ is: 'restore', tasks: [stored()], slaves: [] })
  t.equal(w.live('task-1')?.expiresAt, wallTime(5_000 + WAIT_LIMIT_MS))
})

t.test('what was stored of a task is what the core goes on with', async (t) => {
  const w = setUp(1_000)
  const slaves = [{ name: 'a', url: 'http://a', position: 4, drained: true }]
  const trail = [{ at: wallTime(1), event: 'taken', slave: 'a' }]
  const running = { slave: 'a', attempt: 'task-1:a:1', startedAt: wallTime(700) }
  const task = { priority: 3, runLimitMs: 77, createdAt: wallTime(5), tries: 2, trail }
  w.step({ is: 'restore', tasks: [stored({ ...task, running })], slaves })
  const { priority, runLimitMs, createdAt, tries } = task
  t.match(w.live('task-1'), {
    priority,
    runLimitMs,
    createdAt,
    tries,
    accepted: true,
    startedAt: wallTime(700),
    stage: { is: 'running', attempt: running.attempt },
  })
  t.same(
    w.live('task-1')?.trail.map(({ event }) => event),
    ['taken', 'master started'],
  )
  t.match(w.core.view.registry.byName.get('a'), { place: 4, drained: true, saved: true })
  t.equal(w.core.view.running, 1)
})

t.test('a slave that did not answer is told to drop what another has ended', async (t) => {
  const w = setUp()
  w.start('a')
  w.start('b')
  w.submit('task-1')
  const doubtful = w.offered()
  t.equal(doubtful.slave, 'a')
  w.silence(doubtful)
  const second = w.offered()
  t.equal(second.slave, 'b')
  w.answer(second, 'taken')
  w.callBack(second, { status: 'done', result: 1 })
  t.match(w.last('revoke'), [{ slave: 'a', attempts: [doubtful.attempt] }])
})

t.test('and what a client cancels, and what a refusal leaves in doubt', async (t) => {
  const cancelled = setUp()
  cancelled.start('a')
  cancelled.start('b')
  cancelled.submit('task-1')
  const doubtful = cancelled.offered()
  cancelled.silence(doubtful)
  const taken = cancelled.offered()
  cancelled.answer(taken, 'taken')
  cancelled.step({ is: 'cancel', task: 'task-1' })
  const revokes = cancelled.last('revoke').map(({ slave, attempts }) => [slave, ...attempts])
  t.same(revokes.toSorted(), [
    ['a', doubtful.attempt],
    ['b', taken.attempt],
  ])

  const refused = setUp()
  refused.start('a')
  refused.submit('task-1')
  const offer = refused.offered()
  refused.silence(offer)
  t.equal(refused.live('task-1')?.stage.is, 'doubt')
  const effects = refused.pass(2 * ASK_TIMEOUT_MS)
  t.match(
    effects.filter((effect) => effect.do === 'revoke'),
    [{ slave: 'a', attempts: [offer.attempt] }],
  )
  t.match(
    effects.filter((effect) => effect.do === 'refuse'),
    [{ problem: { type: 'slave-silent' } }],
  )
})
