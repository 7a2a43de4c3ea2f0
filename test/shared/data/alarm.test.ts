import t from 'tap'
import { createAlarm } from '../../../shared/data/alarm.ts'
import type { Monotonic } from '../../../shared/data/clock.ts'
import { later, NEVER } from '../../../shared/data/clock.ts'
import { createSimulatedClock } from '../../rigs/simulation/clock.ts'

function createWorld() {
  const simulated = createSimulatedClock()
  const began = simulated.now()
  const rung: number[] = []
  const alarm = createAlarm(simulated.of({ alive: true, pausedUntil: 0 }), () =>
    rung.push(simulated.now() - began),
  )
  return {
    alarm,
    rung,
    at: (ms: number): Monotonic => later(began, ms),
    pass: (ms: number) => simulated.run({ until: later(began, ms) }),
  }
}

t.test('an alarm rings once, at the time that was set last', async (t) => {
  const { alarm, rung, at, pass } = createWorld()
  alarm.set(at(50))
  alarm.set(at(20))
  alarm.set(at(30))
  await pass(100)
  t.same(rung, [30])
})

t.test('an alarm that has rung can be set to the same time again', async (t) => {
  const { alarm, rung, at, pass } = createWorld()
  alarm.set(at(10))
  await pass(10)
  alarm.set(at(10))
  await pass(20)
  t.same(rung, [10, 10])
})

t.test('an alarm that is set to never, or cancelled, does not ring', async (t) => {
  const { alarm, rung, at, pass } = createWorld()
  alarm.set(at(10))
  alarm.set(NEVER)
  await pass(20)
  alarm.set(at(30))
  alarm.cancel()
  await pass(40)
  t.same(rung, [])
})
