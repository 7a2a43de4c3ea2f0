import { test } from 'tap'
import { createRandom } from '../../../shared/data/random.ts'

test('gives the same numbers for the same seed, on every machine and in every version', async (t) => {
  const words = (seed: number) => {
    const random = createRandom(seed)
    return [random.word(), random.word(), random.word()]
  }
  t.same(words(1), words(1))
  t.same(words(1), [2_420_951_833, 2_513_034_076, 3_847_892_949])
  t.notSame(words(1), words(2))
  t.notSame(words(1), words(2 ** 32 + 1), 'seeds are told apart above 32 bits too')
  t.notSame(words(1), words(-1))
})

test('draws evenly from [0, 1)', async (t) => {
  for (const seed of [0, 1, 2, 123_456_789]) {
    const random = createRandom(seed)
    const counts = Array<number>(100).fill(0)
    for (let i = 0; i < 100_000; i++) counts[Math.floor(random.next() * 100)]!++
    // Chi-squared of 99 degrees of freedom: 99 on average, above 161 once in 10,000.
    const chi = counts.reduce((sum, count) => sum + (count - 1_000) ** 2 / 1_000, 0)
    t.ok(chi > 50 && chi < 161, `seed ${seed}: ${chi.toFixed(1)}`)
  }
})

test('shares nothing between neighbouring seeds', async (t) => {
  const counts = Array<number>(100).fill(0)
  let up = 0
  for (let seed = 0, last = 0; seed < 100_000; seed++) {
    const first = createRandom(seed).next()
    counts[Math.floor(first * 100)]!++
    if (first > last) up++
    last = first
  }
  const chi = counts.reduce((sum, count) => sum + (count - 1_000) ** 2 / 1_000, 0)
  t.ok(chi > 50 && chi < 161, `first numbers: ${chi.toFixed(1)}`)
  t.ok(Math.abs(up - 50_000) < 500, `${up} of 100,000 rise`)
})

test('draws whole numbers below n', async (t) => {
  const random = createRandom(5)
  const counts = [0, 0, 0]
  for (let i = 0; i < 30_000; i++) counts[random.integer(3)]!++
  t.ok(
    counts.every((count) => Math.abs(count - 10_000) < 400),
    counts.join(' '),
  )
  t.equal(random.integer(1), 0)
})

test('draws normally distributed numbers', async (t) => {
  const random = createRandom(6)
  let sum = 0
  let squares = 0
  let within = 0
  for (let i = 0; i < 100_000; i++) {
    const value = random.normal()
    sum += value
    squares += value * value
    if (Math.abs(value) < 1.959964) within++
  }
  t.ok(Math.abs(sum / 100_000) < 0.0127)
  t.ok(Math.abs(squares / 100_000 - 1) < 0.018)
  t.ok(Math.abs(within / 100_000 - 0.95) < 0.0028)
})

test('shuffles into every order equally often', async (t) => {
  const random = createRandom(8)
  const counts = new Map<string, number>()
  for (let i = 0; i < 24_000; i++) {
    const order = random.shuffle(['a', 'b', 'c', 'd']).join('')
    counts.set(order, (counts.get(order) ?? 0) + 1)
  }
  t.equal(counts.size, 24)
  t.ok([...counts.values()].every((count) => Math.abs(count - 1_000) < 130))
})
