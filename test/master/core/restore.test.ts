// How long a stored task may still wait after a start, when only the wall clock measures the time that
// the master was down, and that clock may be wrong: the core by itself.

import t from 'tap'
import type { Effect, StoredTask } from '../../../master/core/messages.ts'
import type { Task } from '../../../master/core/state.ts'
import type { WallTime } from '../../../shared/data/clock.ts'
import { later, msBetween, wallTime } from '../../../shared/data/clock.ts'
import { instant } from '../../instants.ts'
import { createTestCore } from '../stepping.ts'

const SECOND_MS = 1000
const MINUTE_MS = 60 * SECOND_MS
const DAY_MS = 24 * 60 * MINUTE_MS
const HEARTBEAT_MS = 5 * SECOND_MS
/** Slaves report within that, and free slots are offered. */
const FIRST_MOMENTS_MS = 6 * HEARTBEAT_MS
const START = wallTime(1_800_000_000_000)

/** A master that has just started, with one stored task that waits. */
function start(wall: WallTime, stored: StoredTask) {
  const core = createTestCore(
    { heartbeatMs: HEARTBEAT_MS, waitingTasksMax: 10, waitLimitMs: 10 * MINUTE_MS },
    { ids: { issuer: 'master', make: () => 'attempt', made: () => true } },
  )
  const effects = core.step({ is: 'restore', tasks: [stored], slaves: [] }, instant(0), wall)
  const task = core.view.live.get(stored.id) as Task
  return { core, task, effects, leftMs: task.waitUntil as number }
}

/** Accepted at START, with so long to wait; its last entry was made so much later. */
const waiting = (waitMs: number, lastMs = 0): StoredTask => ({
  id: 'task-1',
  kind: 'work',
  priority: 0,
  runLimitMs: 10_000,
  createdAt: START,
  queue: true,
  expiresAt: later(START, waitMs),
  running: null,
  tries: 0,
  trail: [
    { at: START, event: 'master started' },
    { at: later(START, lastMs), event: 'busy', slave: 'a' },
  ],
})

/** As the records say it: what the next start reads. */
const storedAgain = (before: StoredTask, { expiresAt, trail }: Task): StoredTask => ({
  ...before,
  expiresAt,
  trail: structuredClone(trail),
})

const savesOf = (effects: Effect[]) => effects.filter((effect) => effect.do === 'save')

t.test('the time that the master was down counts', (t) => {
  const { leftMs, effects } = start(later(START, 4 * MINUTE_MS), waiting(10 * MINUTE_MS, MINUTE_MS))
  t.equal(leftMs, 6 * MINUTE_MS)
  t.same(savesOf(effects), [], 'and what is stored stays as it is')
  t.end()
})

t.test('a wait limit does not start anew at each start', (t) => {
  let stored = waiting(10 * MINUTE_MS)
  for (let minute = 1; minute <= 9; minute++) {
    const { task, leftMs } = start(later(START, minute * MINUTE_MS), stored)
    t.equal(leftMs, (10 - minute) * MINUTE_MS)
    stored = storedAgain(stored, task)
  }
  t.end()
})

t.test('with a clock that is behind it waits no longer than at its last entry', (t) => {
  const wall = later(START, -30 * DAY_MS)
  const { task, leftMs, effects } = start(wall, waiting(10 * MINUTE_MS, MINUTE_MS))
  t.equal(leftMs, 9 * MINUTE_MS)
  t.equal(task.expiresAt, later(wall, 9 * MINUTE_MS), 'in terms of the clock as it is now')
  t.equal(savesOf(effects).length, 1)
  t.end()
})

t.test('a restored task never expires in the first moments of a start', (t) => {
  for (const passedMs of [11 * MINUTE_MS, 30 * DAY_MS]) {
    const wall = later(START, passedMs)
    const { core, task, leftMs } = start(wall, waiting(10 * MINUTE_MS))
    t.equal(leftMs, FIRST_MOMENTS_MS)
    const at = (ms: number) => core.step({ is: 'tick', lateMs: 0 }, instant(ms), later(wall, ms))
    at(FIRST_MOMENTS_MS - 1)
    t.equal(task.stage.is, 'waiting')
    at(FIRST_MOMENTS_MS)
    t.equal(task.stage.is, 'ended')
  }
  t.end()
})

t.test('an entry that was written after an unnoticed step of the clock measures nothing', (t) => {
  const { leftMs } = start(later(START, DAY_MS), waiting(10 * MINUTE_MS, DAY_MS))
  t.equal(leftMs, FIRST_MOMENTS_MS)
  t.end()
})

t.test('but no restart makes a short wait longer', (t) => {
  const { leftMs } = start(later(START, 30 * DAY_MS), waiting(10 * SECOND_MS, 3 * SECOND_MS))
  t.equal(leftMs, 7 * SECOND_MS)
  t.end()
})

t.test('a step of the clock while it runs changes no wait, now or after the next start', (t) => {
  for (const byMs of [30 * DAY_MS, -30 * DAY_MS]) {
    const before = waiting(10 * MINUTE_MS)
    const { core, task } = start(START, before)
    const wall = later(START, MINUTE_MS + byMs)
    const effects = core.step({ is: 'clock-stepped', byMs }, instant(MINUTE_MS), wall)
    t.equal(task.waitUntil, 10 * MINUTE_MS)
    t.equal(msBetween(wall, task.expiresAt as WallTime), 9 * MINUTE_MS)
    t.equal(savesOf(effects).length, 1)
    const next = start(later(wall, MINUTE_MS), storedAgain(before, task))
    t.equal(next.leftMs, 8 * MINUTE_MS)
  }
  t.end()
})
