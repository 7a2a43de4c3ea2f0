// Slaves that poll, in the master's core alone: constructed inputs at chosen times, for the picture at
// the head of core/polling.ts. The test plays the shell: it delivers what the core offers.

import t from 'tap'
import type { CoreSettings } from '../../../master/core/context.ts'
import { explain } from '../../../master/core/explain.ts'
import type { Effect, Input } from '../../../master/core/messages.ts'
import type { NewTask, Slave } from '../../../master/core/state.ts'
import { POLICIES } from '../../../master/policies/policies.ts'
import { slaveJson } from '../../../master/views/slave-json.ts'
import { wallTime } from '../../../shared/data/clock.ts'
import type { HeldAttempt, Outcome, SlaveState } from '../../../shared/protocol/wire.ts'
import { instant } from '../../instants.ts'
import { aToken, createTestCore, stepSaved } from '../stepping.ts'

const BEAT_MS = 1000
const RUN_MS = 30_000
const done: Outcome = { status: 'done', result: 1 }

type Offered = Effect & { do: 'offer' }
type Settings = Partial<CoreSettings> & { policy?: keyof typeof POLICIES }

/** A core, slaves that pull, and a clock that the test moves. */
function world({ policy = 'in-order', ...more }: Settings = {}) {
  let names = 0
  let effects: Effect[] = []
  const given = { heartbeatMs: BEAT_MS, waitingTasksMax: 50, waitLimitMs: 600_000, ...more }
  const core = createTestCore(given, { policy: POLICIES[policy] })
  const states = new Map<string, SlaveState>()

  function step(input: Input): Effect[] {
    effects = stepSaved(core, input, here.now)
    return effects
  }

  const here = {
    core,
    now: 0,
    step,
    last: <D extends Effect['do']>(what: D) =>
      effects.filter((effect): effect is Effect & { do: D } => effect.do === what),
    slave: (name: string) => core.view.registry.byName.get(name)!,
    json: (name: string): ReturnType<typeof slaveJson> => slaveJson(here.slave(name), here.now),
    task: (id: string) => core.view.live.get(id)!,
    state: (name: string): SlaveState => states.get(name)!,
    change(name: string, more: Partial<SlaveState> = {}): SlaveState {
      const before = here.state(name)
      const state = { ...before, generation: before.generation + 1, ...more }
      states.set(name, state)
      return state
    },
    register(name: string, slots = 1, boot = 'boot-1'): Effect[] {
      const state = { slave: name, boot, generation: 0, slots, free: slots }
      states.set(name, { ...state, mode: 'accepting', reason: '' })
      const card = { name, boot, version: '1', kinds: ['work'], tags: [], slots }
      return step({ is: 'registration', registration: { ...card, pull: true }, token: aToken() })
    },
    beat(
      name: string,
      attempts: HeldAttempt[] = [],
      state: SlaveState = here.state(name),
    ): Effect[] {
      return step({ is: 'heartbeat', heartbeat: { state, attempts }, token: aToken() })
    },
    /** It polls; its poll is known by a word, such as "a's second". */
    poll(name: string, poll: string, more: Partial<SlaveState> = {}): Effect[] {
      const { reach } = here.slave(name)
      const polled = reach.by === 'poll' ? reach.polled : -1
      const state = here.change(name, { ...(polled < 0 ? {} : { polled }), ...more })
      return step({ is: 'poll', said: { simple: false, state }, poll })
    },
    /** The shell says that the slave does not poll any more. */
    gone(slave: string, poll: string, hungUp = false): Effect[] {
      return step({ is: 'poll-gone', slave, poll, hungUp })
    },
    pollSimply(slave: string | null, poll: string, kinds = ['work']): Effect[] {
      return step({ is: 'poll', said: { simple: true, slave, kinds }, poll })
    },
    /** Registered, heard, and polling. */
    start(name: string, slots = 1): void {
      here.register(name, slots)
      here.beat(name)
      here.poll(name, `${name}'s first`)
    },
    submit(more: Partial<NewTask> = {}): string {
      const id = `task-${++names}`
      const common = { kind: 'work', priority: 0, runLimitMs: RUN_MS, queue: false }
      const times = { createdAt: wallTime(here.now), waitUntil: null, expiresAt: null }
      step({ is: 'submit', task: { id, ...common, ...times, ...more } })
      return id
    },
    queue: (more: Partial<NewTask> = {}): string =>
      here.submit({ queue: true, waitUntil: instant(here.now + 600_000), ...more }),
    offered(): Offered {
      const [offer, ...others] = here.last('offer')
      if (!offer || others.length > 0) throw new Error(`${here.last('offer').length} offers`)
      return offer
    },
    /** The shell answers the poll with these offers. */
    hand(...offers: Offered[]): Effect[] {
      const [offer] = offers as [Offered]
      const { slave } = offer
      return step({
        is: 'handed',
        slave,
        poll: pollOf(offer),
        attempts: offers.map(({ attempt }) => attempt),
      })
    },
    /** Submits a task that the first slave has then. */
    running(more: Partial<NewTask> = {}): Offered {
      here.submit(more)
      const offer = here.offered()
      here.hand(offer)
      return offer
    },
    callBack({ slave, attempt, task }: Offered, free = 1): Effect[] {
      const callbacks = [{ attempt, task: task.id, outcome: done, ranMs: 5 }]
      return step({
        is: 'callbacks',
        state: here.change(slave, { free }),
        callbacks,
        token: aToken(),
      })
    },
    pass(ms: number): Effect[] {
      const until = here.now + ms
      const all: Effect[] = []
      while (core.deadline() <= until) {
        here.now = Math.max(here.now, core.deadline())
        all.push(...step({ is: 'tick', lateMs: 0 }))
      }
      here.now = until
      effects = all
      return all
    },
  }
  return here
}

