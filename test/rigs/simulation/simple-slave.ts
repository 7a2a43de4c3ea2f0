// A simple slave of a simulated world, as somebody would write it in ten lines: it polls, computes and
// submits, one task at a time; it neither registers nor beats, and keeps nothing on disk. A careless
// one submits once, whatever comes of it, knows no run limit, and goes away for a while when a task
// does not end. A nameless one, as in the seed, names neither itself nor its attempts: each poll may
// make it another slave for the master.

import type { Submitted } from '../../../master/core/messages.ts'
import { later } from '../../../shared/data/clock.ts'
import type { Random } from '../../../shared/data/random.ts'
import type {
  AttemptsReply,
  CallbacksRequest,
  Offer,
  Outcome,
} from '../../../shared/protocol/wire.ts'
import type { Life, SimulatedClock } from './clock.ts'
import type { Directory, SlaveProcess } from './directory.ts'
import type { Network } from './network.ts'
import type { Polling } from './polling.ts'
import type { Compute } from './slave-process.ts'
import { askMaster } from './to-master.ts'

const POLL_MS = 2_000
const REST_MS = 300
/** How much longer than it may a task runs that has no end, where nobody minds. */
const OVERDUE_FACTOR = 20
const AWAY_MS = 60_000

export function startSimpleSlaveProcess(given: {
  clock: SimulatedClock
  network: Network
  directory: Directory
  random: Random
  polling: Polling
  name: string
  url: string
  boot: string
  kinds: string[]
  requestTimeoutMs: number
  compute: Compute
  /** Of a nameless one with the name by which the master knows it. */
  onBegin?: (offer: Offer, as: string) => void
  onRunning?: (running: number) => void
  onSubmitted?: (request: CallbacksRequest, acknowledged: string[] | null) => void
}): SlaveProcess {
  const { random, name, kinds } = given
  const life: Life = { alive: true, pausedUntil: 0 }
  const asker = { ...given, life, timeoutMs: given.requestTimeoutMs }
  const clock = given.clock.of(life)
  const careless = random.next() < 0.3
  const nameless = random.next() < 0.3
  let wentAway = false
  let has: { offer: Offer; status: 'running' | 'ended' } | null = null
  clock.soon(poll)
  return { life, agent: { attempts }, boot: given.boot, name, hangUp: given.polling.hangUpAll }

  function attempts(): AttemptsReply {
    const head = { boot: given.boot, slots: 1 }
    const card = { name, ...head, version: 'simple', kinds, tags: [] }
    const free = has ? 0 : 1
    const rest = { generation: 0, free, mode: 'accepting', reason: '' } as const
    const held = has && { attempt: has.offer.attempt, task: has.offer.task, status: has.status }
    return { card, state: { slave: name, ...head, ...rest }, attempts: held ? [held] : [] }
  }

  function poll(): void {
    given.polling.poll(
      life,
      { simple: true, slave: nameless ? null : name, kinds },
      POLL_MS,
      (error, reply) => {
        const [offer] = reply?.offers ?? []
        if (offer) run(offer, reply?.slave ?? name)
        else clock.at(later(clock.now(), error ? REST_MS : 0), poll)
      },
    )
  }

  function run(offer: Offer, as: string): void {
    has = { offer, status: 'running' }
    const { runLimitMs } = offer
    given.onRunning?.(1)
    given.onBegin?.(offer, as)
    const { outcome, ranMs } = given.compute(offer)
    if (careless && !wentAway && ranMs === Number.POSITIVE_INFINITY) return goAway()
    const mostMs = careless ? OVERDUE_FACTOR * runLimitMs : runLimitMs
    const ended = ranMs <= mostMs ? outcome : OVER_LIMIT
    clock.at(later(clock.now(), Math.min(ranMs, mostMs)), () => submit(offer, ended, ranMs))
  }

  function goAway(): void {
    wentAway = true
    has = null
    clock.at(later(clock.now(), AWAY_MS), poll)
  }

  function submit(offer: Offer, outcome: Outcome, ranMs: number): void {
    has = { offer, status: 'ended' }
    const { attempt, task } = offer
    const said: Submitted = nameless
      ? { by: 'task', slave: null, task, outcome }
      : { by: 'attempt', slave: name, attempt, outcome, ...(careless ? {} : { task }) }
    askMaster(
      asker,
      (master) => master.submitted(said),
      (error) => {
        const { state } = attempts()
        const request = {
          state,
          callbacks: [{ attempt, task, outcome, ranMs: Math.min(ranMs, 1e9) }],
        }
        given.onSubmitted?.(request, error ? null : [attempt])
        // A task that it has no more is not asked for again.
        if (error && !careless && error.status !== 404)
          return clock.at(later(clock.now(), REST_MS), () => submit(offer, outcome, ranMs))
        has = null
        poll()
      },
    )
  }
}

const OVER_LIMIT: Outcome = { status: 'failed', type: 'time-limit', message: 'over its limit' }
