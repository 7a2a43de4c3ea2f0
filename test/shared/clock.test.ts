import t from 'tap'
import { systemClock } from '../../shared/clock.ts'

const TIMERS = 2_000
const SPAN_MS = 200

t.test('nothing runs before its time', async (t) => {
  const early: number[] = []
  const from = systemClock.now()
  await Promise.all(
    Array.from({ length: TIMERS }, (_, i) => {
      const at = from + (i * SPAN_MS) / TIMERS
      return new Promise<void>((resolve) => {
        systemClock.at(at, () => {
          if (systemClock.now() < at) early.push(at)
          resolve()
        })
      })
    }),
  )
  t.same(early, [])
})

t.test('what is called off does not run, also when its timer has fired early before', async (t) => {
  let ran = 0
  const from = systemClock.now()
  const callsOff = Array.from({ length: TIMERS }, (_, i) =>
    systemClock.at(from + (i * SPAN_MS) / TIMERS, () => void ran++),
  )
  await new Promise<void>((resolve) => void systemClock.at(from + SPAN_MS / 2, resolve))
  for (const callOff of callsOff) callOff()
  const ranBefore = ran
  await new Promise<void>((resolve) => void systemClock.at(from + 2 * SPAN_MS, resolve))
  t.equal(ran, ranBefore)
  t.ok(ran > 0 && ran < TIMERS)
})
