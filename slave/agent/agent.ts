// The slave's shell around its core: wires the core to the link, the executors and the outbox. It never
// computes.

import type { Clock } from '../../shared/data/clock.ts'
import type { Random } from '../../shared/data/random.ts'
import type { Logger } from '../../shared/process/log.ts'
import type {
  AttemptsReply,
  Availability,
  Callback,
  HeldAttempt,
  Offer,
  OffersReply,
  OffersRequest,
  PollReply,
  SlaveState,
} from '../../shared/protocol/wire.ts'
import type { Effect, SlaveCoreSettings } from '../core/core.ts'
import { createSlaveCore } from '../core/core.ts'
import { createSlaveFigures } from '../core/measurements.ts'
import type { Executors, RunEnded } from '../executor/executors.ts'
import type { Delivery } from '../files/delivery.ts'
import type { Partitions } from '../files/partitions.ts'
import type { Link } from '../link/link.ts'
import { createOutbox } from '../link/outbox.ts'
import type { OutboxStore } from '../link/outbox-store.ts'
import { createHindrances } from './hindrances.ts'
import { createReports } from './reports.ts'
import { createRuns } from './runs.ts'
import { createTurns } from './turns.ts'

export type Agent = ReturnType<typeof createAgent>

type AgentOptions = Omit<SlaveCoreSettings, 'kept' | 'pull'> & {
  /** Where masters reach this slave. */
  url: () => string
  /** The URL of the master that it reports to. */
  master: string
  pull: boolean
  link: Link
  clock: Clock
  random: Random
  store: OutboxStore
  /** What the store has of an earlier run of this slave. */
  kept: readonly Callback[]
  executors: (
    onEnded: (ended: RunEnded[]) => void,
    /** Whether they can be expected to compute. */
    onAble: (able: boolean) => void,
  ) => Executors<Offer>
  /** The files of runs that are kept for peers, and those on their way to the master; null where none has files. */
  partitions: Pick<Partitions, 'jobs' | 'drop'> | null
  delivery: Pick<Delivery, 'unfinished' | 'finish' | 'settled'> | null
  /** What this slave cannot do of an offer whose kind it offers, in words for people; null: nothing. */
  unable?: (offer: Offer) => string | null
  log: Logger
}

