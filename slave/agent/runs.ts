// What the core does not know of an attempt: the offer while the core decides about it, and its task and
// trace while it runs. Counts and logs what happens to each attempt.

import { observe } from '../../shared/data/histogram.ts'
import type { Logger } from '../../shared/process/log.ts'
import { traceIdOf } from '../../shared/protocol/trace.ts'
import type { Answer, Callback, Offer, OffersReply, Outcome } from '../../shared/protocol/wire.ts'
import type { SlaveFigures } from '../core/measurements.ts'
import type { RunEnded } from '../executor/executors.ts'

/** `traceparent`: of the offer, if it had one. */
type Running = { task: string; traceparent?: string | undefined }

export function createRuns({ figures, log }: { figures: SlaveFigures; log: Logger }) {
  /** The offers of this turn, and which of them the core comes to next: it decides in their order. */
  let offered: readonly Offer[] = []
  let next = 0
  const running = new Map<string, Running>()
  /** Whether a line per attempt is wanted. Read once, because it is needed for each task. */
  const debug = log.isLevelEnabled('debug')

  return {
    /** Keeps the payloads of offers for the turn that decides about them. */
    hold(offers: readonly Offer[]): void {
      offered = offers
      next = 0
    },

    release(): void {
      offered = []
    },

    /** The core took an attempt: returns the offer to run. Throws when the offer is not held. */
    begin(attempt: string): Offer {
      const offer = find(attempt)
      if (!offer) throw new Error(`attempt ${attempt} was taken without an offer`)
      const { task, kind, traceparent } = offer
      running.set(attempt, { task, traceparent })
      count('taken')
      if (debug) log.debug({ ...about(attempt, offer), kind }, 'taken')
      return offer
    },

    refused({ answers }: OffersReply): void {
      for (const { attempt, answer, reason } of answers) {
        if (answer === 'taken') continue
        count(answer)
        if (!debug) continue
        const offer = offered.find((each) => each.attempt === attempt)
        log.debug({ ...about(attempt, offer), kind: offer?.kind, answer, reason }, 'refused')
      }
    },

    revoked(attempt: string): void {
      if (debug) log.debug(about(attempt, running.get(attempt)), 'revoked')
      running.delete(attempt)
    },

    /** Returns the callbacks of runs that ended. A run that was revoked has none. */
    end(ended: RunEnded[]): Callback[] {
      const callbacks: Callback[] = []
      for (const { attempt, outcome, ranMs } of ended) {
        const run = running.get(attempt)
        if (!run) continue
        running.delete(attempt)
        figures.ended[outcome.status]++
        observe(figures.runMs, ranMs)
        if (debug) log.debug({ ...about(attempt, run), ...endOf(outcome), ranMs }, 'ended')
        const { task, traceparent } = run
        const callback = { attempt, task, outcome, ranMs }
        callbacks.push(traceparent ? { ...callback, traceparent } : callback)
      }
      return callbacks
    },
  }

  function find(attempt: string): Offer | undefined {
    while (next < offered.length) {
      const offer = offered[next++] as Offer
      if (offer.attempt === attempt) return offer
    }
    return undefined
  }

  function count(answer: Answer): void {
    figures.answers[answer] = (figures.answers[answer] ?? 0) + 1
  }
}

/** What each log line about an attempt has. */
function about(attempt: string, known: Running | undefined) {
  const { task = '', traceparent } = known ?? {}
  return { task, attempt, traceId: traceIdOf(task, traceparent) }
}

const endOf = (outcome: Outcome) =>
  outcome.status === 'done' ? { status: 'done' } : { status: 'failed', type: outcome.type }
