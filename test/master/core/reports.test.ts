// Slaves that report to another master, or to none: what they are shown as, that they are not offered
// work, and that no slave is blamed for an outcome that could not arrive. The core by itself.

import t from 'tap'
import type { Core } from '../../../master/core/core.ts'
import { explain } from '../../../master/core/explain.ts'
import { knownReason } from '../../../master/core/known-reason.ts'
import type { Effect, Input } from '../../../master/core/messages.ts'
import { isFree, slotsOf } from '../../../master/core/registry.ts'
import { reasonOf } from '../../../master/core/trail.ts'
import { wallTime } from '../../../shared/data/clock.ts'
import type { HeldAttempt, ReportsTo } from '../../../shared/protocol/wire.ts'
import { instant } from '../../instants.ts'
import type { Token } from '../stepping.ts'
import { aToken, createTestCore, stepSaved } from '../stepping.ts'

const HEARTBEAT_MS = 1000
const OURS = 'this master'

/** A master whose settings name the slave `wa`, which says that it reports so. */
function world(ask: 'known' | 'always' = 'known') {
  const core: Core = createTestCore(
    { ask, heartbeatMs: HEARTBEAT_MS },
    {
      ids: {
        issuer: OURS,
        make: (task, slave) => `${task}:${slave}:${core.view.counters.asks}`,
        made: (attempt, task, slave) => attempt.startsWith(`${task}:${slave}:`),
      },
    },
  )
  let boot = 'boot-1'
  let generation = 0
  let tasks = 0
  let free = 1
  const step = (input: Input): Effect[] => stepSaved(core, input, here.now)
  const state = () => ({
    slave: 'wa',
    boot,
    generation: ++generation,
    slots: 1,
    free,
    mode: 'accepting' as const,
    reason: '',
  })
  const here = {
    core,
    now: 0,
    step,
    slave: () => core.view.registry.all()[0] as NonNullable<ReturnType<typeof first>>,
    visit(
      reportsTo: ReportsTo[] | undefined,
      token: Token | null = null,
      held: HeldAttempt[] = [],
    ) {
      const card = { name: 'wa', boot, version: '1', kinds: ['work'], tags: [], slots: 1 }
      const said = { card, state: state(), attempts: held, ...(reportsTo && { reportsTo }) }
      return step({ is: 'visited', name: 'wa', url: 'http://wa', said, token })
    },
    beat: (held: HeldAttempt[] = []) =>
      step({ is: 'heartbeat', heartbeat: { state: state(), attempts: held }, token: aToken() }),
    restart(): void {
      boot = 'boot-2'
      generation = 0
    },
    submit(queue = false): Effect[] {
      const task = { id: `t${++tasks}`, kind: 'work', priority: 0, runLimitMs: 5000 }
      const waitUntil = queue ? instant(here.now + 60_000) : null
      const times = { createdAt: wallTime(here.now), waitUntil, expiresAt: null }
      return step({ is: 'submit', task: { ...task, ...times, queue } })
    },
    take(effects: Effect[]): HeldAttempt {
      const offer = effects.find((effect) => effect.do === 'offer')
      if (!offer) throw new Error('no offer')
      const { attempt, task } = offer
      free = 0
      const answers = [{ attempt, answer: 'taken' as const, reason: '' }]
      step({ is: 'answers', slave: 'wa', state: state(), answers })
      return { attempt, task: task.id, status: 'running' }
    },
    frees(): void {
      free = 1
    },
    /** Lets time pass; every half beat `each` is called. Gives all effects. */
    pass(ms: number, each: () => void = () => {}): Effect[] {
      const all: Effect[] = []
      for (const until = here.now + ms; here.now < until; here.now += HEARTBEAT_MS / 2) {
        each()
        if (core.deadline() <= here.now) all.push(...step({ is: 'tick', lateMs: 0 }))
      }
      return all
    },
  }
  step({
    is: 'restore',
    tasks: [],
    slaves: [
      { name: 'wa', address: { by: 'http', url: 'http://wa' }, position: 0, drained: false },
    ],
  })
  return here

  function first() {
    return core.view.registry.all()[0]
  }
}

const ELSEWHERE: [string, ReportsTo[], RegExp][] = [
  ['another master', [{ url: 'http://m2:1', master: 'another' }], /reports to http:\/\/m2:1, not/],
  ['a master that does not answer', [{ url: 'http://dead:1' }], /reports to http:\/\/dead:1, not/],
  ['no master', [], /reports to no master, not/],
  [
    'two others',
    [{ url: 'http://m2:1', master: 'x' }, { url: 'http://m3:1' }],
    /reports to http:\/\/m2:1, http:\/\/m3:1, not/,
  ],
]
const offers = (effects: Effect[]) => effects.filter((effect) => effect.do === 'offer').length

