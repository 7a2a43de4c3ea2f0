// Which failures another try may avoid. Pure.

import type { FailureType, Outcome } from '../../shared/protocol/wire.ts'
import type { Task } from './state.ts'
import type { TrailEvent } from './trail.ts'

/** Failures that another try may avoid. */
const RETRIED = [
  'executor-crashed',
  'memory-limit',
  'time-limit',
  'slave-lost',
  'outcome-lost',
  'program-missing',
  'exit-code',
] as const satisfies FailureType[]
export type Retried = (typeof RETRIED)[number]
export type Failed = Outcome & { status: 'failed' }
export type RetriedFailure = Failed & { type: Retried }

export const isRetried = (type: FailureType | TrailEvent): type is Retried =>
  RETRIED.some((each) => each === type)
/** The attempt is lost but not known to have failed: its success still counts. */
export const isLost = (type: Retried): boolean => type === 'slave-lost' || type === 'outcome-lost'
/** Failures that the task may have caused on its slave. */
export const isBlamed = (type: Retried): boolean =>
  type === 'executor-crashed' || type === 'memory-limit' || type === 'slave-lost'

/** Whether a task with needs could not be started because its slave has not what it needs after all. */
export const isMissing = ({ kind, ability }: Task, outcome: Outcome): outcome is RetriedFailure =>
  outcome.status === 'failed' && outcome.type === 'program-missing' && ability !== kind

/** Whether this outcome of this task is to be tried again. */
export function isRetriedFailure({ terms }: Task, outcome: Outcome): outcome is RetriedFailure {
  if (outcome.status !== 'failed' || !isRetried(outcome.type)) return false
  // A program's own failure: only where its client said so.
  if (outcome.type !== 'exit-code') return true
  return terms?.retryOn.includes(outcome.exitCode ?? -1) ?? false
}
