// What every store of an outbox must do; each one's test runs it.

import type { Test } from 'tap'
import { Raw } from '../../../shared/data/raw-json.ts'
import type { Callback } from '../../../shared/protocol/wire.ts'
import type { OutboxStore } from '../../../slave/link/outbox-store.ts'

/** `reopen` closes the store and opens it again on what it kept. */
export type Opened = { store: OutboxStore; reopen: () => Promise<OutboxStore> }

/** Makes an empty store; the test registers its teardown. */
export type Open = (t: Test) => Promise<Opened>

export const aCallback = (attempt: string, more: Partial<Callback> = {}): Callback => ({
  attempt,
  task: `task of ${attempt}`,
  outcome: { status: 'done', result: 1 },
  ranMs: 1,
  ...more,
})

const idsIn = async (store: OutboxStore) => (await store.load()).map(({ attempt }) => attempt)

export function outboxContract(t: Test, name: string, open: Open): void {
  void t.test(
    `${name}: keeps every field of an outcome, and a result as it was written`,
    async (t) => {
      const { store, reopen } = await open(t)
      t.same(await store.load(), [])
      const failed = { status: 'failed', type: 'evaluation', message: 'a "word"\n' } as const
      const files = [{ name: 'f', bytes: 1, sha256: 'a'.repeat(64) }]
      const done = { status: 'done', result: new Raw('[1.0, 1e400]'), files } as const
      await store.keep([
        aCallback('done', { outcome: done, traceparent: 'trace' }),
        aCallback('failed', { outcome: failed, ranMs: 0.25 }),
      ])
      const [first, second] = await (await reopen()).load()
      t.match(first, { attempt: 'done', task: 'task of done', ranMs: 1, traceparent: 'trace' })
      t.match(first?.outcome, { status: 'done', files })
      const result = first?.outcome.status === 'done' ? first.outcome.result : undefined
      t.ok(result instanceof Raw && result.text === '[1.0, 1e400]', 'numbers as they were written')
      t.strictSame(second, aCallback('failed', { outcome: failed, ranMs: 0.25 }))
    },
  )

  void t.test(`${name}: gives outcomes in the order in which they were kept`, async (t) => {
    const { store, reopen } = await open(t)
    await store.keep(['c', 'a'].map((attempt) => aCallback(attempt)))
    await store.keep([aCallback('b')])
    t.same(await idsIn(await reopen()), ['c', 'a', 'b'])
  })

  void t.test(`${name}: has one outcome of an attempt, the last one`, async (t) => {
    const { store, reopen } = await open(t)
    await store.keep([aCallback('a'), aCallback('b')])
    await store.keep([aCallback('a', { ranMs: 2 })])
    const kept = await (await reopen()).load()
    t.same(
      kept.map(({ attempt, ranMs }) => [attempt, ranMs]),
      [
        ['b', 1],
        ['a', 2],
      ],
    )
  })

  void t.test(`${name}: removes what is dropped, and nothing else`, async (t) => {
    const { store, reopen } = await open(t)
    await store.keep(['a', 'b', 'c'].map((attempt) => aCallback(attempt)))
    await store.drop(['a', 'never kept', 'c'])
    await store.drop([])
    const again = await reopen()
    t.same(await idsIn(again), ['b'])
    await again.drop(['b'])
    t.same(await idsIn(await reopen()), [])
  })

  void t.test(
    `${name}: calls take effect in their order, without waiting for each other`,
    async (t) => {
      const { store, reopen } = await open(t)
      const calls = [
        store.keep([aCallback('a')]),
        store.drop(['a']),
        store.keep([aCallback('b'), aCallback('c')]),
        store.drop(['c']),
        store.keep([aCallback('a')]),
      ]
      t.same(await idsIn(store), ['b', 'a'])
      await Promise.all(calls)
      t.same(await idsIn(await reopen()), ['b', 'a'])
    },
  )

  void t.test(`${name}: keeps as many outcomes as an outbox may have`, async (t) => {
    const { store, reopen } = await open(t)
    const many = Array.from({ length: 10_000 }, (_, i) => aCallback(`${i}`))
    await store.keep(many)
    t.equal((await (await reopen()).load()).length, many.length)
  })

  void t.test(`${name}: is not gone as long as nobody removes it, and closes twice`, async (t) => {
    const { store } = await open(t)
    await store.keep([aCallback('a')])
    t.equal(await store.gone(), null)
    await store.close()
    await store.close()
  })
}
