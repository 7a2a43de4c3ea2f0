import { test } from 'tap'
import { numberOf } from '../../../master/store/task-numbers.ts'
import { createIds } from '../../../shared/data/ids.ts'

const V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/
const START = Date.UTC(2026, 0, 1)

const isGrowing = (ids: string[]): boolean =>
  ids.every((id, i) => i === 0 || (ids[i - 1] as string) < id)

test('gives ids of the form of RFC 9562, version 7, all different', async (t) => {
  const ids = createIds(() => START)
  const made = Array.from({ length: 1_000 }, () => ids.next())
  t.ok(made.every((id) => V7.test(id)))
  t.equal(new Set(made).size, made.length)
  t.equal(new Set(made.map((id) => id.slice(19))).size, made.length, 'the rest is random')
  t.equal(new Set(made.map((id) => id[19])).size, 4, 'all values of the variant')
})

test('carries the wall clock while that moves forward', async (t) => {
  let now = START
  const ids = createIds(() => now)
  for (const ms of [0, 1, 2.9, 1_000, 86_400_000]) {
    now = START + ms
    const id = ids.next()
    t.equal(Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16), Math.floor(now))
  }
})

test('grows within one millisecond, also beyond what the counter holds', async (t) => {
  const ids = createIds(() => START)
  t.ok(isGrowing(Array.from({ length: 20_000 }, () => ids.next())))
})

test('grows when the wall clock is set back, and when it is set forward and back', async (t) => {
  let now = START
  const ids = createIds(() => now)
  const made: string[] = []
  for (const step of [0, -1, -86_400_000, 5, 30 * 86_400_000, -60 * 86_400_000]) {
    now += step
    for (let i = 0; i < 3_000; i++) made.push(ids.next())
  }
  t.ok(isGrowing(made))
})

test('continues after the newest id of an earlier process, wherever the clock is', async (t) => {
  const before = createIds(() => START)
  const newest = Array.from({ length: 5_000 }, () => before.next()).at(-1) as string
  for (const now of [START - 30 * 86_400_000, START, START + 1, START + 86_400_000]) {
    const ids = createIds(() => now)
    const next = ids.after(newest)
    ids.after('0190a000-0000-7000-8000-000000000000')
    t.ok(next() > newest)
  }
})

test('ignores what is not a UUIDv7 when told of the newest id', async (t) => {
  const ids = createIds(() => START)
  for (const odd of [null, '', 'task-9', 'ffffffff-ffff-4fff-bfff-ffffffffffff']) {
    ids.after(odd)
  }
  t.match(ids.next(), new RegExp(`^${START.toString(16).padStart(12, '0').slice(0, 8)}`))
})

test('a clock that is centuries ahead makes ids that a store can number', async (t) => {
  const ids = createIds(() => Date.UTC(2400, 0, 1))
  const made = Array.from({ length: 5_000 }, ids.next)
  t.ok(made.every((id) => numberOf(id) !== undefined))
  t.ok(isGrowing(made))
  const beyond = 'ffffffff-ffff-7000-8000-000000000000'
  t.type(numberOf(createIds(() => 0).after(beyond)()), 'number')
})
