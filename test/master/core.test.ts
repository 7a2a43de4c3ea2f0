// The master's core alone: constructed inputs at chosen times, for the state pictures in core/state.ts.

import t from 'tap'
import type { Effect, StoredTask } from '../../master/core/messages.ts'
import { waitingUnoffered } from '../../master/core/queue.ts'
import { note, TRAIL_ENTRIES_MAX } from '../../master/core/trail.ts'
import { wallTime } from '../../shared/data/clock.ts'
import type { HeldAttempt, Outcome } from '../../shared/protocol/wire.ts'
import { instant } from '../instants.ts'
import type { Offered } from './core-world.ts'
import { ASK_TIMEOUT_MS, HEARTBEAT_MS, world } from './core-world.ts'
import { aToken } from './stepping.ts'

const done: Outcome = { status: 'done', result: 1 }
const failed = (
  type: Outcome extends infer O ? (O extends { type: infer T } ? T : never) : never,
) => ({ status: 'failed', type, message: 'so it was' }) as const
const held = ({ attempt, task }: Offered, status: HeldAttempt['status'] = 'running') => ({
  attempt,
  task: task.id,
  status,
})
const order = (effects: Effect[]) => effects.map((effect) => effect.do)

t.test('a task', async (t) => {
  t.test('is offered in order, saved when it is taken, and then accepted', async (t) => {
    const w = world()
    w.start('a')
    w.start('b')
    const id = w.submit()
    const first = w.offered()
    t.equal(first.slave, 'a')
    t.same(order(w.answer(first, 'busy', { free: 0 })), ['offer'])
    const second = w.offered()
    t.equal(second.slave, 'b')
    t.not(second.attempt, first.attempt)
    t.same(order(w.answer(second, 'taken')), ['save', 'accept'])
    t.match(w.task(id), { stage: { is: 'running', attempt: second.attempt }, tries: 1 })
    const events = w.task(id)?.trail.map(({ event, slave }) => `${slave} ${event}`)
    t.same(events, ['a busy', 'b taken'])
  })

  t.test('is refused when nobody takes it, and leaves nothing behind', async (t) => {
    const w = world()
    w.start('a')
    const id = w.submit()
    w.answer(w.offered(), 'busy', { free: 0 })
    t.match(w.last('refuse'), [{ problem: { type: 'at-capacity' } }])
    t.same(w.last('save'), [])
    t.equal(w.task(id), undefined)
    t.equal(w.core.view.running + w.core.view.waiting, 0)
  })

  t.test('is refused without a question when the answer is known', async (t) => {
    const w = world()
    w.start('a')
    w.running()
    w.now = 300
    w.submit()
    t.same(order(w.last('offer')), [])
    const [refusal] = w.last('refuse')
    t.match(refusal?.task.trail, [{ slave: 'a', event: 'busy', knownMs: 300 }])
    t.equal(w.core.view.counters.asks, 1)
  })

  t.test('is asked about every time with --ask always', async (t) => {
    const w = world({ ask: 'always' })
    w.start('a')
    w.running()
    w.submit()
    t.equal(w.offered().slave, 'a')
    w.answer(w.offered(), 'busy')
    t.match(w.last('refuse'), [{ problem: { type: 'at-capacity' } }])
  })

  t.test('that waits is not asked about in vain with --ask always', async (t) => {
    const w = world({ ask: 'always' })
    w.start('a')
    const first = w.running()
    w.submit({ queue: true, waitUntil: instant(50_000) })
    w.answer(w.offered(), 'busy')
    t.same(w.last('offer'), [])
    w.callBack(first, done)
    t.equal(w.offered().slave, 'a')
  })

  t.test('says why nobody can take it', async (t) => {
    const w = world()
    w.submit()
    t.match(w.last('refuse'), [{ problem: { type: 'no-slaves' } }])
    w.start('a')
    w.submit({ kind: 'play' })
    t.match(w.last('refuse'), [{ problem: { type: 'no-capable-slave' } }])
    w.submit()
    w.answer(w.offered(), 'unable')
    t.match(w.last('refuse'), [{ problem: { type: 'no-capable-slave' } }])
    w.submit()
    t.same(w.last('offer'), [], 'who is unable is not asked again')
  })

  t.test('that waits is counted while no living slave offers its kind', async (t) => {
    const w = world()
    const unoffered = (): number => waitingUnoffered(w.core.view)
    w.start('a')
    const first = w.running()
    const queue = { queue: true, waitUntil: instant(50_000) }
    const second = w.submit(queue)
    t.equal(unoffered(), 0, 'its slave is busy')
    w.step({ is: 'leave', name: 'a', boot: 'boot-1', token: aToken() })
    t.equal(w.core.view.live.get(first.task.id)?.stage.is, 'resting')
    t.equal(unoffered(), 1, 'the only slave of its kind has left')
    w.submit(queue)
    t.equal(unoffered(), 2)
    w.start('b')
    t.equal(w.offered().task.id, second)
    t.equal(unoffered(), 0, 'another came')
    w.answer(w.offered(), 'taken')
    w.pass(3 * HEARTBEAT_MS)
    t.ok(unoffered() > 0, 'it is silent')
  })

  t.test('says that nobody is there now when one who is silent has its kind', async (t) => {
    const w = world()
    for (const name of ['a', 'b']) w.start(name)
    w.submit()
    w.answer(w.offered(), 'unable')
    w.answer(w.offered(), 'busy')
    w.pass(3 * HEARTBEAT_MS)
    w.beat('a')
    w.submit()
    const words =
      /does not offer the kind "work"; 1 of the slaves that do not answer, or have not registered yet, may offer it/
    t.match(w.last('refuse'), [{ problem: { type: 'at-capacity', message: words } }])
  })

  t.test('counts offers on their way, so that a burst does not herd', async (t) => {
    const w = world()
    w.start('a', 2)
    w.start('b', 2)
    const names = [1, 2, 3, 4].map(() => {
      w.submit()
      return w.offered().slave
    })
    t.same(names, ['a', 'a', 'b', 'b'])
    w.submit()
    t.match(w.last('refuse'), [{ problem: { type: 'at-capacity' } }])
  })

  t.test('ends once: whoever repeats an outcome is told that it is settled', async (t) => {
    const w = world()
    w.start('a')
    const offer = w.running()
    t.same(order(w.callBack(offer, done)), ['save', 'end', 'acknowledge'])
    t.same(order(w.callBack(offer, failed('evaluation'))), ['unattached', 'acknowledge'])
    t.match(w.last('acknowledge'), [{ reply: { acknowledged: [offer.attempt] } }])
    t.equal(w.core.view.counters.callbacksUnattached, 1)
    t.equal(w.core.view.running, 0)
  })
})

