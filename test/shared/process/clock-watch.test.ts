import t from 'tap'
import { watchClock } from '../../../shared/process/clock-watch.ts'
import type { Logger } from '../../../shared/process/log.ts'
import { createSimulatedClock, RIGHT } from '../../rigs/simulation/clock.ts'

const HOUR_MS = 3_600_000

function setUp({ rate = 1 } = {}) {
  const clock = createSimulatedClock()
  const machine = { ...RIGHT, rate }
  const lines: unknown[] = []
  const log = { warn: (about: unknown) => void lines.push(about) } as unknown as Logger
  const watch = watchClock(clock.of({ alive: true, pausedUntil: 0 }, machine), log)
  const jumps: number[] = []
  watch.onStep((ms) => jumps.push(ms))
  return {
    clock,
    machine,
    watch,
    jumps,
    lines,
    pass: (ms: number) => clock.run({ until: clock.now() + ms }),
  }
}

t.test('a jump of the wall clock is told once, with its size', async (t) => {
  const { clock, machine, watch, jumps, lines, pass } = setUp()
  await pass(10_000)
  t.same(jumps, [])
  machine.aheadMs += 8 * HOUR_MS
  await pass(10_000)
  machine.aheadMs -= 24 * HOUR_MS
  await pass(10_000)
  t.same(jumps, [8 * HOUR_MS, -24 * HOUR_MS])
  t.same(lines, [{ byMs: 8 * HOUR_MS }, { byMs: -24 * HOUR_MS }], 'in a line each')
  t.equal(watch.steps.count, 2)
  t.equal(watch.steps.lastMs, -24 * HOUR_MS)
  t.ok(watch.steps.lastAt! <= clock.wallOf(machine))
})

t.test('a jump is noticed at once by a look, and not again later', async (t) => {
  const { machine, watch, jumps, pass } = setUp()
  machine.aheadMs += HOUR_MS
  watch.look()
  t.same(jumps, [HOUR_MS])
  await pass(10_000)
  t.same(jumps, [HOUR_MS])
})

t.test('a watch that is closed tells nothing more', async (t) => {
  const { machine, watch, jumps, pass } = setUp()
  watch.close()
  machine.aheadMs += HOUR_MS
  await pass(10_000)
  t.same(jumps, [])
})

t.test('a clock that drifts, or is slewed by NTP, is no jump', async (t) => {
  const { jumps, pass } = setUp({ rate: 1.001 })
  await pass(HOUR_MS)
  t.same(jumps, [])
})
