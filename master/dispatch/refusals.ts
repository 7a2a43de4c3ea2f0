// Refusals. Every refused submission passes here: it is counted, and told to its client and to listeners.

import type { Clock } from '../../shared/data/clock.ts'
import type { Logger } from '../../shared/process/log.ts'
import { Problem } from '../../shared/protocol/problems.ts'
import { traceIdOf } from '../../shared/protocol/trace.ts'
import type { Core } from '../core/core.ts'
import type { RefusedEvent } from '../core/events.ts'
import { refusedEvent } from '../core/events.ts'
import type { Task } from '../core/state.ts'
import type { Answered, PendingRequests } from './pending-requests.ts'
import type { TaskPayloads } from './task-payloads.ts'

export type Refusals = ReturnType<typeof createRefusals>

export function createRefusals(given: {
  core: Core
  clock: Clock
  log: Logger
  payloads: TaskPayloads
  requests: PendingRequests
  /** Hears of every refused task, with the trace that its client sent. */
  onOver: ((task: Task, trace: string | null, problem: Problem) => void) | undefined
  onEvent: (event: RefusedEvent) => void
}) {
  const { core, clock, log, payloads, requests } = given
  /** Whether a log line per task is wanted. Read once, because it is needed per task. */
  const logsTasks = log.isLevelEnabled('debug')

  return {
    /** Refuses a submission that has no task yet. */
    turnAway(submission: { kind: string }, problem: Problem, answered: Answered): void {
      note(submission, problem)
      answered.reject(problem)
    },

    refuse,

    /** Refuses new tasks for which the store has no room. */
    noRoom(tasks: Task[]): void {
      for (const task of tasks) refuse(task, storeFull())
    },
  }

  function refuse(task: Task, problem: Problem): void {
    const trace = payloads.traceOf(task.id)
    if (logsTasks) {
      const about = { task: task.id, traceId: traceIdOf(task.id, trace), kind: task.kind }
      log.debug({ ...about, problem: problem.type, reason: problem.message }, 'refused')
    }
    given.onOver?.(task, trace, problem)
    payloads.drop(task.id)
    note(task, problem)
    requests.refuse(task, problem)
  }

  function note(about: { kind: string }, problem: Problem): void {
    const { refused } = core.view.counters
    refused[problem.type] = (refused[problem.type] ?? 0) + 1
    given.onEvent(refusedEvent(about, problem, clock.wall()))
  }
}

export const storeFull = (): Problem =>
  new Problem('store-full', 'the disk of the store is full; accepted tasks are safe')