function currentPoll({ reach }: Slave): string {
  if (reach.by === 'http' || reach.poll === null) throw new Error('it does not poll')
  return reach.poll
}

/** The poll by which an offer reaches its slave. */
function pollOf({ route }: Offered): string {
  if (route.by !== 'poll') throw new Error(`an offer by ${route.by}`)
  return route.poll
}

const order = (effects: Effect[]) => effects.map((effect) => effect.do)
const held = ({ attempt, task }: Offered): HeldAttempt => ({
  attempt,
  task: task.id,
  status: 'running',
})
const events = ({ trail }: { trail: { event: string; slave?: string }[] }) =>
  trail.map(({ event, slave }) => `${slave ?? ''} ${event}`.trim())

t.test('a slave that polls', async (t) => {
  t.test('is offered a task at its place, which is taken when it is handed over', async (t) => {
    const w = world()
    w.start('a')
    w.start('b')
    const id = w.submit()
    const offer = w.offered()
    t.match(offer, { slave: 'a', route: { by: 'poll', poll: "a's first" } })
    t.same(order(w.hand(offer)), ['save', 'accept'])
    t.match(w.task(id), { stage: { is: 'running', attempt: offer.attempt }, tries: 1 })
    t.same(events(w.task(id)), ['a taken'])
    w.submit()
    t.match(w.offered(), { slave: 'b', route: { by: 'poll', poll: "b's first" } })
  })

  t.test('is known to be busy, or not to poll, in the trail of a refusal', async (t) => {
    const w = world()
    w.start('a')
    w.register('b')
    w.beat('b')
    w.running()
    w.now = 300
    w.submit()
    const [refusal] = w.last('refuse')
    t.match(refusal?.problem, { type: 'at-capacity' })
    t.match(refusal?.task.trail, [
      { slave: 'a', event: 'busy', why: { is: 'full', taken: 1, slots: 1 }, knownMs: 300 },
      { slave: 'b', event: 'busy', why: { is: 'not polling' } },
    ])
    t.match(w.json('b'), { pull: true, url: null, polling: false, polledMs: null, state: 'busy' })
    t.match(w.json('a'), { pull: true, polling: true, polledMs: 300, running: 1 })
  })

  t.test('has a queued task at once, and as many as it has free slots', async (t) => {
    const w = world()
    for (let i = 0; i < 3; i++) w.queue()
    w.register('a', 2)
    w.beat('a')
    t.same(w.last('offer'), [], 'it does not poll yet')
    w.poll('a', 'one')
    t.equal(w.last('offer').length, 2)
    w.hand(...w.last('offer'))
    t.equal(w.core.view.running, 2)
    t.equal(w.core.view.waiting, 1)
    t.match(w.json('a'), { free: 0, running: 2 })
  })

  t.test('is free between one poll and the next, which brings what came meanwhile', async (t) => {
    const w = world()
    w.start('a', 2)
    w.running()
    w.submit()
    t.match(
      w.offered(),
      { slave: 'a', route: { poll: "a's first" } },
      'the shell waits for its next poll',
    )
    const offer = w.offered()
    w.poll('a', 'two', { free: 1 })
    t.match(w.last('open-poll'), [{ poll: 'two', before: "a's first" }])
    w.hand({ ...offer, route: { by: 'poll', poll: 'two' } })
    t.equal(w.json('a').running, 2)
  })

  t.test(
    'has the next task by the poll that is open, as soon as an outcome frees a slot',
    async (t) => {
      const w = world()
      w.start('a')
      const first = w.running()
      w.queue()
      w.poll('a', 'two', { free: 0 })
      t.same(w.last('offer'), [], 'it is full')
      const effects = w.callBack(first)
      t.ok(effects.some((effect) => effect.do === 'end'))
      t.match(w.offered(), { slave: 'a', route: { by: 'poll', poll: 'two' } })
    },
  )

  t.test('is asked in its place among slaves that are asked', async (t) => {
    const w = world()
    const url = 'http://b'
    const card = { name: 'b', boot: '1', version: '1', kinds: ['work'], tags: [], slots: 1 }
    const said = { card, state: stateOf('b'), attempts: [] }
    w.start('a')
    w.step({ is: 'visited', name: 'b', url, said, token: aToken() })
    w.running()
    w.submit()
    t.match(w.offered(), { slave: 'b', route: { by: 'http', url } })
  })

  for (const policy of Object.keys(POLICIES) as (keyof typeof POLICIES)[]) {
    t.test(`is found by the policy ${policy} while it polls, and only then`, async (t) => {
      for (const ask of ['known', 'always'] as const) {
        const w = world({ policy, ask })
        w.start('a')
        w.register('b')
        w.beat('b')
        w.submit()
        t.equal(w.offered().slave, 'a')
        w.hand(w.offered())
        w.submit()
        t.match(w.last('refuse'), [{ problem: { type: 'at-capacity' } }])
      }
    })
  }

  t.test('is named by a dry run', async (t) => {
    const w = world()
    w.start('a')
    const before = w.json('a')
    t.same(explain(w.core.view, { kind: 'work' }, instant(0)), {
      wouldAsk: 'a',
      slaves: [{ slave: 'a', available: true, state: 'free', reason: '' }],
    })
    t.same(explain(w.core.view, { kind: 'other' }, instant(0)), {
      wouldAsk: null,
      slaves: [{ slave: 'a', available: false, state: 'unable', reason: 'does not offer "other"' }],
    })
    t.same(w.json('a'), before, 'which changes nothing')
    w.gone('a', "a's first")
    t.match(explain(w.core.view, { kind: 'work' }, instant(0)), {
      wouldAsk: null,
      slaves: [{ available: false, state: 'busy', reason: 'is not polling' }],
    })
  })

  t.test('that is drained is handed nothing until it is resumed', async (t) => {
    const w = world()
    w.start('a')
    w.step({ is: 'drain', name: 'a', drained: true, token: aToken() })
    t.match(w.last('end-poll'), [{ problem: null }])
    w.poll('a', 'two')
    const id = w.queue()
    t.same(w.last('offer'), [])
    w.step({ is: 'drain', name: 'a', drained: false, token: aToken() })
    t.equal(w.offered().task.id, id)
  })

  t.test('that drains by itself is handed nothing by the poll that is open', async (t) => {
    const w = world()
    w.start('a')
    w.beat('a', [], w.change('a', { mode: 'draining', reason: 'SIGTERM' }))
    w.submit()
    t.match(w.last('refuse'), [{ task: { trail: [{ event: 'draining', reason: 'SIGTERM' }] } }])
  })

  t.test('is told by its open poll what is called back', async (t) => {
    const w = world()
    w.start('a', 2)
    const offer = w.running()
    w.poll('a', 'two', { free: 1 })
    w.step({ is: 'cancel', task: offer.task.id })
    t.match(w.last('revoke'), [{ route: { by: 'poll', poll: 'two' }, attempts: [offer.attempt] }])
    w.step({ is: 'handed', slave: 'a', poll: 'two', attempts: [] })
    t.equal(w.json('a').free, 1, 'which takes no slot')
    w.beat('a', [held(offer)])
    t.match(w.last('revoke-by-heartbeat'), [{ reply: { revoke: [offer.attempt] } }], 'and again')
  })

  t.test('is never asked: neither visited nor revoked at an address', async (t) => {
    const w = world()
    w.start('a')
    const offer = w.running()
    const effects = w.pass(3 * BEAT_MS)
    w.step({ is: 'cancel', task: offer.task.id })
    t.notOk(order(effects).includes('visit'))
    t.match(w.last('revoke'), [{ route: { by: 'poll' } }])
    t.equal(w.json('a').state, 'suspect')
    t.equal(w.json('a').reason, 'has stopped polling')
  })
})

