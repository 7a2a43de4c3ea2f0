import t from 'tap'
import type { Monotonic, WallTime } from '../../../shared/data/clock.ts'
import { later, msBetween, msOf, systemClock } from '../../../shared/data/clock.ts'
import { instant } from '../../instants.ts'

const TIMERS = 2_000
const SPAN_MS = 200

t.test('nothing runs before its time', async (t) => {
  const early: number[] = []
  const from = systemClock.now()
  await Promise.all(
    Array.from({ length: TIMERS }, (_, i) => {
      const at = from + (i * SPAN_MS) / TIMERS
      return new Promise<void>((resolve) => {
        systemClock.at(instant(at), () => {
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
    systemClock.at(instant(from + (i * SPAN_MS) / TIMERS), () => void ran++),
  )
  await new Promise<void>((resolve) => void systemClock.at(instant(from + SPAN_MS / 2), resolve))
  for (const callOff of callsOff) callOff()
  const ranBefore = ran
  await new Promise<void>((resolve) => void systemClock.at(instant(from + 2 * SPAN_MS), resolve))
  t.equal(ran, ranBefore)
  t.ok(ran > 0 && ran < TIMERS)
})

t.test(
  'points in time and instants do not mix: each of these lines is an error to tsc',
  async (t) => {
    const { now, wall } = { now: systemClock.now(), wall: systemClock.wall() }
    const takesWall = (time: WallTime): number => msOf(time)
    const takesInstant = (time: Monotonic): number => time
    // @ts-expect-error -- an instant is no point in time
    takesWall(now)
    // @ts-expect-error -- a point in time is no instant
    takesInstant(wall)
    // @ts-expect-error -- a number is neither: say wallTime(...)
    takesWall(1_800_000_000_000)
    // @ts-expect-error -- and no instant comes from anywhere but the clock
    takesInstant(5)
    // @ts-expect-error -- compared
    t.type(now < wall, 'boolean')
    // @ts-expect-error -- subtracted
    t.type(wall - now, 'number')
    // @ts-expect-error -- subtracted the other way
    t.type(now - wall, 'number')
    // @ts-expect-error -- an interval between two points in time must be asked for: msBetween
    t.type(wall - wall, 'number')
    t.equal(msBetween(wall, later(wall, 5)), 5)
    t.equal(later(now, 5) - now, 5)
  },
)