t.test('an outcome', async (t) => {
  t.test('may come before the answer that it was taken', async (t) => {
    const w = world()
    w.start('a')
    const id = w.submit()
    const offer = w.offered()
    w.callBack(offer, done)
    t.same(order(w.last('accept').concat(w.last('end') as never[])), ['accept', 'end'])
    t.match(w.last('save')[0]?.task.trail, [{ event: 'taken' }, { event: 'done' }])
    w.answer(offer, 'taken', { free: 1 })
    t.equal(w.task(id), undefined)
    t.equal(w.slave('a').offers.size + w.slave('a').held.size, 0)
    t.equal(w.core.view.running, 0)
  })

  t.test('that succeeded wins although its attempt was given up', async (t) => {
    const w = world()
    w.start('a')
    w.start('b')
    const old = w.running()
    w.pass(4 * HEARTBEAT_MS)
    t.equal(w.task(old.task.id)?.stage.is, 'resting', 'its lease has run out')
    w.beat('b')
    w.pass(200)
    const again = w.offered()
    t.equal(again.slave, 'b')
    w.answer(again, 'taken')
    w.callBack(old, done)
    t.match(w.last('end'), [{ task: { stage: { status: 'done' } } }])
    t.match(w.last('revoke'), [{ slave: 'b', attempts: [again.attempt] }])
    t.equal(w.core.view.running, 0)
    w.callBack(again, done)
    t.same(w.last('end'), [], 'the second success changes nothing')
  })

  t.test('that failed counts only from the current attempt', async (t) => {
    const w = world()
    w.start('a')
    w.start('b')
    const old = w.running()
    w.pass(4 * HEARTBEAT_MS)
    w.beat('b')
    w.pass(200)
    const again = w.offered()
    w.answer(again, 'taken')
    w.callBack(old, failed('evaluation'))
    t.same(w.last('end'), [])
    t.same(w.last('acknowledge').length, 1)
    t.match(w.task(old.task.id)?.trail.at(-1), { event: 'old failure', slave: 'a' })
    w.callBack(again, done)
    t.match(w.last('end'), [{ task: { stage: { status: 'done' } } }])
  })

  t.test('of an attempt that was never made here is set aside and counted', async (t) => {
    const w = world()
    w.start('a')
    const offer = w.running()
    w.callBack({ ...offer, attempt: 'forged' }, done)
    t.same(w.last('end'), [])
    t.equal(w.core.view.counters.callbacksForged, 1)
    t.equal(w.task(offer.task.id)?.stage.is, 'running')
  })

  t.test('that is deterministic ends the task, others are tried again', async (t) => {
    const w = world()
    w.start('a')
    const bad = w.running()
    w.callBack(bad, failed('evaluation'))
    t.match(w.last('end'), [{ task: { stage: { status: 'failed' }, tries: 1 } }])
    const slow = w.running()
    w.callBack(slow, failed('time-limit'))
    t.same(w.last('end'), [])
    t.equal(w.task(slow.task.id)?.stage.is, 'resting')
    t.same(w.last('save').length, 1)
  })

  t.test('of a poison task is its end, with the names of those it took down', async (t) => {
    const w = world()
    w.start('a')
    w.start('b')
    let offer = w.running()
    const { id } = offer.task
    const rests: number[] = []
    for (const crashed of ['a', 'b']) {
      t.equal(offer.slave, crashed)
      w.callBack(offer, failed('executor-crashed'))
      if (crashed === 'a') w.step({ is: 'drain', name: 'a', drained: true, token: aToken() })
      const before = w.now
      while (w.task(id)?.stage.is === 'resting') w.pass(1)
      rests.push(w.now - before)
      offer = w.offered()
      w.answer(offer, 'taken')
    }
    t.same(rests, [100, 200], 'the rest doubles')
    w.callBack(offer, failed('memory-limit'))
    const [end] = w.last('end')
    t.match(end?.task, {
      tries: 3,
      stage: { status: 'failed', outcome: { type: 'poison', message: /a, b, b/ } },
    })
  })
})

