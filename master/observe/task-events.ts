// A task's event, from the task as it stands when the core has just changed it.

import type { WallTime } from '../../shared/data/clock.ts'
import { later } from '../../shared/data/clock.ts'
import type { Problem } from '../../shared/protocol/problems.ts'
import type { Task } from '../core/state.ts'
import { statusOf } from '../core/task.ts'
import type { RefusedEvent, TaskEvent } from './events.ts'

/** What has just befallen a task. Its trail says it; a retry is told with the reason for it. */
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
    event: stage.is === 'waiting' && !last ? 'waiting' : (last?.event ?? 'waiting'),
    slave: cause?.slave ?? null,
    reason: cause?.reason ?? '',
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
