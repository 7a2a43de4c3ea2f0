import { test } from 'tap'
import { createRunQueue } from '../../../slave/executor/run-queue.ts'

type Entry = { n: number; place: 'queue' | 'forgotten' }
const entry = (n: number): Entry => ({ n, place: 'queue' })

/** Takes all that is left, in order. */
function drain(queue: ReturnType<typeof createRunQueue<Entry>>): number[] {
  const taken: number[] = []
  for (let first = queue.first(); first; first = queue.first()) {
    taken.push(first.n)
    queue.shift()
  }
  return taken
}

test('runs leave the queue in the order in which they came', (t) => {
  const queue = createRunQueue<Entry>()
  for (let n = 0; n < 5000; n++) queue.push(entry(n))
  t.equal(queue.length(), 5000)
  t.same(
    drain(queue),
    Array.from({ length: 5000 }, (_, n) => n),
  )
  t.equal(queue.length(), 0)
  queue.push(entry(7))
  t.same(drain(queue), [7])
  t.end()
})

test('a killed run is skipped, and does not count', (t) => {
  const queue = createRunQueue<Entry>()
  const entries = [0, 1, 2, 3].map(entry)
  for (const each of entries) queue.push(each)
  for (const each of [entries[0]!, entries[2]!]) {
    each.place = 'forgotten'
    queue.forget()
  }
  t.equal(queue.length(), 2)
  t.same(drain(queue), [1, 3])
  t.equal(queue.length(), 0)
  t.end()
})

test('runs that are taken back are first again, in their order', (t) => {
  const queue = createRunQueue<Entry>()
  for (let n = 0; n < 4; n++) queue.push(entry(n))
  const [first] = [queue.first()!]
  queue.shift()
  const second = queue.first()!
  queue.shift()
  queue.unshift([])
  queue.unshift([first, second])
  t.equal(queue.length(), 4)
  t.same(drain(queue), [0, 1, 2, 3])
  t.end()
})

test('a queue that is cleared is empty', (t) => {
  const queue = createRunQueue<Entry>()
  queue.push(entry(1))
  queue.clear()
  t.same([queue.length(), queue.first()], [0, undefined])
  t.end()
})