t.test('the line', async (t) => {
  t.test('saves and accepts a queued task before a slave is found', async (t) => {
    const w = world()
    const id = w.submit({ queue: true, waitUntil: instant(50_000) })
    t.same(order(w.last('save').concat(w.last('accept') as never[])), ['save', 'accept'])
    t.equal(w.task(id)?.stage.is, 'waiting')
    w.start('a')
    t.equal(w.offered().task.id, id)
  })

  t.test('goes by priority, then first come first served', async (t) => {
    const w = world()
    w.start('a')
    let offer = w.running()
    const queue = { queue: true, waitUntil: instant(50_000) }
    const ids = [0, 5, -5, 5].map((priority) => w.submit({ ...queue, priority }))
    const served = ids.map(() => {
      w.callBack(offer, done)
      offer = w.offered()
      w.answer(offer, 'taken')
      return offer.task.id
    })
    t.same(served, [ids[1], ids[3], ids[0], ids[2]])
  })

  t.test('is full at its limit, and says so', async (t) => {
    const w = world({ waitingTasksMax: 1 })
    w.start('a')
    w.running()
    w.submit({ queue: true, waitUntil: instant(50_000) })
    w.submit({ queue: true, waitUntil: instant(50_000) })
    t.match(w.last('refuse'), [{ problem: { type: 'queue-full' } }])
    t.equal(w.core.view.waiting, 1)
  })

  t.test('expires what it has promised, and refuses what it has not', async (t) => {
    const w = world()
    w.start('a')
    const first = w.running({ runLimitMs: 1e6 })
    const queued = w.submit({ queue: true, waitUntil: instant(300) })
    const patient = w.submit({ waitUntil: instant(200) })
    t.same(w.last('accept'), [], 'whoever waits for a slave is not accepted')
    w.pass(299)
    t.match(w.last('refuse'), [{ task: { id: patient }, problem: { type: 'at-capacity' } }])
    w.pass(1)
    t.match(w.last('end'), [{ task: { id: queued, stage: { status: 'expired' } } }])
    t.equal(w.core.view.waiting, 0)
    w.callBack(first, done)
    t.same(w.last('offer'), [])
  })

  t.test('does not ask the same slave about the same task without a rest', async (t) => {
    const w = world()
    w.start('a')
    const id = w.submit({ queue: true, waitUntil: instant(50_000) })
    for (let asks = 0; asks < 5 && w.last('offer').length > 0; asks++) {
      w.answer(w.offered(), 'unwilling')
    }
    t.same(w.last('offer'), [], 'a slave that is free but unwilling is left alone for a while')
    w.pass(1000)
    t.equal(w.offered().task.id, id, 'and then asked again')
  })

  t.test('lets the next one go first when the head is refused by all', async (t) => {
    const w = world()
    w.start('a')
    w.submit({ queue: true, waitUntil: instant(50_000) })
    w.answer(w.offered(), 'unwilling')
    const next = w.submit({ queue: true, waitUntil: instant(50_000) })
    t.equal(w.offered().task.id, next)
  })

  t.test('lets go of what is cancelled', async (t) => {
    const w = world()
    w.start('a')
    const first = w.running()
    const id = w.submit({ queue: true, waitUntil: instant(50_000) })
    w.step({ is: 'cancel', task: id })
    t.match(w.last('end'), [{ task: { stage: { status: 'cancelled' } } }])
    t.equal(w.core.view.waiting, 0)
    w.callBack(first, done)
    t.same(w.last('offer'), [])
  })
})

