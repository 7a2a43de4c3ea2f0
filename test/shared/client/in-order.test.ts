import { setImmediate as turn } from 'node:timers/promises'
import t from 'tap'
import { inLists, inOrder } from '../../../shared/client/in-order.ts'

/** Things that end when the test says so. */
function createRuns() {
  const ends = new Map<number, PromiseWithResolvers<string>>()
  const run = (each: number): Promise<string> => {
    const end = Promise.withResolvers<string>()
    ends.set(each, end)
    return end.promise
  }
  const end = async (each: number): Promise<void> => {
    ends.get(each)?.resolve(`${each}`)
    for (let i = 0; i < 3; i++) await turn()
  }
  return { run, end, ends, started: () => [...ends.keys()] }
}
const turns = async (): Promise<void> => {
  for (let i = 0; i < 3; i++) await turn()
}

t.test('runs at most so many at once, and gives results in the order of the source', async (t) => {
  const { run, end, started } = createRuns()
  const results: string[] = []
  const reading = (async () => {
    for await (const each of inOrder([1, 2, 3], { atOnce: 2, ahead: 9 }, run)) results.push(each)
  })()
  await turns()
  t.same(started(), [1, 2])
  await end(2)
  t.same(started(), [1, 2, 3])
  t.same(results, [], 'the first has not ended')
  await end(1)
  t.same(results, ['1', '2'])
  await end(3)
  await reading
  t.same(results, ['1', '2', '3'])
})

t.test('starts no more than so many ahead of the oldest that has not ended', async (t) => {
  const { run, end, started } = createRuns()
  const reading = Array.fromAsync(inOrder([1, 2, 3, 4], { atOnce: 9, ahead: 2 }, run))
  await turns()
  t.same(started(), [1, 2])
  await end(2)
  t.same(started(), [1, 2], 'an end out of order gives no room')
  await end(1)
  t.same(started(), [1, 2, 3, 4])
  await end(3)
  await end(4)
  t.same(await reading, ['1', '2', '3', '4'])
})

t.test('gives nothing for nothing', async (t) => {
  t.same(await Array.fromAsync(inOrder([], { atOnce: 1, ahead: 1 }, async () => 1)), [])
})

t.test('throws what a run throws, in its turn, and starts no more', async (t) => {
  const { run, end, ends, started } = createRuns()
  const results: string[] = []
  const reading = (async () => {
    for await (const each of inOrder([1, 2, 3], { atOnce: 2, ahead: 9 }, run)) results.push(each)
  })()
  reading.catch(() => {})
  await turns()
  const error = new Error('of 2')
  ends.get(2)?.reject(error)
  await turns()
  await end(1)
  await end(3)
  await t.rejects(reading, error)
  t.same(results, ['1'])
  t.same(started(), [1, 2, 3])
})

t.test('throws what the source throws, after the results of what came before', async (t) => {
  async function* source() {
    yield 1
    throw new Error('of the source')
  }
  const results: number[] = []
  const reading = async () => {
    const all = inOrder(source(), { atOnce: 1, ahead: 1 }, async (each) => each)
    for await (const each of all) results.push(each)
  }
  await t.rejects(reading(), /of the source/)
  t.same(results, [1])
})

t.test('reads no more of the source when its reader stops', async (t) => {
  let read = 0
  let closed = false
  function* source() {
    try {
      for (;;) yield ++read
    } finally {
      closed = true
    }
  }
  for await (const each of inOrder(source(), { atOnce: 2, ahead: 3 }, async (each) => each)) {
    if (each === 2) break
  }
  const before = read
  await turns()
  t.equal(read, before)
  t.ok(closed)
})

t.test('cuts a source into lists, each closed when the next item does not fit', async (t) => {
  const isFull = (list: number[], next: number): boolean => list.length + next > 3
  t.same(await Array.fromAsync(inLists([1, 1, 2, 9, 1], isFull)), [[1, 1], [2], [9, 1]])
  t.same(await Array.fromAsync(inLists([], isFull)), [])
})
