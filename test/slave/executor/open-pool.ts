// A pool for a test: collects what ends, lets the test wait for it, and closes with the test.

import type { Test } from 'tap'
import './bare-children.ts'
import { plain } from '../../../shared/data/raw-json.ts'
import type { Outcome } from '../../../shared/protocol/wire.ts'
import type { RunEnded } from '../../../slave/executor/executors.ts'
import type { Pool } from '../../../slave/executor/pool.ts'
import { createPool } from '../../../slave/executor/pool.ts'
import type { PoolOptions } from '../../../slave/executor/pool-options.ts'
import { KIND_NAMES } from './fixtures/kinds.ts'

export const kindsModule = new URL('./fixtures/kinds.ts', import.meta.url)

/** Results come as text: a test compares what they stand for. */
function read({ outcome, ...end }: RunEnded): RunEnded {
  if (outcome.status !== 'done') return { ...end, outcome }
  return { ...end, outcome: { ...outcome, result: plain(outcome.result) } }
}

export function openPool(t: Test, options: Partial<PoolOptions> = {}) {
  const ended: RunEnded[] = []
  const lists: number[] = []
  const troubles: string[] = []
  const waiters = new Set<() => void>()
  let attempts = 0

  const changed = () => {
    for (const waiter of waiters) waiter()
  }

  const pool: Pool = createPool({
    size: 1,
    spares: 0,
    kinds: KIND_NAMES,
    kindsModule,
    ...options,
    onEnded(list) {
      ended.push(...list.map(read))
      lists.push(list.length)
      changed()
    },
    onTrouble(message) {
      troubles.push(message)
      changed()
    },
  })
  t.teardown(() => pool.close())

  /** Resolves when the fact holds; looked at whenever something ends, and every few milliseconds. */
  function until(fact: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const look = () => {
        if (!fact()) return
        waiters.delete(look)
        clearInterval(timer)
        resolve()
      }
      const timer = setInterval(look, 2)
      waiters.add(look)
      look()
    })
  }

  function run(kind: string, input: unknown = null, runLimitMs = 20_000): string {
    const attempt = `attempt-${++attempts}`
    pool.run({ attempt, kind, input, runLimitMs })
    return attempt
  }

  const find = (attempt: string) => ended.find((one) => one.attempt === attempt)

  async function outcome(attempt: string): Promise<Outcome> {
    await until(() => find(attempt) !== undefined)
    return find(attempt)!.outcome
  }

  return {
    pool,
    ended,
    lists,
    troubles,
    until,
    run,
    outcome,
    compute: (kind: string, input?: unknown, runLimitMs?: number) =>
      outcome(run(kind, input, runLimitMs)),
    pids: () => pool.state().executors.map(({ pid }) => pid),
    allReady: () => until(() => pool.state().executors.every(({ state }) => state === 'ready')),
    /** Makes a kind known as tiny, so that its runs are sent ahead. */
    learnTiny: async (kind: string, input: unknown) => {
      for (let round = 0; round < 50; round++) await outcome(run(kind, input))
    },
  }
}
