// How often a task is tried, and after which failures again: judged by the plan, by what slaves' runs came
// to, and by what the store holds.

import type { Outcome } from '../../../shared/protocol/wire.ts'
import type { Ledger, Stored } from './ledger.ts'
import { check, missed } from './ledger.ts'
import type { Plan } from './plan.ts'

/** So often a task is tried, where it does not say otherwise. */
export const ATTEMPTS_MAX = 3

/** Failures that another try may not repeat: a task may fail by them only when its tries are used. */
const RETRIED = [
  'poison',
  'executor-crashed',
  'memory-limit',
  'time-limit',
  'slave-lost',
  'outcome-lost',
]
/** Failures of a single try that no other try would change. */
const ENDING = ['evaluation', 'missing-output']

export function createTries(given: {
  plan: Plan
  ledger: Pick<Ledger, 'runsOf' | 'lastOf'>
  /** This attempt could not start its program, as the master knows. */
  onUnable: (attempt: string) => void
  /** A task has failed as program-missing, by an attempt that began then. */
  onMissing: (id: string, number: number, beganAt: number) => void
}) {
  const { plan, ledger } = given
  // A master that starts anew may count an attempt again that it lost or heard of before.
  const restarts = plan.faults.some((fault) => fault.is === 'crash' && fault.who === 'master')
  /** How the run of each attempt ends on a slave that lives. */
  const ends = new Map<string, Outcome>()
  /** The attempts by which a task was durably in progress. */
  const recorded = new Map<string, Set<string>>()

  return {
    ends: (attempt: string, outcome: Outcome): void => void ends.set(attempt, outcome),

    /** A change to a task became durable. */
    stored(task: Stored): void {
      const { id, tries, attempt, trail } = task
      const number = Number(task.idempotencyKey?.slice('key-'.length))
      const terms = plan.tasks[number]?.terms ?? null
      const most = terms?.attemptsMax ?? ATTEMPTS_MAX
      check(tries <= most, `task ${id} had ${tries} tries, and may have ${most}`)
      const all = recorded.get(id) ?? new Set()
      recorded.set(id, all)
      if (attempt !== null) all.add(attempt)
      const isWhole = all.size <= most || trail.every(({ event }) => event !== 'omitted')
      const counted = all.size - missed(task)
      check(!isWhole || counted <= most, `task ${id} has had ${counted} attempts, not ${most}`)
      const retryOn = terms?.retryOn ?? []
      checkTrail(task, retryOn)
      if (task.status === 'failed') checkFailed(task, number, most, retryOn)
    },
  }

  /** What the trail says of a try that was not the last. */
  function checkTrail({ id, trail }: Stored, retryOn: number[]): void {
    for (const { event, attempt = '' } of trail) {
      check(!ENDING.includes(event), `task ${id} is tried again after ${event}`)
      if (event === 'program-missing') given.onUnable(attempt)
      if (event !== 'exit-code') continue
      const end = ends.get(attempt)
      const code = end?.status === 'failed' ? (end.exitCode ?? 0) : 0
      check(retryOn.includes(code), `task ${id} is tried again after exit code ${code}`)
    }
  }

  function checkFailed(task: Stored, number: number, most: number, retryOn: number[]): void {
    const { id } = task
    const outcome = JSON.parse(task.outcome as string) as Outcome & { status: 'failed' }
    const { type, exitCode = 0 } = outcome
    if (type === 'program-missing') {
      const last = ledger.lastOf(id)
      check(last !== undefined, `task ${id} has failed as program-missing, and never began`)
      given.onUnable(last.attempt)
      return given.onMissing(id, number, last.at)
    }
    const isRetried =
      RETRIED.includes(type) || (type === 'exit-code' && retryOn.includes(exitCode ?? 0))
    const runs = ledger.runsOf(id) - missed(task)
    const least = restarts ? 1 : most
    check(!isRetried || runs >= least, `task ${id} is given up as ${type} after ${runs} tries`)
    if (type !== 'exit-code') return
    const planned = plan.tasks[number]?.terms?.ends
    const isRight = planned?.is === 'exit' && planned.code === exitCode
    check(isRight, `task ${id} failed with exit code ${exitCode}, which it did not end with`)
  }
}