export function createAgent(given: AgentOptions) {
  const { link, clock, log, unable = () => null } = given
  const outbox = createOutbox({
    ...given,
    state: () => core.state(),
    onAcknowledged(attempts) {
      void given.delivery?.settled(attempts)
      take({ is: 'acknowledged', attempts })
    },
    onTrouble: (reason) => hindrances.set('outbox', reason),
  })
  const unfinished = unfinishedOf(given)
  const core = createSlaveCore({ ...given, kept: [...given.kept, ...unfinished] })
  const turns = createTurns({ core, clock, perform })
  const { take } = turns
  const hindrances = createHindrances({ core, take })
  const figures = createSlaveFigures()
  const runs = createRuns({ figures, log })
  const reports = createReports({
    ...given,
    core,
    held,
    take,
    onPolled: takePolled,
    onReply: outbox.wake,
  })
  // A slave whose executors do not start would accept tasks and never run them.
  const executors = given.executors(takeEnded, (able) =>
    hindrances.set(
      'executors',
      able ? null : 'its executors do not start: see the log of the slave',
    ),
  )
  /** The answers of this turn. There are none once the agent is closed. */
  let reply: OffersReply | undefined
  let closed: Promise<void> | undefined

  return {
    /** Registers with the master, then sends heartbeats. */
    start(): void {
      turns.tick()
      for (const { attempt } of unfinished) void finish(attempt)
    },

    /** Takes or refuses each offer in one step. Offers to another boot are all refused. */
    offer({ offers, boot = given.boot }: OffersRequest): OffersReply {
      runs.hold(offers)
      take({ is: 'offers', offers: offers.map(headOf), boot })
      runs.release()
      const answered = reply ?? { state: core.state(), answers: [] }
      reply = undefined
      return answered
    },

    /** Whether it would take a task now. Changes nothing. */
    availability(): Availability {
      const state = core.state()
      const available = state.mode === 'accepting' && state.free > 0
      const message = available ? 'I am available.' : 'I am not available.'
      return { available, message, ...state }
    },

    /** Who it is and what it holds. */
    attempts(): AttemptsReply {
      take({ is: 'visited' })
      const master = core.master === undefined ? {} : { master: core.master }
      const reportsTo = [{ url: withoutSecrets(given.master), ...master }]
      return { card: core.card(), state: core.state(), attempts: held(), reportsTo }
    },

    /** Drops these attempts, and never takes them. */
    revoke(attempts: string[]): SlaveState {
      take({ is: 'revoke', attempts })
      return core.state()
    },

    figures,
    /** How many outcomes the master has not acknowledged. */
    unacknowledged: (): number => core.endedCount,

    /** Takes no new tasks if its data folder is gone, until it is started again. */
    async lookAtFolder(): Promise<void> {
      const gone = closed ? null : await outbox.look()
      if (gone === null) return
      log.error({ reason: gone }, 'the data folder is gone: new tasks are refused')
      hindrances.set('folder', `${gone} while the slave ran: restart this slave`)
    },

    /** Takes nothing new; resolves when nothing runs and every outcome is acknowledged. */
    drain(reason: string): Promise<void> {
      take({ is: 'mode', mode: 'draining', reason })
      return turns.idle()
    },

    /** Tells the master that it leaves. Resolves also when the master does not answer. */
    leave: reports.leave,

    /** Kills what runs; what is not acknowledged stays on disk. Idempotent. */
    close: (): Promise<void> => (closed ??= close()),
  }

  /** The core hears of the payload only whether this slave is able to run it. */
  function headOf(offer: Offer) {
    const reason = unable(offer)
    return reason === null ? offer : { ...offer, unable: reason }
  }

  function perform(effect: Effect): void {
    switch (effect.do) {
      case 'answer-offers':
        reply = effect.reply
        return runs.refused(effect.reply)
      case 'run':
        return executors.run(runs.begin(effect.attempt))
      case 'kill':
        runs.revoked(effect.attempt)
        return executors.kill(effect.attempt)
      case 'register':
        return reports.register()
      case 'beat':
        return reports.beat()
      case 'poll':
        return reports.poll(effect.state, effect.waitMs)
    }
  }

  function takePolled({ offers, revoke }: PollReply): void {
    runs.hold(offers)
    take({ is: 'polled', offers, revoke })
    runs.release()
  }

  function takeEnded(ended: RunEnded[]): void {
    const callbacks = runs.end(ended)
    take({ is: 'ended', attempts: callbacks.map(({ attempt }) => attempt) })
    outbox.add(callbacks)
  }

  /** Delivers what an earlier run of the slave did not: its files first. */
  async function finish(attempt: string): Promise<void> {
    const callback = await given.delivery?.finish(attempt).catch(() => null)
    if (callback && !closed) outbox.add([callback])
  }

  /** What it holds. The run limit of an attempt that waits for an executor has not started. */
  function held(): HeldAttempt[] {
    return core
      .held()
      .map((each) =>
        each.status === 'running' && executors.waits(each.attempt)
          ? { ...each, status: 'waiting' as const }
          : each,
      )
  }

  async function close(): Promise<void> {
    turns.close()
    await Promise.all([outbox.close(), executors.close(), link.close()])
  }
}

/** Outcomes whose files an earlier run of the slave did not deliver. */
function unfinishedOf({ kept, delivery }: Pick<AgentOptions, 'kept' | 'delivery'>): Callback[] {
  const inOutbox = new Set(kept.map(({ attempt }) => attempt))
  return delivery?.unfinished().filter(({ attempt }) => !inOutbox.has(attempt)) ?? []
}

/** A URL without its user, password, query and fragment. */
function withoutSecrets(url: string): string {
  const { origin, pathname } = new URL(url)
  return pathname === '/' ? origin : origin + pathname
}
