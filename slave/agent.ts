// The slave's shell around its core: it hands inputs to the core and does what comes out - run,
// kill, beat, register - and keeps the payloads that the core does not know. It never computes.

import type { Clock } from '../shared/data/clock.ts'
import { NEVER } from '../shared/data/clock.ts'
import { observe } from '../shared/data/histogram.ts'
import type { Random } from '../shared/data/random.ts'
import type { Logger } from '../shared/process/log.ts'
import { traceIdOf } from '../shared/protocol/trace.ts'
import type {
  Answer,
  AttemptsReply,
  Availability,
  Callback,
  HeldAttempt,
  Offer,
  OffersReply,
  OffersRequest,
  Outcome,
  PollReply,
  Registration,
  RegistrationReply,
  SlaveState,
} from '../shared/protocol/wire.ts'
import type { Effect, Input } from './core/core.ts'
import { createSlaveCore } from './core/core.ts'
import { createSlaveFigures } from './core/measurements.ts'
import type { Executors, RunEnded } from './executor/executors.ts'
import type { Workroom } from './files/run-files.ts'
import type { Link } from './link/link.ts'
import type { OutboxDisk } from './link/outbox.ts'
import { createOutbox } from './link/outbox.ts'

type Running = { task: string; traceparent: string | undefined }

export type Agent = ReturnType<typeof createAgent>