const stateOf = (slave: string): SlaveState => {
  const state = { slave, boot: '1', generation: 0, slots: 1, free: 1 }
  return { ...state, mode: 'accepting', reason: '' }
}

t.test('a poll', async (t) => {
  t.test('that no other follows: its slave does not poll any more', async (t) => {
    const w = world()
    w.start('a')
    w.gone('a', "a's first")
    t.match(w.json('a'), { polling: false, state: 'busy', reason: 'is not polling' })
    w.poll('a', 'two')
    t.match(w.json('a'), { polling: true, state: 'free' })
  })

  t.test('that is repeated replaces the one before it', async (t) => {
    const w = world()
    w.start('a')
    w.poll('a', 'two')
    t.match(w.last('open-poll'), [{ poll: 'two', before: "a's first" }])
    w.gone('a', "a's first")
    t.equal(w.json('a').polling, true, 'which is no longer its poll')
    w.submit()
    t.equal(pollOf(w.offered()), 'two')
  })

  t.test('that is doubled or late on its way is answered with nothing', async (t) => {
    const w = world()
    w.start('a')
    const state = w.state('a')
    w.step({ is: 'poll', said: { simple: false, state }, poll: 'doubled' })
    t.match(w.last('end-poll'), [{ poll: 'doubled', problem: null }])
    w.running()
    w.step({ is: 'poll', said: { simple: false, state }, poll: 'late' })
    t.match(w.last('end-poll'), [{ poll: 'late', problem: null }])
    t.same(w.last('open-poll'), [])
  })

  t.test('that newer news overtook is open, and the newer news holds', async (t) => {
    const w = world()
    w.register('a', 2)
    w.beat('a')
    const poll = w.change('a', { free: 1 })
    w.beat('a', [], w.change('a', { free: 2 }))
    w.step({ is: 'poll', said: { simple: false, state: poll }, poll: 'one' })
    t.match(w.json('a'), { polling: true, free: 2 })
  })

  t.test('of a boot that did not register is refused, and of no slave', async (t) => {
    const w = world()
    w.start('a')
    const state = { ...w.state('a'), boot: 'boot-0' }
    w.step({ is: 'poll', said: { simple: false, state }, poll: 'x' })
    t.match(w.last('end-poll'), [{ poll: 'x', problem: { type: 'no-such-slave' } }])
    w.step({ is: 'poll', said: { simple: false, state: { ...state, slave: 'b' } }, poll: 'y' })
    t.match(w.last('end-poll'), [{ poll: 'y', problem: { type: 'no-such-slave' } }])
    t.equal(w.json('a').polling, true)
  })

  t.test('whose slave hung up takes nothing: the task goes on to the next', async (t) => {
    const w = world()
    w.start('a')
    w.start('b')
    const id = w.submit()
    const offer = w.offered()
    const { attempt } = offer
    const poll = pollOf(offer)
    w.gone('a', poll, true)
    t.equal(w.json('a').state, 'suspect')
    const reason = 'it disconnected'
    w.step({ is: 'no-answer', slave: 'a', attempts: [attempt], how: 'unsent', reason })
    t.equal(w.offered().slave, 'b')
    w.hand(w.offered())
    t.same(events(w.task(id)), ['a unreachable', 'b taken'])
    t.equal(w.task(id).tries, 1)
  })
})

