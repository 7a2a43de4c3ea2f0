// A master's core with many slaves of one slot that answer at once, for the benchmarks of its decisions.

import type { Effect, Input } from '../../../master/core/messages.ts'
import { createAttemptIds } from '../../../master/dispatch/attempt-ids.ts'
import type { Monotonic } from '../../../shared/data/clock.ts'
import { wallTime } from '../../../shared/data/clock.ts'
import type { SlaveState } from '../../../shared/protocol/wire.ts'
import { instant } from '../../instants.ts'
import { aToken, createTestCore } from '../../master/stepping.ts'

const HOUR_MS = 3_600_000

export type Offer = Effect & { do: 'offer' }
export type Fleet = ReturnType<typeof createFleet>

/** A core with so many free slaves, all of which answer at once. `tagsOf`: by the number of a slave. */
export function createFleet(slaves: number, tagsOf: (i: number) => string[] = () => []) {
  const core = createTestCore(
    { heartbeatMs: HOUR_MS, askTimeoutMs: HOUR_MS, waitingTasksMax: 1_000_000 },
    { ids: createAttemptIds('secret') },
  )
  const generations = new Map<string, number>()
  let now = 0
  let tasks = 0
  const step = (input: Input) => core.step(input, instant(now), wallTime(now))
  const names = Array.from({ length: slaves }, (_, i) => `slave-${i + 1}`)
  step({ is: 'restore', tasks: [], slaves: names.map((name, position) => stored(name, position)) })
  for (const [i, name] of names.entries()) {
    const about = { version: '1', kinds: ['k'], tags: tagsOf(i), slots: 1 }
    const card = { name, boot: `boot-${name}`, ...about }
    const said = { card, state: stateOf(name, 1), attempts: [] }
    step({ is: 'visited', name, url: `http://${name}`, said, token: null })
  }

  return {
    core,
    /** A task that is offered and taken. */
    submit(tag?: string): Offer {
      const offer = submitted(tag).find((effect) => effect.do === 'offer')
      if (offer === undefined) throw new Error('the task was not offered')
      const { slave, attempt } = offer
      const answers = [{ attempt, answer: 'taken' as const, reason: '' }]
      step({ is: 'answers', slave, state: stateOf(slave, 0), answers })
      return offer
    },

    end({ slave, attempt, task }: Offer): void {
      const outcome = { status: 'done' as const, result: 1 }
      const callbacks = [{ attempt, task: task.id, outcome, ranMs: 1 }]
      step({ is: 'callbacks', state: stateOf(slave, 1), callbacks, token: aToken() })
    },

    /** A task that waits for a slave with this tag. */
    queued(tag: string): void {
      const effects = submitted(tag, instant(now + HOUR_MS))
      if (effects.some(({ do: what }) => what === 'offer' || what === 'refuse')) {
        throw new Error('not queued')
      }
    },

    /** Of a busy slave: nothing has changed. */
    beat(slave: string): void {
      const state = { ...stateOf(slave, 0), generation: generations.get(slave) ?? 0 }
      step({ is: 'heartbeat', heartbeat: { state, attempts: [] }, token: aToken() })
    },

    refused(): void {
      if (!submitted().some((effect) => effect.do === 'refuse')) throw new Error('not refused')
    },
  }

  function submitted(tag?: string, waitUntil: Monotonic | null = null): Effect[] {
    now += 0.1
    const id = `task-${++tasks}`
    const limits = { queue: waitUntil !== null, waitUntil, expiresAt: null, runLimitMs: 1_000 }
    const needs = tag === undefined ? [] : [{ is: 'tag' as const, name: tag }]
    const terms = tag === undefined ? null : { needs, attemptsMax: null, retryOn: [] }
    const task = { id, kind: 'k', priority: 0, createdAt: wallTime(now), terms, ...limits }
    return step({ is: 'submit', task })
  }

  function stateOf(slave: string, free: number): SlaveState {
    const generation = (generations.get(slave) ?? 0) + 1
    generations.set(slave, generation)
    const mode = 'accepting' as const
    return { slave, boot: `boot-${slave}`, generation, slots: 1, free, mode, reason: '' }
  }
}

function stored(name: string, position: number) {
  return { name, address: { by: 'http', url: `http://${name}` } as const, position, drained: false }
}