export function createAgent(given: {
  name: string
  boot: string
  version: string
  /** Where masters reach this slave. */
  url: () => string
  /** The URL of the master that it reports to. */
  master: string
  /** It fetches its tasks: masters need not reach it. */
  pull: boolean
  slots: number
  kinds: string[]
  tags: string[]
  outboxMax: number
  link: Link
  clock: Clock
  random: Random
  disk: OutboxDisk | null
  executors: (
    onEnded: (ended: RunEnded[]) => void,
    /** Whether they can be expected to compute. */
    onAble: (able: boolean) => void,
  ) => Executors<Offer>
  /** Keeps what runs gave for peers; null where no run gives files. */
  workroom: Workroom | null
  log: Logger
}) {
  const { link, clock, log, workroom } = given
  /** What runs: its task, and the trace that came with the offer, if one did. */
  const tasks = new Map<string, Running>()
  const offered = new Map<string, Offer>()
  /** Why it takes nothing, by what is the matter. */
  const hindrances = new Map<'executors' | 'outbox' | 'folder', string>()
  const executors = given.executors(takeEnded, takeAble)
  const outbox = createOutbox({
    ...given,
    state: () => core.state(),
    onAcknowledged: (attempts) => take({ is: 'acknowledged', attempts }),
    onTrouble: (reason) => hinder('outbox', reason),
  })
  const core = createSlaveCore({ ...given, kept: outbox.restore() })
  /** A line for every attempt is wanted. Asked once: it is asked per task. */
  const chatty = log.isLevelEnabled('debug')
  const figures = createSlaveFigures()
  let callOff = (): void => {}
  let armedFor = NEVER
  let closed = false
  /** Whoever leaves says nothing more of itself: its next poll would register it again. */
  let leaving = false
  let quiet: (() => void)[] = []
  let answer: OffersReply | undefined

  return {
    /** Registers with the master, and begins to beat. */
    start: (): void => tick(),

    /** Takes or refuses each offer, in one step. Offers to another boot are all refused. */
    offer({ offers, boot = given.boot }: OffersRequest): OffersReply {
      for (const offer of offers) offered.set(offer.attempt, offer)
      take({ is: 'offers', offers, boot, token: null })
      for (const { attempt } of offers) offered.delete(attempt)
      return answer as OffersReply
    },

    /** "Are you available?" Changes nothing. */
    availability(): Availability {
      const state = core.state()
      const available = state.mode === 'accepting' && state.free > 0
      const message = available ? 'I am available.' : 'I am not available.'
      return { available, message, ...state }
    },

    /** Looks whether its data folder is still there: else it takes nothing more until it is started again. */
    lookAtFolder(): void {
      const gone = closed ? null : outbox.look()
      if (gone === null) return
      log.error({ reason: gone }, 'the data folder is gone: nothing new is taken')
      hinder('folder', `${gone} while it ran: start this slave again`)
    },

    figures,
    /** How many outcomes the master has not acknowledged. */
    unacknowledged: (): number => core.endedCount,

    /** Who it is and what it holds. */
    attempts(): AttemptsReply {
      take({ is: 'visited' })
      return {
        card: core.card(),
        state: core.state(),
        attempts: held(),
        reportsTo: [
          {
            url: withoutSecrets(given.master),
            ...(core.master === undefined ? {} : { master: core.master }),
          },
        ],
      }
    },

    /** Drops these attempts, and never takes them. */
    revoke(attempts: string[]): SlaveState {
      take({ is: 'revoke', attempts })
      return core.state()
    },

    /** Takes nothing new; resolves when nothing runs and every outcome is acknowledged. */
    drain(reason: string): Promise<void> {
      take({ is: 'mode', mode: 'draining', reason })
      return new Promise((resolve) => {
        quiet.push(resolve)
        settleQuiet()
      })
    },

    /** Says goodbye to the master. Resolves also when the master does not answer. */
    leave(): Promise<void> {
      leaving = true
      return new Promise((resolve) => link.leave(given.name, given.boot, () => resolve()))
    },

    /** Kills what runs; what is not acknowledged stays on disk. Idempotent. */
    async close(): Promise<void> {
      if (closed) return
      closed = true
      callOff()
      outbox.keepAll()
      outbox.close()
      given.disk?.close()
      await Promise.all([executors.close(), link.close()])
    },
  }

  function take(input: Input): void {
    if (closed) return
    for (const effect of core.step(input, clock.now())) perform(effect)
    arm()
    settleQuiet()
  }

  function perform(effect: Effect): void {
    switch (effect.do) {
      case 'answer-offers':
        answer = effect.reply
        for (const { answer } of effect.reply.answers) if (answer !== 'taken') count(answer)
        if (chatty) noteRefusals(effect.reply)
        return
      case 'run': {
        const offer = offered.get(effect.attempt) as Offer
        const { attempt, task, kind, traceparent } = offer
        tasks.set(attempt, { task, traceparent })
        count('taken')
        if (chatty) log.debug({ task, attempt, ...traceIn(task, traceparent), kind }, 'taken')
        return executors.run(offer)
      }
      case 'kill':
        if (chatty) log.debug({ ...about(effect.attempt) }, 'called back')
        tasks.delete(effect.attempt)
        return executors.kill(effect.attempt)
      case 'register':
        return leaving ? undefined : register()
      case 'beat':
        return leaving ? undefined : beat()
      case 'poll':
        return leaving ? undefined : poll(effect.state, effect.waitMs)
    }
  }

  function takeEnded(ended: RunEnded[]): void {
    const known = ended.filter(({ attempt }) => tasks.has(attempt))
    const callbacks = known.map(({ attempt, outcome, ranMs }): Callback => {
      const { task, traceparent } = tasks.get(attempt) as Running
      figures.ended[outcome.status]++
      observe(figures.runMs, ranMs)
      if (chatty) log.debug({ ...about(attempt), ...endOf(outcome), ranMs }, 'ended')
      return { attempt, task, outcome, ranMs, ...(traceparent ? { traceparent } : {}) }
    })
    for (const { attempt } of known) tasks.delete(attempt)
    take({ is: 'ended', attempts: known.map(({ attempt }) => attempt) })
    outbox.add(callbacks)
  }

  /** A slave whose executors do not start would take tasks and let them lie. */
  function takeAble(able: boolean): void {
    hinder('executors', able ? null : 'its executors do not start: see its log')
  }

  function hinder(what: 'executors' | 'outbox' | 'folder', reason: string | null): void {
    if (reason === null) hindrances.delete(what)
    else hindrances.set(what, reason)
    if (core.state().mode === 'draining') return
    const [first] = hindrances.values()
    if (first === undefined) take({ is: 'mode', mode: 'accepting', reason: '' })
    else take({ is: 'mode', mode: 'unwilling', reason: first })
  }

  /** Why it took which offers not. */
  function noteRefusals({ answers }: OffersReply): void {
    for (const { attempt, answer, reason } of answers) {
      if (answer === 'taken') continue
      const { task = '', kind, traceparent } = offered.get(attempt) ?? {}
      log.debug({ task, attempt, ...traceIn(task, traceparent), kind, answer, reason }, 'refused')
    }
  }

  function count(answer: Answer): void {
    figures.answers[answer] = (figures.answers[answer] ?? 0) + 1
  }

  /** What a log line about an attempt carries. */
  function about(attempt: string) {
    const { task = '', traceparent } = tasks.get(attempt) ?? {}
    return { task, attempt, ...traceIn(task, traceparent) }
  }

  function register(): void {
    const where = given.pull ? { pull: true as const } : { url: given.url() }
    const registration: Registration = { ...core.card(), ...where }
    link.register(registration, (error, reply) => {
      if (error) {
        log.warn({ reason: error.message }, 'not registered yet')
        return take({ is: 'not-registered' })
      }
      log.info(where, 'registered with the master')
      outbox.wake()
      take({ is: 'registered', ...(reply as RegistrationReply) })
    })
  }

  /** What it has. Limits begin when an executor has a run: in the line they do not. */
  function held(): HeldAttempt[] {
    return core
      .held()
      .map((each) =>
        each.status === 'running' && executors.waits(each.attempt)
          ? { ...each, status: 'waiting' as const }
          : each,
      )
  }

  function beat(): void {
    const jobs = workroom?.jobs() ?? []
    const more = jobs.length > 0 ? { jobs } : {}
    link.beat({ state: core.state(), attempts: held(), ...more }, (error, reply) => {
      if (error || !reply) {
        log.warn({ reason: error?.message }, 'the master did not answer a heartbeat')
        return take({ is: 'beat-failed' })
      }
      outbox.wake()
      if (reply.endedJobs) void workroom?.drop(reply.endedJobs)
      take({ is: 'beat-answered', reply })
    })
  }

  function poll(state: SlaveState, waitMs: number): void {
    link.poll(state, waitMs, (error, reply) => {
      if (error || !reply) {
        const { message: reason, delivered = true, status } = error ?? {}
        if (delivered) log.warn({ reason }, 'a poll had no answer')
        return take({ is: 'poll-failed', delivered, unknown: status === 404 })
      }
      outbox.wake()
      takePolled(reply)
    })
  }

  function takePolled({ offers, revoke }: PollReply): void {
    for (const offer of offers) offered.set(offer.attempt, offer)
    take({ is: 'polled', offers, revoke })
    for (const { attempt } of offers) offered.delete(attempt)
  }

  /** Keeps one timer, set to when the core wants to be woken. */
  function arm(): void {
    const at = core.deadline()
    if (closed || at === armedFor) return
    callOff()
    armedFor = at
    callOff = at === NEVER ? () => {} : clock.at(at, tick)
  }

  function tick(): void {
    armedFor = NEVER
    take({ is: 'tick' })
  }

  function settleQuiet(): void {
    if (quiet.length === 0 || core.runningCount > 0 || core.endedCount > 0) return
    const waiting = quiet
    quiet = []
    for (const resolve of waiting) resolve()
  }
}

/** A URL as anybody may read it. */
function withoutSecrets(url: string): string {
  const { origin, pathname } = new URL(url)
  return pathname === '/' ? origin : origin + pathname
}

const traceIn = (task: string, traceparent?: string) => ({ traceId: traceIdOf(task, traceparent) })

const endOf = (outcome: Outcome) =>
  outcome.status === 'done' ? { status: 'done' } : { status: 'failed', type: outcome.type }
