// A master's core with slaves that say what a test lets them say, and a clock that the test moves.

import type { CoreSettings } from '../../master/core/context.ts'
import type { Effect, Input } from '../../master/core/messages.ts'
import type { NewTask } from '../../master/core/state.ts'
import { wallTime } from '../../shared/data/clock.ts'
import type {
  Answer,
  HeldAttempt,
  Outcome,
  SlaveCard,
  SlaveState,
} from '../../shared/protocol/wire.ts'
import type { Token } from './stepping.ts'
import { aToken, createTestCore, stepSaved } from './stepping.ts'

export const HEARTBEAT_MS = 1000
export const ASK_TIMEOUT_MS = 500
export const WAIT_LIMIT_MS = 60_000

export type Offered = Effect & { do: 'offer' }

/** Times start at `now`. Heartbeats and questions take as long as the constants say, waits a minute. */
export function world(more: Partial<CoreSettings> = {}, now = 0) {
  let tasks = 0
  let effects: Effect[] = []
  const core = createTestCore({
    heartbeatMs: HEARTBEAT_MS,
    askTimeoutMs: ASK_TIMEOUT_MS,
    waitLimitMs: WAIT_LIMIT_MS,
    ...more,
  })
  const slaves = new Map<string, SlaveState>()
  const cards = new Map<string, Partial<SlaveCard>>()

  function step(input: Input): Effect[] {
    effects = stepSaved(core, input, here.now)
    return effects
  }

  const here = {
    core,
    now,
    step,
    /** The effects of the last step, of one sort. */
    last: <D extends Effect['do']>(what: D) =>
      effects.filter((effect): effect is Effect & { do: D } => effect.do === what),
    state: (name: string): SlaveState => slaves.get(name) as SlaveState,
    /** What the master knows of it. */
    slave: (name: string) => {
      const slave = core.view.registry.byName.get(name)
      if (!slave) throw new Error(`no slave ${name}`)
      return slave
    },
    task: (id: string) => core.view.live.get(id),

    /** What is unusual about the card of a slave that will be started. */
    card: (name: string, more: Partial<SlaveCard>) => void cards.set(name, more),

    /** A slave is started, and registers. */
    start(name: string, slots = 1, boot = 'boot-1', held: HeldAttempt[] = []): Effect[] {
      const free = slots - held.filter(({ status }) => status !== 'ended').length
      const mode = 'accepting' as const
      slaves.set(name, { slave: name, boot, generation: 0, slots, free, mode, reason: '' })
      return here.visit(name, held, aToken())
    },

    visit(name: string, attempts: HeldAttempt[], token: Token | null = null): Effect[] {
      const state = here.state(name)
      const { boot, slots } = state
      const usual = { name, boot, version: '1', kinds: ['work'], tags: [], slots }
      const card = { ...usual, ...cards.get(name) }
      const said = { card, state, attempts }
      return step({ is: 'visited', name, url: `http://${name}`, said, token })
    },

    /** What a slave says of itself changes. */
    change(name: string, more: Partial<SlaveState>): SlaveState {
      const before = here.state(name)
      const state = { ...before, generation: before.generation + 1, ...more }
      slaves.set(name, state)
      return state
    },

    submit(more: Partial<NewTask> = {}): string {
      const id = `task-${++tasks}`
      const createdAt = here.now
      const common = { kind: 'work', priority: 0, runLimitMs: 10_000, queue: false }
      const times = { createdAt: wallTime(createdAt), waitUntil: null, expiresAt: null }
      step({ is: 'submit', task: { id, ...common, ...times, ...more } })
      return id
    },

    /** The offer of the last step. */
    offered(): Offered {
      const [offer, ...others] = here.last('offer')
      if (!offer || others.length > 0) throw new Error(`${here.last('offer').length} offers`)
      return offer
    },

    answer({ slave, attempt }: Offered, answer: Answer, more: Partial<SlaveState> = {}): Effect[] {
      const free = here.state(slave).free - (answer === 'taken' ? 1 : 0)
      const changed = answer === 'taken' || Object.keys(more).length > 0
      const state = changed ? here.change(slave, { free, ...more }) : here.state(slave)
      return step({ is: 'answers', slave, state, answers: [{ attempt, answer, reason: answer }] })
    },

    /** Submits a task that the first slave takes; gives its offer. */
    running(more: Partial<NewTask> = {}): Offered {
      here.submit(more)
      const offer = here.offered()
      here.answer(offer, 'taken')
      return offer
    },

    callBack({ slave, attempt, task }: Offered, outcome: Outcome): Effect[] {
      const state = here.change(slave, { free: here.state(slave).free + 1 })
      const callbacks = [{ attempt, task: task.id, outcome, ranMs: 5 }]
      return step({ is: 'callbacks', state, callbacks, token: aToken() })
    },

    beat(
      name: string,
      attempts: HeldAttempt[] = [],
      state: SlaveState = here.state(name),
    ): Effect[] {
      return step({ is: 'heartbeat', heartbeat: { state, attempts }, token: aToken() })
    },

    silence({ slave, attempt }: Offered, delivered: boolean): Effect[] {
      const how = delivered ? 'silent' : 'undelivered'
      return step({ is: 'no-answer', slave, attempts: [attempt], how, reason: 'silent' })
    },

    /** Lets time pass, with a tick whenever the core wants one. */
    pass(ms: number): Effect[] {
      const until = here.now + ms
      const all: Effect[] = []
      while (core.deadline() <= until) {
        here.now = Math.max(here.now, core.deadline())
        all.push(...step({ is: 'tick', lateMs: 0 }))
      }
      here.now = until
      effects = all
      return all
    },
  }
  return here
}
