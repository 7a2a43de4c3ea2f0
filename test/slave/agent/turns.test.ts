// Turns with a core that does what the test says, and a simulated clock.

import { test } from 'tap'
import type { Monotonic } from '../../../shared/data/clock.ts'
import { later, NEVER } from '../../../shared/data/clock.ts'
import { createTurns } from '../../../slave/agent/turns.ts'
import type { Effect, Input } from '../../../slave/core/core.ts'
import { createSimulatedClock } from '../../rigs/simulation/clock.ts'

function setUp() {
  const clock = createSimulatedClock()
  const said: string[] = []
  const core = {
    inputs: [] as { is: Input['is']; at: Monotonic }[],
    effects: [] as Effect[],
    dueAt: NEVER,
    runningCount: 0,
    endedCount: 0,
    step(input: Input, at: Monotonic): Effect[] {
      core.inputs.push({ is: input.is, at })
      core.dueAt = NEVER
      return core.effects.splice(0)
    },
    deadline: () => core.dueAt,
  }
  const turns = createTurns({ core, clock, perform: (effect) => void said.push(effect.do) })
  const pass = (ms: number) => clock.run({ until: clock.now() + ms })
  /** The core asks for a tick after so long, as of its next step. */
  const wakeAfter = (ms: number) => {
    const { step } = core
    core.step = (input, at) => {
      const effects = step(input, at)
      core.dueAt = later(at, ms)
      core.step = step
      return effects
    }
  }
  return { clock, core, said, turns, pass, wakeAfter }
}

test('a turn performs the effects in their order', (t) => {
  const { core, said, turns } = setUp()
  core.effects = [{ do: 'kill', attempt: 'a' }, { do: 'beat' }, { do: 'register' }]
  turns.take({ is: 'revoke', attempts: ['a'] })
  t.same(said, ['kill', 'beat', 'register'])
  t.end()
})

test('the core is woken once at its deadline, and not before', async (t) => {
  const { core, turns, pass, wakeAfter } = setUp()
  wakeAfter(100)
  turns.take({ is: 'visited' })
  await pass(99)
  t.equal(core.inputs.length, 1)
  await pass(1000)
  t.same(core.inputs, [
    { is: 'visited', at: 0 },
    { is: 'tick', at: 100 },
  ])
})

test('a new deadline replaces the one before, so that there is one timer', async (t) => {
  const { core, turns, pass, wakeAfter } = setUp()
  wakeAfter(100)
  turns.take({ is: 'visited' })
  wakeAfter(300)
  turns.take({ is: 'visited' })
  await pass(1000)
  t.same(
    core.inputs.map(({ at }) => at),
    [0, 0, 300],
  )
})

test('a slave is idle when nothing runs and every outcome is acknowledged', async (t) => {
  const { core, turns } = setUp()
  core.runningCount = 1
  let idle = 0
  const waits = [turns.idle(), turns.idle()].map((each) => each.then(() => void idle++))
  core.runningCount = 0
  core.endedCount = 1
  turns.take({ is: 'ended', attempts: ['a'] })
  await Promise.resolve()
  t.equal(idle, 0)
  core.endedCount = 0
  turns.take({ is: 'acknowledged', attempts: ['a'] })
  await Promise.all(waits)
  t.equal(idle, 2)
  await turns.idle()
})

test('nothing reaches the core after the turns are closed', async (t) => {
  const { core, turns, pass, wakeAfter } = setUp()
  wakeAfter(100)
  turns.take({ is: 'visited' })
  turns.close()
  turns.take({ is: 'visited' })
  await pass(1000)
  t.equal(core.inputs.length, 1)
})