t.test('an attempt that was handed over', async (t) => {
  t.test('is not lost by a list that may be older than its arrival', async (t) => {
    const w = world()
    w.start('a')
    const offer = w.running()
    w.beat('a', [], w.change('a'))
    t.equal(w.task(offer.task.id).stage.is, 'running', 'the answer may still be on its way')
  })

  t.test('is not in the free slots that the slave says before its poll is over', async (t) => {
    const w = world()
    w.start('a', 2)
    const first = w.running()
    w.poll('a', 'two', { free: 1 })
    w.running()
    t.equal(w.json('a').free, 0)
    w.callBack(first, 2)
    t.equal(w.json('a').free, 1, 'the slave has not heard of the second')
    w.poll('a', 'three', { free: 1 })
    t.equal(w.json('a').free, 1, 'and now it has')
  })

  t.test('never came when a list after its poll lacks it: that was no try', async (t) => {
    const w = world()
    w.start('a')
    const offer = w.running()
    w.poll('a', 'two')
    t.equal(w.task(offer.task.id).stage.is, 'running', 'a poll lists nothing')
    w.beat('a')
    const task = w.task(offer.task.id)
    t.match(
      w.offered(),
      { route: { poll: 'two' }, task: { id: task.id } },
      'it is offered again at once',
    )
    t.not(w.offered().attempt, offer.attempt)
    t.same(events(task), ['a taken', 'a not arrived'])
    t.equal(task.tries, 0)
  })

  t.test('never came too often: then each is a try, and the task stops', async (t) => {
    const w = world()
    w.start('a')
    const id = w.running().task.id
    for (let i = 0; w.task(id) && i < 20; i++) {
      w.poll('a', `poll ${i}`)
      w.beat('a')
      w.pass(BEAT_MS)
      if (w.slave('a').offers.size === 0) w.beat('a')
      const [offer] = w.slave('a').offers.values()
      if (offer) {
        const { attempt } = offer
        w.step({ is: 'handed', slave: 'a', poll: currentPoll(w.slave('a')), attempts: [attempt] })
      }
    }
    t.equal(w.task(id), undefined)
    t.match(w.core.view.counters.ended, { failed: 1 })
  })

  t.test('came when a list has it, and is lost when a later list lacks it', async (t) => {
    const w = world()
    w.start('a')
    const offer = w.running()
    w.beat('a', [held(offer)], w.change('a', { free: 0 }))
    w.poll('a', 'two')
    w.beat('a', [])
    t.same(events(w.task(offer.task.id)).slice(0, 2), ['a taken', 'a outcome-lost'])
    t.equal(w.task(offer.task.id).tries, 1)
  })

  t.test('is lost at once when its slave comes back with another boot', async (t) => {
    const w = world()
    w.start('a')
    const offer = w.running()
    w.pass(2.5 * BEAT_MS)
    w.register('a', 1, 'boot-2')
    w.beat('a')
    t.match(w.task(offer.task.id), { stage: { is: 'resting' }, blamed: ['a'] })
  })

  t.test('is lost when its lease runs out', async (t) => {
    const w = world()
    w.start('a')
    const offer = w.running()
    w.pass(5 * BEAT_MS)
    t.match(w.task(offer.task.id)?.trail.at(-2), {
      event: 'slave-lost',
      why: { is: 'lease over' },
    })
  })
})

