import t from 'tap'
import type { JobEvent } from '../../../master/core/events.ts'
import { createEvents } from '../../../master/observe/events.ts'
import { wallTime } from '../../../shared/data/clock.ts'

const job = (id: string): JobEvent => ({
  type: 'job',
  at: wallTime(0),
  job: id,
  kind: 'word-count',
  status: 'in progress',
  stage: null,
  done: 0,
  total: 0,
})

t.test('gives what came after a number, in order', async (t) => {
  const events = createEvents()
  for (const id of ['a', 'b', 'c']) events.add(job(id))
  const { missed, events: after } = events.since(1)
  t.equal(missed, 0)
  t.same(
    after.map(({ number, event }) => [number, (event as JobEvent).job]),
    [
      [2, 'b'],
      [3, 'c'],
    ],
  )
  t.same(events.since(3).events, [])
})

t.test('says how many it no longer has', async (t) => {
  const events = createEvents(2)
  for (const id of ['a', 'b', 'c', 'd', 'e']) events.add(job(id))
  const { missed, events: after } = events.since(1)
  t.equal(missed, 2)
  t.same(
    after.map(({ number }) => number),
    [4, 5],
  )
})

t.test('calls whoever follows until they leave', async (t) => {
  const events = createEvents()
  const seen: number[] = []
  const leave = events.follow((_event, number) => seen.push(number))
  events.add(job('a'))
  leave()
  events.add(job('b'))
  t.same(seen, [1])
})