t.test('cancelling what runs', async (t) => {
  t.test('ends it at once and calls the attempt back', async (t) => {
    const w = world()
    w.start('a')
    const offer = w.running()
    w.step({ is: 'cancel', task: offer.task.id })
    t.match(w.last('end'), [{ task: { stage: { status: 'cancelled', outcome: null } } }])
    t.match(w.last('revoke'), [{ slave: 'a', attempts: [offer.attempt] }])
    w.callBack(offer, done)
    t.same(w.last('end'), [], 'a late success changes nothing')
  })

  t.test('makes its slot known as free with the answer to the revoke', async (t) => {
    const w = world()
    w.start('a')
    const { attempt, task } = w.running()
    w.step({ is: 'cancel', task: task.id })
    const state = w.change('a', { free: 1 })
    w.step({ is: 'revoked', slave: 'a', attempts: [attempt], state })
    w.submit()
    t.equal(w.offered().slave, 'a')
  })
})

t.test('silence', async (t) => {
  t.test('of a slave that cannot have heard is a refusal', async (t) => {
    const w = world()
    w.start('a')
    w.start('b')
    w.submit()
    w.silence(w.offered(), false)
    t.equal(w.offered().slave, 'b')
    t.match(w.last('visit'), [{ name: 'a' }], 'and it is asked how it is')
    t.equal(w.slave('a').standing, 'suspect')
    w.answer(w.offered(), 'busy', { free: 0 })
    t.match(w.last('refuse'), [{ problem: { type: 'at-capacity' } }])
  })

  t.test('of one that may have heard leaves the task in doubt', async (t) => {
    const w = world()
    w.start('a')
    const id = w.submit()
    const offer = w.offered()
    w.silence(offer, true)
    t.equal(w.task(id)?.stage.is, 'doubt')
    t.same(w.last('refuse'), [])

    await t.test('which it resolves by its list: it has it', async (t) => {
      w.change('a', { free: 0 })
      w.visit('a', [held(offer)])
      t.match(w.task(id)?.stage, { is: 'running', attempt: offer.attempt })
      t.same(w.last('accept').length, 1)
      w.callBack(offer, done)
      t.match(w.last('end'), [{ task: { stage: { status: 'done' } } }])
    })
  })

  t.test('and a list without it: it is called back, and only then refused', async (t) => {
    const w = world()
    w.start('a')
    const id = w.submit()
    const offer = w.offered()
    w.silence(offer, true)
    w.visit('a', [])
    t.match(w.last('revoke'), [{ slave: 'a', attempts: [offer.attempt] }])
    t.equal(w.task(id)?.stage.is, 'doubt')
    w.step({ is: 'revoked', slave: 'a', attempts: [offer.attempt], state: w.state('a') })
    t.match(w.last('refuse'), [{ problem: { type: /at-capacity|no-slaves/ } }])
  })

  t.test('is not what a slave says that refuses the whole request: it is there', async (t) => {
    const w = world()
    w.start('a')
    w.start('b')
    const id = w.submit()
    const { slave, attempt } = w.offered()
    const reason = 'the body is too large'
    const attempts = [attempt]
    w.step({ is: 'no-answer', slave, attempts, how: 'declined', reason })
    t.equal(w.offered().slave, 'b')
    t.same(w.last('visit'), [])
    t.equal(w.slave('a').standing, 'alive')
    t.match(w.task(id)?.trail, [{ slave: 'a', event: 'unwilling', reason }])
  })

  t.test('that lasts is told to the client as what it is', async (t) => {
    const w = world()
    w.start('a')
    w.submit()
    const offer = w.offered()
    w.silence(offer, true)
    w.pass(2 * ASK_TIMEOUT_MS)
    t.match(w.last('refuse'), [{ problem: { type: 'slave-silent' } }])
    t.match(w.last('revoke'), [{ slave: 'a', attempts: [offer.attempt] }])
    w.callBack(offer, done)
    t.same(w.last('end'), [], "and what it did is nobody's")
    t.equal(w.core.view.counters.callbacksUnattached, 1)
  })

  t.test('what a slave holds or hands in of tasks that are not live is reported', async (t) => {
    const w = world()
    const held = { attempt: 'x:a:1', task: 'x', kind: 'work', status: 'running' as const }
    w.start('a', 1, 'boot-1', [held])
    const unattached = { slave: 'a', attempts: [{ attempt: 'x:a:1', task: 'x' }] }
    t.match(w.last('unattached'), [unattached], 'listed when it registers')
    t.match(w.last('revoke'), [{ attempts: ['x:a:1'] }])
    w.callBack({ slave: 'a', attempt: 'x:a:1', task: { id: 'x' } } as Offered, done)
    t.match(w.last('unattached'), [unattached], 'handed in')
    const [offer] = [w.running()]
    w.callBack(offer, done)
    t.same(w.last('unattached'), [], 'not what is live')
  })

  t.test('is none of a task that waits in the line of its slave: no limit has begun', async (t) => {
    const w = world()
    w.start('a')
    const waits = w.running({ runLimitMs: 1000 })
    const { counters } = w.core.view
    for (let beat = 0; beat < 60; beat++) {
      w.pass(HEARTBEAT_MS)
      w.beat('a', [held(waits, 'waiting')])
    }
    t.equal(counters.attemptsLost, 0)
    for (let beat = 0; beat < 20 && counters.attemptsLost === 0; beat++) {
      w.pass(HEARTBEAT_MS)
      w.beat('a', [held(waits, 'running')])
      t.ok(beat < 12, 'it is given up ten seconds after its limit')
    }
    t.equal(counters.attemptsLost, 1)
  })

  t.test('of a slave makes it suspect after 2 beats and its tasks lost after 4', async (t) => {
    const w = world()
    w.start('a')
    const { task } = w.running()
    w.pass(2 * HEARTBEAT_MS - 1)
    t.equal(w.slave('a').standing, 'alive')
    w.pass(HEARTBEAT_MS)
    t.equal(w.slave('a').standing, 'suspect')
    t.ok(w.last('visit').length > 0, 'it is asked')
    t.equal(w.task(task.id)?.stage.is, 'running')
    w.submit()
    t.same(w.last('offer'), [], 'and is not offered work')
    w.pass(2 * HEARTBEAT_MS)
    t.equal(w.slave('a').standing, 'silent')
    t.ok(['resting', 'waiting'].includes(w.task(task.id)?.stage.is ?? ''))
    t.equal(w.core.view.counters.attemptsLost, 1)
    w.change('a', { free: 0 })
    w.beat('a', [])
    t.equal(w.slave('a').standing, 'alive', 'any word of it makes it alive')
  })
})