t.test('a name', async (t) => {
  t.test('is kept by the slave that is alive, until it stops polling', async (t) => {
    const w = world()
    w.start('a')
    w.register('a', 1, 'boot-2')
    t.match(w.last('answer-problem'), [{ type: 'name-taken' }])
    w.pass(2.5 * BEAT_MS)
    w.register('a', 1, 'boot-2')
    t.equal(w.last('answer-registration').length, 1)
    t.match(w.last('end-poll'), [{ poll: "a's first" }], 'the poll of the old boot is over')
  })

  t.test('is free at once when the slave has hung up', async (t) => {
    const w = world()
    w.start('a')
    w.gone('a', "a's first", true)
    w.register('a', 1, 'boot-2')
    t.equal(w.last('answer-registration').length, 1)
  })

  t.test('is forgotten when its slave leaves, and its poll ends', async (t) => {
    const w = world()
    w.start('a')
    w.step({ is: 'leave', name: 'a', boot: w.slave('a')!.boot, token: aToken() })
    t.match(w.last('end-poll'), [{ poll: "a's first" }])
    t.equal(w.slave('a'), undefined)
  })
})

t.test('after a start of the master', async (t) => {
  const restored = (w: ReturnType<typeof world>, by: 'poll' | 'simple-poll', running = true) => {
    const task = {
      id: 'old',
      kind: 'work',
      priority: 0,
      runLimitMs: RUN_MS,
      createdAt: wallTime(0),
    }
    const holder = { slave: 'a', attempt: 'old:a:1', startedAt: wallTime(0) }
    const waiting = { queue: true, expiresAt: wallTime(600_000), trail: [] }
    const stored = { ...task, ...waiting, running: running ? holder : null, tries: 1 }
    const slaves = [{ name: 'a', address: { by }, position: 0, drained: false }]
    w.step({ is: 'restore', tasks: [stored], slaves })
    return { attempt: 'old:a:1', task: 'old', status: 'running' as const }
  }

  t.test('a slave that pulls registers again, and keeps what it lists', async (t) => {
    const w = world()
    const attempt = restored(w, 'poll')
    w.beat('a', [attempt], { ...stateOf('a'), boot: 'boot-1' })
    t.match(w.last('answer-heartbeat'), [{ reply: { register: true, revoke: [] } }])
    w.register('a')
    w.beat('a', [attempt])
    t.match(w.task('old'), { stage: { is: 'running', attempt: 'old:a:1' } })
    w.pass(5 * BEAT_MS)
    t.match(w.task('old').trail.at(-2), { why: { is: 'lease over' } }, 'and then the lease runs')
  })

  t.test('what waits is handed to nobody before slaves that pull were heard', async (t) => {
    const w = world()
    const attempt = restored(w, 'poll', false)
    w.start('b')
    t.same(w.last('offer'), [])
    w.register('a')
    w.beat('a', [attempt])
    t.match(w.task('old'), { stage: { is: 'running', attempt: 'old:a:1' } }, 'it had it')
  })

  t.test('and to others after two beats at the latest', async (t) => {
    const w = world()
    restored(w, 'poll', false)
    w.start('b')
    w.pass(BEAT_MS)
    w.beat('b')
    t.same(w.last('offer'), [])
    w.pass(BEAT_MS)
    t.equal(w.offered().slave, 'b')
  })

  t.test('a simple slave in the middle of a long task is not lost', async (t) => {
    const w = world()
    restored(w, 'simple-poll')
    w.pass(10 * BEAT_MS)
    t.equal(w.task('old').stage.is, 'running')
    const outcome = done
    w.step({
      is: 'submitted',
      said: { by: 'attempt', slave: 'a', attempt: 'old:a:1', outcome },
      token: aToken(),
    })
    t.match(w.last('end'), [{ task: { id: 'old', stage: { status: 'done' } } }])
  })
})