for (const ask of ['known', 'always'] as const) {
  for (const [whom, reportsTo, reason] of ELSEWHERE) {
    t.test(`a slave that reports to ${whom} is not offered work (--ask ${ask})`, async (t) => {
      const w = world(ask)
      w.visit(reportsTo)
      const known = knownReason(w.slave())
      t.equal(known.event, 'elsewhere')
      t.match(reasonOf(known), reason)
      t.notOk(isFree(w.slave()))
      t.same(slotsOf([w.slave()]), { total: 0, free: 0 }, 'its slots are none of ours')
      const effects = w.submit()
      t.equal(offers(effects), 0)
      const refused = effects.find((effect) => effect.do === 'refuse')
      t.match(refused?.problem, { type: 'no-slaves', message: reason })
      t.match(refused?.task.trail, [{ event: 'elsewhere', slave: 'wa', why: { is: 'elsewhere' } }])
      const { wouldAsk, slaves } = explain(w.core.view, { kind: 'work' }, instant(w.now))
      t.match(
        { wouldAsk, slaves },
        { wouldAsk: null, slaves: [{ available: false, state: 'elsewhere', reason }] },
      )
    })
  }

  t.test(`nor from the queue; it is when it comes here (--ask ${ask})`, async (t) => {
    const w = world(ask)
    w.visit([{ url: 'http://m2:1' }])
    w.submit(true)
    t.equal(offers(w.pass(5000, () => w.visit([{ url: 'http://m2:1' }]))), 0)
    t.equal(offers(w.beat()), 1, 'its heartbeat says that it reports here')
  })
}

t.test('a slave that names this master is offered work before its first heartbeat', async (t) => {
  const w = world()
  w.visit([{ url: 'http://m:1', master: OURS }])
  t.equal(offers(w.submit()), 1)
})

t.test('one of several masters may be this one', async (t) => {
  const w = world()
  w.visit([
    { url: 'http://m2:1', master: 'another' },
    { url: 'http://m:1', master: OURS },
  ])
  t.ok(isFree(w.slave()))
})

t.test('a slave of a version that does not say is offered work', async (t) => {
  const w = world()
  w.visit(undefined)
  t.equal(offers(w.submit()), 1)
})

t.test('a slave that registers here is offered work, whatever it knew by then', async (t) => {
  const w = world()
  w.visit([{ url: 'http://m:1' }])
  const effects = w.visit([{ url: 'http://m:1' }], aToken())
  t.match(
    effects.find((effect) => effect.do === 'answer-registration')?.reply,
    { heartbeatMs: HEARTBEAT_MS, master: OURS },
    'and hears the name of this master',
  )
  t.ok(isFree(w.slave()))
  w.visit([{ url: 'http://m:1', master: 'the master before the store was lost' }])
  t.ok(isFree(w.slave()), 'a boot does not change its master')
})

t.test('every heartbeat is told the name of this master', async (t) => {
  const w = world()
  w.visit(undefined)
  const reply = w.beat().find((effect) => effect.do === 'answer-heartbeat')?.reply
  t.match(reply, { register: false, master: OURS })
})

t.test('another boot of the slave may report elsewhere', async (t) => {
  const w = world()
  w.visit([{ url: 'http://m:1' }], aToken())
  w.restart()
  w.visit([{ url: 'http://m2:1', master: 'another' }])
  t.equal(knownReason(w.slave()).event, 'elsewhere')
})

t.test('what a slave says of its masters is cut before it is told', async (t) => {
  const w = world()
  w.visit(Array.from({ length: 64 }, () => ({ url: `http://${'x'.repeat(2000)}` })))
  t.ok(reasonOf(knownReason(w.slave())).length < 1024)
})

t.test('a slave of an old version whose outcomes go elsewhere is not blamed', async (t) => {
  t.test('when another master has acknowledged them', async (t) => {
    const w = world()
    w.visit(undefined)
    let effects = w.submit(true)
    for (let i = 0; i < 3; i++) {
      w.take(effects)
      w.frees()
      w.visit(undefined) // It has the attempt no more.
      effects = w.pass(2000)
    }
    const [ended] = w.core.view.live.size === 0 ? [w.core.view.counters.ended] : []
    t.match(ended, { failed: 1 })
    t.match(w.core.view.figures.failed, { 'outcome-lost': 1, poison: 0 })
  })

  t.test('when it keeps them because its master is away', async (t) => {
    const w = world()
    w.visit(undefined)
    const held = { ...w.take(w.submit(true)), status: 'ended' as const }
    const task = w.core.view.live.get(held.task)
    w.frees()
    w.pass(16_000, () => w.visit(undefined, null, [held]))
    const lost = task?.trail.find(({ event }) => event === 'outcome-lost')
    t.match(lost, { slave: 'wa', why: { is: 'overdue', runLimitMs: 5_000, ended: true } })
    t.same(task?.blamed, [])
  })

  t.test('but one that fell silent is: the task may have taken it down', async (t) => {
    const w = world()
    w.visit(undefined)
    const held = w.take(w.submit(true))
    const task = w.core.view.live.get(held.task)
    w.pass(6000)
    t.same(task?.blamed, ['wa'])
  })
})