t.test('what runs is not over its limit because the master stood still', async (t) => {
  const w = world()
  w.start('a')
  const offer = w.running({ runLimitMs: 1000 })
  const lateMs = 60_000
  w.now = w.core.deadline() + lateMs
  w.step({ is: 'tick', lateMs })
  t.equal(w.task(offer.task.id)?.stage.is, 'running')
  w.callBack(offer, done)
  t.match(w.last('end'), [{ task: { stage: { status: 'done' } } }])
})

t.test('a heartbeat', async (t) => {
  t.test('renews the lease of what it lists', async (t) => {
    const w = world()
    w.start('a')
    const offer = w.running()
    for (let beat = 0; beat < 8; beat++) {
      w.pass(HEARTBEAT_MS)
      w.beat('a', [held(offer)])
    }
    t.equal(w.task(offer.task.id)?.stage.is, 'running')
  })

  t.test('that is older than the taking does not lose it; a newer one does', async (t) => {
    const w = world()
    w.start('a')
    const before = w.state('a')
    const offer = w.running()
    w.beat('a', [], before)
    t.equal(w.task(offer.task.id)?.stage.is, 'running')
    t.equal(w.slave('a').free, 0, 'older news never overwrites newer')
    w.beat('a', [], w.change('a', { free: 1 }))
    t.equal(w.task(offer.task.id)?.stage.is, 'resting')
    t.match(w.task(offer.task.id)?.trail.at(-2), {
      event: 'outcome-lost',
      why: { is: 'not listed' },
    })
  })

  t.test('of an unknown slave or boot tells it to register', async (t) => {
    const w = world()
    w.start('a')
    const state = w.state('a')
    w.beat('b', [], { ...state, slave: 'b' })
    t.match(w.last('answer-heartbeat'), [{ reply: { register: true } }])
    w.beat('a', [], { ...state, boot: 'boot-2' })
    t.match(w.last('answer-heartbeat'), [{ reply: { register: true } }])
    w.beat('a')
    t.match(w.last('answer-heartbeat'), [{ reply: { register: false, revoke: [] } }])
  })

  t.test('hears which of its attempts nobody wants any more', async (t) => {
    const w = world()
    w.start('a', 3)
    const wanted = w.running()
    const gone = { attempt: 'task-9:a:1', task: 'task-9', status: 'running' } as const
    const over = { attempt: 'task-8:a:1', task: 'task-8', status: 'ended' } as const
    w.beat('a', [held(wanted), gone, over], w.change('a', { free: 1 }))
    t.match(w.last('revoke-by-heartbeat'), [{ reply: { revoke: [gone.attempt] } }])
  })

  t.test('that shows an offer as taken is as good as the answer', async (t) => {
    const w = world()
    w.start('a')
    const id = w.submit()
    const offer = w.offered()
    w.beat('a', [held(offer)], w.change('a', { free: 0 }))
    t.match(w.task(id)?.stage, { is: 'running', attempt: offer.attempt })
    w.step({
      is: 'answers',
      slave: 'a',
      state: w.state('a'),
      answers: [{ attempt: offer.attempt, answer: 'taken', reason: '' }],
    })
    t.equal(w.task(id)?.tries, 1)
    t.equal(w.slave('a').held.size, 1)
  })
})