t.test('a simple slave', async (t) => {
  t.test('registers by polling, has one slot, and is remembered', async (t) => {
    const w = world()
    w.pollSimply('w', 'one', ['work', 'play'])
    t.match(w.last('save-slave'), [{ slave: { name: 'w', address: { by: 'simple-poll' } } }])
    t.match(w.json('w'), { pull: true, simple: true, polling: true, slots: 1, state: 'free' })
    t.same(w.json('w').kinds, ['work', 'play'])
    w.running({ kind: 'play' })
    t.match(w.json('w'), { running: 1, free: 0 })
  })

  t.test('says nothing while it computes, and is not lost before its run limit', async (t) => {
    const w = world()
    w.pollSimply('w', 'one')
    const offer = w.running()
    w.pass(RUN_MS)
    t.equal(w.task(offer.task.id).stage.is, 'running')
    t.equal(w.json('w').state, 'busy')
    w.pass(10_500)
    t.match(w.task(offer.task.id).trail.at(-2), {
      event: 'slave-lost',
      why: { is: 'overdue', runLimitMs: 30_000 },
    })
  })

  t.test('ends its task with an outcome in short', async (t) => {
    const w = world()
    w.pollSimply('w', 'one')
    const { attempt } = w.running()
    w.now = 250
    const token = aToken()
    const said = { by: 'attempt' as const, slave: 'w', attempt, outcome: done }
    w.step({ is: 'submitted', said, token })
    t.match(w.last('end'), [{ task: { stage: { status: 'done' } } }])
    t.match(w.last('acknowledge'), [{ reply: { acknowledged: [attempt] } }])
    t.equal(w.last('acknowledge')[0]?.token, token)
    t.match(w.json('w'), { serviceMs: 250, free: 1, state: 'busy', reason: 'is not polling' })
  })

  t.test('that polls again has nothing: its task is tried elsewhere', async (t) => {
    const w = world()
    w.pollSimply('w', 'one')
    const offer = w.running()
    w.pollSimply('w', 'two')
    const task = w.task(offer.task.id)
    t.match(task, { stage: { is: 'resting' }, tries: 1 })
    t.match(task.trail.at(-2), {
      event: 'slave-lost',
      why: { is: 'polls again' },
    })
    const { attempt } = offer
    const said = { by: 'attempt' as const, slave: 'w', attempt, task: task.id, outcome: done }
    w.step({ is: 'submitted', said, token: aToken() })
    t.match(w.last('end'), [{ task: { stage: { status: 'done' } } }], 'but its success counts')
  })

  t.test('that submits what it does not hold must name the task that it belongs to', async (t) => {
    const w = world()
    w.pollSimply('w', 'one')
    const said = { by: 'attempt' as const, slave: 'w', attempt: 'x', outcome: done }
    const [refused, acknowledged] = [aToken(), aToken()]
    w.step({ is: 'submitted', said, token: refused })
    t.match(w.last('answer-problem'), [{ type: 'no-such-task' }])
    t.equal(w.last('answer-problem')[0]?.token, refused)
    const id = w.queue({ kind: 'play' })
    w.step({ is: 'submitted', said: { ...said, task: id }, token: acknowledged })
    t.match(w.last('acknowledge'), [{ reply: { acknowledged: ['x'] } }])
    t.equal(w.last('acknowledge')[0]?.token, acknowledged)
    t.equal(w.core.view.counters.callbacksForged, 1)
  })

  t.test('cannot take the name of a slave that registered and is alive', async (t) => {
    const w = world()
    w.start('a')
    w.pollSimply('a', 'x')
    t.match(w.last('end-poll'), [{ poll: 'x', problem: { type: 'name-taken' } }])
    w.pass(2.5 * BEAT_MS)
    w.pollSimply('a', 'y')
    t.match(w.json('a'), { simple: true, polling: true }, 'when that is gone it can')
  })

  t.test('is alive while its poll is open, then suspect, and forgotten at last', async (t) => {
    const w = world()
    w.pollSimply('w', 'one')
    w.pass(20 * BEAT_MS)
    t.equal(w.json('w').state, 'free')
    w.gone('w', 'one')
    w.pass(2.5 * BEAT_MS)
    t.equal(w.json('w').state, 'suspect')
    w.pass(120 * BEAT_MS)
    t.equal(w.slave('w'), undefined)
    t.same(order(w.last('drop-slave')), ['drop-slave'])
    w.pollSimply('w', 'two')
    t.equal(w.json('w').state, 'free', 'it comes back as it came')
  })
})

