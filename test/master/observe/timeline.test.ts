// Bars of the task stream: one for each attempt, of very many a sample, and never one that is told as
// running and then forgotten.

import { test } from 'tap'
import type { TaskEvent } from '../../../master/core/events.ts'
import { createTimeline } from '../../../master/observe/timeline.ts'
import { wallTime } from '../../../shared/data/clock.ts'

const at = (task: string, event: TaskEvent['event'], more: Partial<TaskEvent> = {}): TaskEvent => ({
  type: 'task',
  at: wallTime(10),
  task,
  kind: 'sleep',
  status: 'in progress',
  event,
  slave: 'a',
  reason: '',
  tries: 1,
  createdAt: wallTime(0),
  askedAt: wallTime(4),
  startedAt: wallTime(5),
  ranMs: null,
  ...more,
})
const waiting = (task: string, tries = 0) =>
  at(task, 'waiting', { status: 'pending', slave: null, tries, askedAt: null, startedAt: null })
const taken = (task: string, more = {}) => at(task, 'taken', more)
const done = (task: string, more = {}) =>
  at(task, 'done', { status: 'done', at: wallTime(20), ranMs: 12, ...more })

test('tells an attempt when it begins, and again when it ends', async (t) => {
  const bars = createTimeline()
  bars.take(taken('x'))
  t.match(bars.changes(9), { bars: [{ task: 'x', slave: 'a', row: 0, endedAt: null }], omitted: 0 })
  t.same(bars.changes(9).bars, [], 'nothing new')
  bars.take(done('x'))
  t.match(bars.changes(9).bars, [{ task: 'x', endedAt: 20, ranMs: 12, status: 'done' }])
})

test('gives tasks that run side by side rows of their own', async (t) => {
  const bars = createTimeline()
  for (const task of ['x', 'y', 'z']) bars.take(taken(task))
  bars.take(done('y'))
  bars.take(taken('w'))
  const rows = bars.changes(9).bars.map(({ task, row }) => [task, row])
  t.same(Object.fromEntries(rows), { x: 0, y: 1, z: 2, w: 1 })
})

test('keeps the bar of an attempt that was lost beside that of the next', async (t) => {
  const bars = createTimeline()
  bars.take(taken('x'))
  bars.take(at('x', 'retry', { status: 'pending', at: wallTime(15) }))
  bars.take(waiting('x', 1))
  bars.take(taken('x', { slave: 'b', tries: 2, startedAt: 17 }))
  bars.take(done('x', { slave: 'b', tries: 2, at: 30 }))
  t.match(bars.changes(9).bars, [
    { slave: 'a', tries: 1, lost: true, endedAt: 15 },
    { slave: 'b', tries: 2, lost: false, endedAt: 30, status: 'done' },
  ])
})

test('tells what becomes of every bar that it told as open, however many there are', async (t) => {
  const bars = createTimeline()
  const most = 8
  const open = new Set<string>()
  const seen = { begun: 0, waited: 0, omitted: 0 }
  const look = () => {
    const { bars: told, omitted } = bars.changes(most)
    t.ok(told.length <= most)
    seen.omitted += omitted
    for (const { task, slave, endedAt } of told) {
      if (slave === null) seen.waited++
      else if (endedAt === null) seen.begun++
      if (endedAt === null) open.add(task)
      else open.delete(task)
    }
  }
  for (let round = 0; round < 50; round++) {
    for (let i = 0; i < 30; i++) {
      const task = `t${round}-${i}`
      if (i % 3 === 0) bars.take(waiting(task))
      if (i % 3 === 0 && round > 0) bars.take(taken(`t${round - 1}-${i}`))
      if (i % 3 !== 0) bars.take(taken(task))
      if (i % 3 === 1) bars.take(done(task))
      if (i % 3 !== 1 && round > 1) bars.take(done(`t${round - 2}-${i}`))
    }
    look()
  }
  t.ok(seen.begun > 20, 'some are told while they run')
  t.ok(seen.waited > 0, 'some while they wait')
  t.ok(seen.omitted > 500, 'most are left out, and counted')
  for (let i = 0; i < 30; i++) {
    bars.take(done(`t48-${i}`))
    bars.take(done(`t49-${i}`))
  }
  for (let i = 0; i < 50; i++) look()
  t.same([...open], [], 'none is left open')
})