t.test('a slave', async (t) => {
  t.test('that comes back with another boot has lost what it does not list', async (t) => {
    const w = world()
    w.start('a', 2)
    const offer = w.running()
    w.start('a', 2, 'boot-2')
    t.equal(w.task(offer.task.id)?.stage.is, 'resting')
    w.pass(150)
    t.match(w.offered(), { slave: 'a', boot: 'boot-2' })
  })

  t.test('that cannot be reached is not told why, which would show what is open', async (t) => {
    const w = world()
    const told = ['ECONNREFUSED', 'answered 404', 'response timeout'].map((reason) => {
      w.step({ is: 'not-reached', name: 'x', url: 'http://x:22', reason, token: aToken() })
      return w.last('answer-problem').at(-1)
    })
    t.match(told[0], {
      type: 'unreachable-slave',
      detail: /^no slave named x answers the master at http:\/\/x:22/,
    })
    for (const each of told) t.same(each, told[0])
  })

  t.test('of a name that is taken is turned away while the other lives', async (t) => {
    const w = world()
    w.start('a')
    const card = { name: 'a', boot: 'boot-2', version: '1', kinds: [], tags: [], slots: 1 }
    const registration = { ...card, url: 'http://elsewhere' }
    const turnedAway = aToken()
    w.step({ is: 'registration', registration, token: turnedAway })
    t.match(w.last('answer-problem'), [{ type: 'name-taken' }])
    t.equal(w.last('answer-problem')[0]?.token, turnedAway)
    t.match(w.last('visit'), [{ url: 'http://a' }], 'the other is asked how it is')
    const gone = { name: 'a', url: 'http://a', reason: 'gone', token: null }
    w.step({ is: 'not-reached', ...gone })
    const token = aToken()
    w.step({ is: 'registration', registration, token })
    t.match(w.last('visit'), [{ url: 'http://elsewhere' }])
    t.equal(w.last('visit')[0]?.token, token)
  })

  t.test('that is drained is not offered work until it is resumed', async (t) => {
    const w = world()
    w.start('a')
    w.step({ is: 'drain', name: 'a', drained: true, token: aToken() })
    t.match(w.last('save-slave'), [{ slave: { drained: true } }])
    w.submit()
    t.match(w.last('refuse')[0]?.task.trail, [{ slave: 'a', event: 'draining' }])
    w.step({ is: 'drain', name: 'a', drained: false, token: aToken() })
    w.submit()
    t.equal(w.offered().slave, 'a')
  })

  t.test('that leaves loses what it has at once, and its place is free', async (t) => {
    const w = world()
    w.start('a')
    w.start('b')
    const { task } = w.running()
    w.step({ is: 'leave', name: 'a', boot: 'boot-1', token: aToken() })
    t.match(w.last('drop-slave'), [{ name: 'a' }])
    t.equal(w.task(task.id)?.stage.is, 'resting')
    w.start('c')
    t.equal(w.slave('c').place, 0)
    w.step({ is: 'leave', name: 'b', boot: 'another', token: aToken() })
    t.match(w.last('answer-problem'), [{ type: 'no-such-slave' }])
  })

  t.test('that leaves with an offer on its way: the task goes on to the next', async (t) => {
    const w = world()
    w.start('a')
    w.start('b')
    const id = w.submit()
    const offer = w.offered()
    w.step({ is: 'leave', name: 'a', boot: 'boot-1', token: aToken() })
    const next = w.last('offer')
    w.silence(offer, false)
    t.match([...next, ...w.last('offer')], [{ slave: 'b', task: { id } }])
  })
})