t.test('a simple slave without a name', async (t) => {
  const byTask = (task: string, slave: string | null = null, token = aToken()): Input => {
    return { is: 'submitted', said: { by: 'task', slave, task, outcome: done }, token }
  }

  t.test('has the lowest name that is free, which its poll says', async (t) => {
    const w = world()
    w.start('worker-2')
    w.pollSimply(null, 'one')
    t.match(w.last('open-poll'), [{ poll: 'one', before: null, slave: 'worker-1' }])
    w.pollSimply(null, 'two')
    t.match(w.last('open-poll'), [{ poll: 'two', before: null, slave: 'worker-3' }])
    t.match(w.json('worker-3'), { simple: true, polling: true, state: 'free' })
    w.gone('worker-1', 'one')
    w.pollSimply(null, 'three', ['play'])
    t.match(w.last('open-poll'), [{ poll: 'three', slave: 'worker-1' }])
    t.same(w.json('worker-1').kinds, ['play'])
  })

  t.test('never takes the place of one that polls or has a task: three share a loop', async (t) => {
    const w = world()
    const ids = ['one', 'two', 'three'].map((poll) => {
      w.pollSimply(null, poll)
      return w.running().task.id
    })
    w.pollSimply(null, 'four')
    t.match(w.last('open-poll'), [{ slave: 'worker-4' }])
    w.gone('worker-4', 'four')
    for (const id of ids) t.match(w.task(id), { stage: { is: 'running' }, tries: 1 })
    w.step(byTask(ids[1] as string))
    t.match(w.last('end'), [{ task: { id: ids[1], stage: { status: 'done' } } }])
    w.pollSimply(null, 'five')
    t.match(w.last('open-poll'), [{ slave: 'worker-2' }], 'the one that has none')
  })

  t.test('does not take a name while an offer is on its way there', async (t) => {
    const w = world()
    w.pollSimply(null, 'one')
    w.submit()
    w.gone('worker-1', 'one', true)
    w.pollSimply(null, 'two')
    t.match(w.last('open-poll'), [{ slave: 'worker-2' }])
  })

  t.test('hands in what became of a task without the attempt', async (t) => {
    const w = world()
    w.pollSimply(null, 'one')
    const { attempt, task } = w.running()
    w.now = 250
    const [first, again] = [aToken(), aToken()]
    w.step(byTask(task.id, null, first))
    t.match(w.last('end'), [{ task: { id: task.id, stage: { status: 'done' } } }])
    t.match(w.last('acknowledge'), [{ reply: { acknowledged: [attempt] } }])
    t.equal(w.last('acknowledge')[0]?.token, first)
    t.match(w.json('worker-1'), { serviceMs: 250, free: 1 })
    w.step(byTask(task.id, null, again))
    t.match(w.last('answer-problem'), [{ type: 'no-such-task', detail: /may have ended/ }])
    t.equal(w.last('answer-problem')[0]?.token, again)
  })

  t.test(
    'hands in nothing of a task that another sort of slave has, or another slave',
    async (t) => {
      const w = world()
      w.start('a')
      const asked = w.running().task.id
      w.step(byTask(asked))
      t.match(w.last('answer-problem'), [{ type: 'no-such-task' }])
      w.step(byTask(asked, 'a'))
      t.match(w.last('answer-problem'), [{ type: 'no-such-task' }])
      w.pollSimply('w', 'one')
      const { id } = w.running().task
      w.step(byTask(id, 'v'))
      t.match(w.last('answer-problem'), [{ type: 'no-such-task', detail: /^v does not have/ }])
      t.equal(w.task(id).stage.is, 'running')
      w.step(byTask(id, 'w'))
      t.match(w.last('end'), [{ task: { id } }])
    },
  )

  t.test(
    'leaves a name to who says it, once it has no task, and then looks for another',
    async (t) => {
      const w = world()
      w.pollSimply(null, 'one')
      w.running()
      w.pollSimply('worker-1', 'named')
      t.match(w.last('end-poll'), [{ poll: 'named', problem: { type: 'name-taken' } }])
      t.equal(w.core.view.running, 1)
      w.step(byTask([...w.core.view.live.keys()][0] as string))
      w.pollSimply('worker-1', 'named')
      t.match(w.last('open-poll'), [{ poll: 'named', slave: 'worker-1' }])
      w.gone('worker-1', 'named')
      w.pollSimply(null, 'two')
      t.match(w.last('open-poll'), [{ slave: 'worker-2' }], 'it is kept by who said it')
    },
  )

  t.test('has its name again after a start of the master', async (t) => {
    const w = world()
    const slaves = ['worker-1', 'worker-2', 'other'].map((name, position) => {
      const by = name === 'worker-2' ? ('poll' as const) : ('simple-poll' as const)
      return { name, address: { by }, position, drained: false }
    })
    w.step({ is: 'restore', tasks: [], slaves })
    for (const name of ['worker-1', 'worker-3']) {
      w.pollSimply(null, name)
      t.match(w.last('open-poll'), [{ slave: name }])
    }
  })
})
