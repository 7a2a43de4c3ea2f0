// How live jobs share memory: whoever finds none waits, and one of them always goes on.

import t from 'tap'
import { createJobMemory } from '../../../master/jobs/job-memory.ts'

/** Notes when a wait is over. */
function waits(taken: Promise<boolean>) {
  const state = { is: 'waiting' as boolean | 'waiting' }
  void taken.then((is) => (state.is = is))
  return state
}
const settle = () => new Promise((resolve) => setImmediate(resolve))

t.test('there is room until it is full; then a job waits until another has left', async (t) => {
  const room = createJobMemory(100)
  t.equal(room.tryTake('a', 60), true)
  t.equal(room.tryTake('b', 40), true)
  t.equal(room.tryTake('c', 1), false)
  const c = waits(room.take('c', 1))
  await settle()
  t.equal(c.is, 'waiting')
  room.leave('b')
  await settle()
  t.equal(c.is, true)
  t.equal(room.bytes, 61)
})

t.test('the oldest of them always has room, so that it can end', async (t) => {
  const room = createJobMemory(100)
  t.equal(room.tryTake('a', 1_000), true, 'also when nothing else is there')
  t.equal(room.tryTake('b', 1), false)
  t.equal(room.tryTake('a', 1_000), true)
  const [c, b] = [waits(room.take('c', 1_000)), waits(room.take('b', 1_000))]
  room.leave('a')
  await settle()
  t.same([b.is, c.is], [true, 'waiting'], 'then the next, whoever asked first')
  room.leave('b')
  await settle()
  t.equal(c.is, true)
})

t.test('a job that ends while it waits hears that it has no room', async (t) => {
  const room = createJobMemory(100)
  room.tryTake('a', 100)
  room.tryTake('b', 0)
  const b = waits(room.take('b', 10))
  room.leave('b')
  await settle()
  t.equal(b.is, false)
  t.equal(room.bytes, 100)
})

t.test('what a job holds in truth counts, and what it gives back is taken by others', async (t) => {
  const room = createJobMemory(100)
  room.tryTake('a', 90)
  const b = waits(room.take('b', 50))
  room.set('a', 40)
  await settle()
  t.equal(b.is, true)
  t.equal(room.bytes, 90)
  room.set('of nobody', 1_000)
  t.equal(room.bytes, 90)
})

t.test('when the oldest has left, the oldest of those that hold room is it', async (t) => {
  const room = createJobMemory(100)
  for (const job of ['a', 'd', 'b', 'c']) t.equal(room.tryTake(job, 20), true)
  room.leave('a')
  for (const job of ['d', 'c']) t.equal(room.tryTake(job, 1_000), false, job)
  t.equal(room.tryTake('b', 1_000), true)
  room.leave('d')
  t.equal(room.tryTake('c', 1_000), false, 'one that is not the oldest leaves it the oldest')
  t.equal(room.tryTake('b', 1_000), true)
})

t.test('of the waits of one job the first is the first that goes on', async (t) => {
  const room = createJobMemory(100)
  room.tryTake('a', 90)
  room.tryTake('b', 10)
  const [one, two, other] = ['c', 'c', 'd'].map((job) => waits(room.take(job, 6)))
  room.leave('b')
  await settle()
  t.same([one?.is, two?.is, other?.is], [true, 'waiting', 'waiting'])
})
