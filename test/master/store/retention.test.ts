// What is removed by age, and when the wall clock is not to be trusted: trimming by itself, with the
// memory store and a clock that somebody sets.

import t from 'tap'
import { createMemoryStore } from '../../../master/store/memory.ts'
import { startRetention } from '../../../master/store/retention.ts'
import type { TaskRecord } from '../../../master/store/store.ts'
import type { WallTime } from '../../../shared/data/clock.ts'
import { later, wallTime } from '../../../shared/data/clock.ts'
import { watchClock } from '../../../shared/process/clock-watch.ts'
import { createLog } from '../../../shared/process/log.ts'
import { createSimulatedClock, RIGHT } from '../../rigs/simulation/clock.ts'
import { anEndedTask, commit, insert } from './records.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS
const START = 1_800_000_000_000

const log = await createLog('trimming', 'silent')
const endedAt = (at: WallTime, over: Partial<TaskRecord> = {}): TaskRecord =>
  anEndedTask({ createdAt: at, endedAt: at, ...over })

/** A master that has just started, with tasks of so many milliseconds ago in its store. */
async function setUp({ ages, keepMs = 7 * DAY_MS }: { ages: number[]; keepMs?: number }) {
  const simulated = createSimulatedClock()
  const machine = { ...RIGHT, aheadMs: START }
  const clock = simulated.of({ alive: true, pausedUntil: 0 }, machine)
  const store = createMemoryStore()
  for (const age of ages) await commit(store, insert(endedAt(later(clock.wall(), -age))))
  const swept: number[] = []
  const clockWatch = watchClock(clock, log)
  const { newestAt } = await store.load()
  const trimming = startRetention({
    store,
    clock,
    clockWatch,
    newestAt,
    keepMs,
    keepTasksMax: 3,
    also: async () => void swept.push(clock.now()),
    log,
  })
  return {
    clock,
    machine,
    store,
    swept,
    stored: async () => (await store.counts()).done,
    pass: (ms: number) => simulated.run({ until: clock.now() + ms }),
    close() {
      trimming.close()
      clockWatch.close()
    },
  }
}

t.test('what ended long ago goes within seconds, and what else is old with it', async (t) => {
  const { stored, swept, pass, close } = await setUp({ ages: [8 * DAY_MS, MINUTE_MS] })
  t.teardown(close)
  await pass(11_000)
  t.equal(await stored(), 1)
  t.equal(swept.length, 1)
})

t.test('after the clock jumped ahead nothing is removed by age for an hour', async (t) => {
  const { stored, swept, machine, pass, close } = await setUp({ ages: [MINUTE_MS, 0] })
  t.teardown(close)
  // Between two looks of the watch, a moment before a step of trimming.
  await pass(9_900)
  machine.aheadMs += 30 * DAY_MS
  await pass(HOUR_MS - MINUTE_MS)
  t.equal(await stored(), 2)
  t.same(swept, [], 'nor files')
  machine.aheadMs -= 30 * DAY_MS
  await pass(2 * HOUR_MS)
  t.equal(await stored(), 2, 'and the clock was set right in time')
  machine.aheadMs += 30 * DAY_MS
  await pass(HOUR_MS + MINUTE_MS)
  t.equal(await stored(), 0, 'or it was right')
})

t.test('the clock is trusted where results are kept for less than an hour', async (t) => {
  const { stored, machine, pass, close } = await setUp({ ages: [0], keepMs: 10 * MINUTE_MS })
  t.teardown(close)
  machine.aheadMs += DAY_MS
  await pass(9 * MINUTE_MS)
  t.equal(await stored(), 1)
  await pass(2 * MINUTE_MS)
  t.equal(await stored(), 0)
})

t.test(
  'after a start long after the newest task nothing is removed by age for an hour',
  async (t) => {
    const { stored, pass, close } = await setUp({ ages: [30 * DAY_MS, 29 * DAY_MS] })
    t.teardown(close)
    await pass(HOUR_MS - MINUTE_MS)
    t.equal(await stored(), 2)
    await pass(2 * MINUTE_MS)
    t.equal(await stored(), 0)
  },
)

t.test('what is too many is removed by number whatever the clock says', async (t) => {
  const { stored, pass, close } = await setUp({ ages: Array(5).fill(30 * DAY_MS) as number[] })
  t.teardown(close)
  await pass(MINUTE_MS)
  t.equal(await stored(), 3)
})

t.test('tasks of a clock that was ahead do not keep those after them', async (t) => {
  const ages = [-30 * DAY_MS, MINUTE_MS]
  const { store, stored, pass, close } = await setUp({ ages, keepMs: 10 * MINUTE_MS })
  t.teardown(close)
  t.equal((await store.load()).newestAt, later(wallTime(START), -MINUTE_MS))
  await pass(8 * MINUTE_MS)
  t.equal(await stored(), 2)
  await pass(2 * MINUTE_MS)
  t.equal(await stored(), 1)
})
