// Events: what happened, for master/observe. They carry words for people; no decision
// uses them. Pure.

import type { WallTime } from '../../shared/data/clock.ts'
import { later } from '../../shared/data/clock.ts'
import type { Problem, ProblemType } from '../../shared/protocol/problems.ts'
import type { KnownAnswer } from './known-reason.ts'
import type { Task, TaskStatus } from './state.ts'
import { statusOf } from './task.ts'
import type { TrailEvent } from './trail.ts'
import { reasonOf } from './trail.ts'

export type TaskEvent = {
  type: 'task'
  at: WallTime
  task: string
  kind: string
  status: TaskStatus
  /** The newest entry of its trail; `waiting` while that has none. */
  event: TrailEvent | 'waiting'
  slave: string | null
  reason: string
  tries: number
  createdAt: WallTime
  /** When the accepted offer was sent; null when unknown, or when no slave runs the task. */
  askedAt: WallTime | null
  startedAt: WallTime | null
  /** At its end: run time in the executor, in milliseconds; the remaining time is the delivery. */
  ranMs: number | null
}

export type RefusedEvent = {
  type: 'refused'
  at: WallTime
  kind: string
  /** The type of the problem that the client got. */
  problem: ProblemType
  detail: string
  /** Retry-After in milliseconds; null where there was none. */
  retryAfterMs: number | null
}

/** State of a slave, whether it has free slots or not. */
export type SlaveStanding = 'open' | KnownAnswer['event']

export type SlaveEvent = {
  type: 'slave'
  at: WallTime
  slave: string
  /** `changed`: its state differs from the last event. */
  event: 'joined' | 'left' | 'restarted' | 'changed'
  state: SlaveStanding | 'left'
  reason: string
}

export type JobEvent = {
  type: 'job'
  at: WallTime
  job: string
  kind: string
  status: 'in progress' | 'done' | 'failed' | 'cancelled'
  /** The stage that it is in, and how many of its parts are done. */
  stage: string | null
  done: number
  total: number
}

export type Event = TaskEvent | RefusedEvent | SlaveEvent | JobEvent

/** The last event of a task, from its trail. A retry has the reason of the failed try. */
export function taskEvent(task: Task, at: WallTime): TaskEvent {
  const { trail, stage } = task
  const last = trail.at(-1)
  const cause = last?.event === 'retry' ? trail.at(-2) : last
  const askMs = last?.event === 'taken' ? (last.ms ?? null) : null
  return {
    type: 'task',
    at,
    task: task.id,
    kind: task.kind,
    status: statusOf(task),
    event: last?.event ?? 'waiting',
    slave: cause?.slave ?? null,
    reason: cause === undefined ? '' : reasonOf(cause),
    tries: task.tries,
    createdAt: task.createdAt,
    askedAt: task.startedAt !== null && askMs !== null ? later(task.startedAt, -askMs) : null,
    startedAt: task.startedAt,
    ranMs: stage.is === 'ended' ? task.ranMs : null,
  }
}

/** A client was refused. */
export function refusedEvent(
  { kind }: Pick<Task, 'kind'>,
  problem: Problem,
  at: WallTime,
): RefusedEvent {
  const seconds = problem.headers['retry-after']
  return {
    type: 'refused',
    at,
    kind,
    problem: problem.type,
    detail: problem.message,
    retryAfterMs: seconds === undefined ? null : Number(seconds) * 1000,
  }
}