t.test('after a start of the master', async (t) => {
  const stored = (id: string, running: StoredTask['running']): StoredTask => ({
    id,
    kind: 'work',
    priority: 0,
    runLimitMs: 10_000,
    createdAt: wallTime(0),
    queue: true,
    expiresAt: null,
    running,
    tries: running ? 1 : 0,
    trail: [],
  })
  const slave = (name: string, position: number) => ({
    name,
    address: { by: 'http' as const, url: `http://${name}` },
    position,
    drained: false,
  })
  const run = { slave: 'a', attempt: 'task-x:a:0', startedAt: wallTime(0) }

  t.test('what waits is offered to nobody before every slave was asked', async (t) => {
    const w = world()
    const slaves = [slave('a', 0), slave('b', 1)]
    w.step({ is: 'restore', tasks: [stored('task-x', null)], slaves })
    t.same(
      w.last('visit').map(({ name }) => name),
      ['a', 'b'],
    )
    w.start('a')
    t.same(w.last('offer'), [])
    w.step({ is: 'not-reached', name: 'b', url: 'http://b', reason: 'gone', token: null })
    t.match(w.offered(), { slave: 'a', task: { id: 'task-x' } })
  })

  t.test('what a slave took before the crash is found at it', async (t) => {
    const w = world()
    w.step({ is: 'restore', tasks: [stored('task-x', null)], slaves: [slave('a', 0)] })
    w.start('a', 1, 'boot-1', [{ attempt: 'task-x:a:7', task: 'task-x', status: 'running' }])
    t.match(w.task('task-x')?.stage, { is: 'running', attempt: 'task-x:a:7' })
    t.same(w.last('offer'), [])
  })

  t.test('what runs has one and a half leases', async (t) => {
    const w = world()
    w.step({ is: 'restore', tasks: [stored('task-x', run)], slaves: [slave('a', 0)] })
    w.pass(6 * HEARTBEAT_MS - 1)
    t.equal(w.task('task-x')?.stage.is, 'running')
    w.pass(HEARTBEAT_MS)
    t.ok(['resting', 'waiting'].includes(w.task('task-x')?.stage.is ?? ''))
  })

  t.test('what runs is confirmed by its slave and ends by its callback', async (t) => {
    const w = world()
    w.step({ is: 'restore', tasks: [stored('task-x', run)], slaves: [slave('a', 0)] })
    const { attempt } = run
    w.start('a', 1, 'boot-1', [{ attempt, task: 'task-x', status: 'running' }])
    t.equal(w.task('task-x')?.stage.is, 'running')
    const callbacks = [{ attempt, task: 'task-x', outcome: done, ranMs: 1 }]
    w.step({ is: 'callbacks', state: w.change('a', { free: 1 }), callbacks, token: aToken() })
    t.match(w.last('end'), [{ task: { stage: { status: 'done' }, tries: 1 } }])
  })

  t.test('what was tried before counts, once, with the names of those it took down', async (t) => {
    const w = world()
    const crashed = {
      at: wallTime(0),
      event: 'executor-crashed',
      slave: 'a',
      attempt: run.attempt,
    } as const
    const before = { ...stored('task-x', null), tries: 1, trail: [crashed] }
    w.step({ is: 'restore', tasks: [before], slaves: [slave('a', 0)] })
    w.start('a', 1, 'boot-1', [{ attempt: run.attempt, task: 'task-x', status: 'ended' }])
    const offer = w.offered()
    t.not(offer.attempt, run.attempt, 'what has failed is not taken up again')
    w.answer(offer, 'taken')
    t.equal(w.task('task-x')?.tries, 2)
    w.callBack(offer, failed('memory-limit'))
    while (w.task('task-x')?.stage.is === 'resting') w.pass(1)
    const last = w.offered()
    w.answer(last, 'taken')
    w.callBack(last, failed('executor-crashed'))
    const message = /the task may have crashed a, a, a/
    t.match(w.last('end'), [
      { task: { tries: 3, stage: { outcome: { type: 'poison', message } } } },
    ])
  })

  t.test('a try that was given up for lost, and is found, is the same try', async (t) => {
    const w = world()
    const lost = { at: wallTime(0), event: 'slave-lost', slave: 'a', attempt: run.attempt } as const
    const before = { ...stored('task-x', null), tries: 1, trail: [lost] }
    w.step({ is: 'restore', tasks: [before], slaves: [slave('a', 0)] })
    w.start('a', 1, 'boot-1', [{ attempt: run.attempt, task: 'task-x', status: 'running' }])
    t.match(w.task('task-x'), { tries: 1, stage: { is: 'running', attempt: run.attempt } })
  })

  t.test('what its slave does not have any more is tried again', async (t) => {
    const w = world()
    w.step({ is: 'restore', tasks: [stored('task-x', run)], slaves: [slave('a', 0)] })
    w.start('a')
    t.equal(w.task('task-x')?.stage.is, 'resting')
    w.pass(100)
    t.match(w.offered(), { slave: 'a', task: { id: 'task-x' } })
  })
})

