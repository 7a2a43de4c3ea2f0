// Work of jobs in slices: in order, and never more of it at once than a slice.

import t from 'tap'
import { wallTime } from '../../../shared/data/clock.ts'
import { createSlices } from '../../../shared/process/time-slices.ts'
import { instant } from '../../instants.ts'

/** Time passes only by work. */
function createWorld() {
  let now = 0
  const soon: (() => void)[] = []
  const clock = {
    now: () => instant(now),
    wall: () => wallTime(now),
    soon: (run: () => void) => void soon.push(run),
    at: () => () => {},
  }
  return {
    slices: createSlices(clock),
    work: (ms: number) => (now += ms),
    /** One turn of the event loop; how long it was held. */
    turn() {
      const before = now
      for (const run of soon.splice(0)) run()
      return now - before
    },
    get isIdle() {
      return soon.length === 0
    },
  }
}

t.test(
  'much work is done in many turns, in order, each no longer than a slice and a piece',
  (t) => {
    const world = createWorld()
    const done: number[] = []
    for (let i = 0; i < 100; i++) {
      void world.slices.run(() => {
        world.work(2)
        done.push(i)
      })
    }
    let turns = 0
    while (!world.isIdle) {
      t.ok(world.turn() <= 6)
      turns++
    }
    t.ok(turns > 30)
    t.same(done, [...Array(100).keys()])
    t.end()
  },
)

t.test('work that begets work lets the loop turn in between', (t) => {
  const world = createWorld()
  let left = 50
  const next = (): void => {
    world.work(4)
    if (left-- > 0) void world.slices.run(next)
  }
  void world.slices.run(next)
  while (!world.isIdle) t.ok(world.turn() <= 8)
  t.equal(left, -1)
  t.end()
})

t.test('what work gives or throws comes to whoever asked', async (t) => {
  const { slices, turn } = createWorld()
  const given = slices.run(() => 7)
  const thrown = slices.run(() => {
    throw new Error('no')
  })
  const later = slices.run(async () => 'later')
  turn()
  t.equal(await given, 7)
  await t.rejects(thrown, { message: 'no' })
  t.equal(await later, 'later')
})
