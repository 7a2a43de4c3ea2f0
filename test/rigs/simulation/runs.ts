// What the executors of simulated slaves give: how the run of each task ends there, and when.

import type { Offer, Outcome } from '../../../shared/protocol/wire.ts'
import type { Plan, PlannedTask } from './plan.ts'
import type { Compute } from './slave-process.ts'
import type { Skills } from './terms.ts'
import { askOf, isAbsent, outputFilesOf } from './terms.ts'

/** A poison task crashes its executor within this, a killer its slave. In milliseconds. */
const POISON_MS_MAX = 50
const KILLER_MS_MAX = 100

export function createRuns(given: {
  plan: Plan
  /** After so many milliseconds. */
  crashSlave: (slave: number, afterMs: number) => void
  /** How an attempt will end on a slave that lives. */
  onEnd: (attempt: string, outcome: Outcome) => void
}) {
  const { plan } = given
  const asks = plan.tasks.map(askOf)
  /** Runs of each task so far. */
  const counts = plan.tasks.map(() => 0)

  return {
    /** Why a slave with these skills cannot run the offer, in words for people; null when it can. */
    unable: ({ input }: Offer, skills: Skills): string | null =>
      isAbsent(skills, asks[numberOf(input)]?.terms ?? null) ? 'it is not installed here' : null,

    compute(offer: Offer, slave: number, skills: Skills): ReturnType<Compute> {
      const number = numberOf(offer.input)
      const task = plan.tasks[number] as PlannedTask
      const isMissing = isAbsent(skills, asks[number]?.terms ?? null)
      const made: ReturnType<Compute> = isMissing
        ? { outcome: failed('program-missing'), ranMs: 0 }
        : run(task, slave)
      given.onEnd(offer.attempt, made.outcome)
      return made
    },
  }

  function run(task: PlannedTask, slave: number): ReturnType<Compute> {
    const { number, nature, ms } = task
    const ranMs = ms / (plan.slaves[slave]?.speed ?? 1)
    const done: Outcome = {
      status: 'done',
      result: { value: number ** 3 - number },
      ...outputFilesOf(task),
    }
    switch (nature) {
      case 'endless':
        return { outcome: done, ranMs: Number.POSITIVE_INFINITY }
      case 'poison':
        return { outcome: failed('executor-crashed'), ranMs: Math.min(ranMs, POISON_MS_MAX) }
      case 'fails':
        return { outcome: failed('evaluation'), ranMs }
      case 'killer':
        given.crashSlave(slave, Math.min(ranMs, KILLER_MS_MAX))
        return { outcome: done, ranMs: ranMs + 2 * KILLER_MS_MAX }
      default:
        return { outcome: endOf(task) ?? done, ranMs }
    }
  }

  /** How its program ends; null: well. */
  function endOf({ number, terms }: PlannedTask): Outcome | null {
    const ends = terms?.ends ?? null
    if (ends === null) return null
    if (ends.is === 'no output') return failed('missing-output')
    counts[number] = (counts[number] ?? 0) + 1
    if (counts[number] > ends.runs) return null
    return { ...failed('exit-code'), exitCode: ends.code, signal: null, result: { value: null } }
  }
}

type Failed = Outcome & { status: 'failed' }
const failed = (type: Failed['type']): Failed => ({ status: 'failed', type, message: 'as planned' })

const numberOf = (input: unknown): number => (input as { number: number }).number