t.test('a task that could not be saved was never accepted: it is called back', async (t) => {
  const w = world()
  w.start('a')
  const { task, attempt } = w.running()
  w.step({ is: 'not-saved', tasks: [task] })
  t.match(w.last('revoke-now'), [{ slave: 'a', attempts: [attempt] }])
  t.equal(w.task(task.id), undefined)
  t.equal(w.core.view.running, 0)
})

t.test('a task has a deadline in every state that is not final', async (t) => {
  const w = world()
  w.start('a')
  const offer = w.running({ runLimitMs: 1 })
  const { id } = offer.task
  for (let i = 0; w.core.view.counters.attemptsLost === 0 && i < 60; i++) {
    w.pass(HEARTBEAT_MS / 2)
    w.beat('a', [held(offer)])
  }
  t.equal(w.core.view.counters.attemptsLost, 1, 'although its slave says forever that it runs')
  const lost = w.task(id)?.trail.find(({ event }) => event === 'outcome-lost')
  t.match(lost, { slave: 'a', why: { is: 'overdue', runLimitMs: 1 } })
})

t.test('a trail is bounded: its first and its last entries, and how many fell out', async (t) => {
  const w = world()
  w.start('a')
  const { task } = w.running()
  task.trail.length = 0
  for (let i = 0; i < 1000; i++) note(task, { at: wallTime(i), event: 'busy', slave: `s-${i}` })
  t.equal(task.trail.length, TRAIL_ENTRIES_MAX)
  t.equal(task.trail[0]?.slave, 's-0')
  t.equal(task.trail.at(-1)?.slave, 's-999')
  const omitted = task.trail.find(({ event }) => event === 'omitted')
  t.same(omitted?.why, { is: 'omitted', entries: 1000 - TRAIL_ENTRIES_MAX + 1 })
})

t.test('a slave that an operator drained', async (t) => {
  t.test('stays drained when it is stopped and started, until it is resumed', async (t) => {
    const w = world()
    w.start('a')
    w.step({ is: 'drain', name: 'a', drained: true, token: aToken() })
    w.step({ is: 'leave', name: 'a', boot: 'boot-1', token: aToken() })
    t.same(w.last('drop-slave'), [], 'it stays in the store')
    t.match(w.slave('a'), { standing: 'silent', drained: true })
    w.start('a', 1, 'boot-2')
    t.match(w.slave('a'), { standing: 'alive', drained: true })
    w.submit()
    t.match(w.last('refuse'), [{ problem: { type: 'at-capacity' } }])
    w.step({ is: 'drain', name: 'a', drained: false, token: aToken() })
    w.submit()
    t.equal(w.offered().slave, 'a')
  })

  t.test('is forgotten when an operator says so, and then no longer drained', async (t) => {
    const w = world()
    w.start('a')
    w.step({ is: 'drain', name: 'a', drained: true, token: aToken() })
    w.step({ is: 'leave', name: 'a', boot: 'boot-1', token: aToken() })
    w.step({ is: 'leave', name: 'a', boot: '', token: aToken() })
    t.match(w.last('drop-slave'), [{ name: 'a' }])
    w.start('a', 1, 'boot-2')
    t.equal(w.slave('a').drained, false)
  })
})

t.test('a kind that a slave has offered', async (t) => {
  t.test('is saved once, and stays known when the slave leaves', async (t) => {
    const w = world()
    t.match(
      w.start('a').filter((effect) => effect.do === 'save-kind'),
      [{ kind: 'work' }],
    )
    t.same(
      w.start('b').filter((effect) => effect.do === 'save-kind'),
      [],
    )
    for (const name of ['a', 'b']) w.step({ is: 'leave', name, boot: 'boot-1', token: aToken() })
    t.ok(w.core.view.registry.isKnown('work'))
    t.notOk(w.core.view.registry.isKnown('play'))
    const id = w.submit({ queue: true, waitUntil: instant(60_000) })
    t.match(w.last('accept'), [{ task: { id } }], 'a task of it waits')
    w.submit()
    t.match(w.last('refuse'), [
      { problem: { type: 'no-slaves', message: 'no slave is registered' } },
    ])
  })

  t.test('is known from the store', async (t) => {
    const w = world()
    w.step({ is: 'restore', tasks: [], slaves: [], kinds: ['work'] })
    t.ok(w.core.view.registry.isKnown('work'))
    t.same(
      w.start('a').filter((effect) => effect.do === 'save-kind'),
      [],
      'and not saved again',
    )
  })
})
