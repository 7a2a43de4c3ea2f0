// Turns, with a core that only notes its steps.

import t from 'tap'
import type { Effect, Input } from '../../../master/core/messages.ts'
import { createTurns } from '../../../master/dispatch/turns.ts'
import type { Monotonic } from '../../../shared/data/clock.ts'
import { later, NEVER } from '../../../shared/data/clock.ts'
import { createSimulatedClock } from '../../rigs/simulation/clock.ts'

const DRAINING: Input = { is: 'draining' }
const STEPPED: Input = { is: 'clock-stepped', byMs: 1 }
const SAVED: Effect = { do: 'save-kind', kind: 'work' }

/** `happened` has the inputs of each step, the effects performed, and the commits. */
function createWorld() {
  const clock = createSimulatedClock()
  const happened: string[] = []
  let deadline: Monotonic = NEVER
  const turns = createTurns({
    core: {
      step(input) {
        happened.push(input.is === 'tick' ? `tick, ${input.lateMs} ms late` : input.is)
        if (input.is === 'tick') deadline = NEVER
        return [SAVED]
      },
      deadline: () => deadline,
    },
    clock: clock.of({ alive: true, pausedUntil: 0 }),
    perform: (effect) => happened.push(effect.do),
    flush: () => happened.push('commit'),
  })
  return {
    turns,
    happened,
    dueIn: (ms: number) => void (deadline = later(clock.now(), ms)),
    pass: (ms: number) => clock.run({ until: later(clock.now(), ms) }),
  }
}

t.test('takes all inputs that have arrived in one turn, in order, with one commit', async (t) => {
  const { turns, happened, pass } = createWorld()
  turns.post(DRAINING)
  turns.post(STEPPED)
  t.same(happened, [], 'nothing before the turn')
  await pass(0)
  t.same(happened, ['draining', 'save-kind', 'clock-stepped', 'save-kind', 'commit'])
})

t.test('ticks when the deadline of the core has come, and not before', async (t) => {
  const { turns, happened, dueIn, pass } = createWorld()
  dueIn(100)
  turns.post(DRAINING)
  await pass(99)
  t.same(happened, ['draining', 'save-kind', 'commit'])
  await pass(1)
  t.same(happened.slice(3), ['tick, 0 ms late', 'save-kind', 'commit'])
})

t.test('ticks before the inputs of a turn that is later than the deadline', async (t) => {
  const { turns, happened, dueIn, pass } = createWorld()
  dueIn(-5)
  turns.post(DRAINING)
  await pass(0)
  t.same(happened, ['tick, 5 ms late', 'save-kind', 'draining', 'save-kind', 'commit'])
})

t.test('an earlier deadline moves the timer', async (t) => {
  const { turns, happened, dueIn, pass } = createWorld()
  dueIn(1_000)
  turns.post(DRAINING)
  await pass(10)
  dueIn(20)
  turns.post(STEPPED)
  await pass(20)
  t.same(
    happened.filter((what) => what.startsWith('tick')),
    ['tick, 0 ms late'],
  )
})

t.test('takes what has arrived when it closes, and nothing later', async (t) => {
  const { turns, happened, dueIn, pass } = createWorld()
  dueIn(50)
  turns.post(DRAINING)
  turns.close()
  t.same(happened, ['draining', 'save-kind', 'commit'])
  turns.post(STEPPED)
  turns.close()
  await pass(1_000)
  t.equal(happened.length, 3, 'neither the input nor the deadline')
})

t.test('who asks hears what the token of its input is settled with', async (t) => {
  const { turns, pass } = createWorld()
  const reply = turns.ask<string>((token) => {
    token.resolve('the reply')
    return DRAINING
  })
  await pass(0)
  t.equal(await reply, 'the reply')
})
