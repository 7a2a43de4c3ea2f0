// Spans of a task, made from its trail when it has ended: nothing is measured twice, and before the
// end nothing is done. Does not know the exporter.
//
//   the client's span > task > ask, ask, ... run
//
// The client's `traceparent` decides whether a trace is recorded; of traces that start here, a fraction is.

import type { WallTime } from '../../shared/data/clock.ts'
import { later } from '../../shared/data/clock.ts'
import type { Trace } from '../../shared/protocol/trace.ts'
import { spanIdFrom, spanIdOf, traceOf } from '../../shared/protocol/trace.ts'
import { attemptsOf, meaningOf } from '../../shared/protocol/trail.js'
import type { Span } from '../../shared/telemetry/otlp.ts'
import type { TrailEntry } from '../core/trail.ts'
import { reasonOf } from '../core/trail.ts'

/** Attributes of every task span. */
export type TracedTask = {
  id: string
  kind: string
  createdAt: WallTime
  tries: number
  trail: TrailEntry[]
}

/** Whether the trace is recorded. All spans of a trace get the same decision. */
export function isWanted({ sampled, parentId, traceId }: Trace, ratio: number): boolean {
  if (parentId !== null) return sampled
  return ratio >= 1 || Number.parseInt(traceId.slice(-7), 16) / 0x1000_0000 < ratio
}

/**
 * The spans of a task that is over at `endedAt`. `status` is its end, or the problem with which it
 * was refused; `failure` is why it went wrong, if it did.
 */
export function spansOf(
  task: TracedTask,
  kept: string | null,
  ratio: number,
  end: { status: string; failure: string | null; at: WallTime },
): Span[] {
  const trace = traceOf(task.id, kept)
  if (!isWanted(trace, ratio)) return []
  const own = spanIdOf(task.id)
  const { traceId, state: traceState } = trace
  const child = { traceId, traceState, parentSpanId: own }
  const whole: Span = {
    traceId,
    traceState,
    spanId: own,
    parentSpanId: trace.parentId,
    name: `task ${task.kind}`,
    kind: 'server',
    startedAt: task.createdAt,
    endedAt: end.at,
    attributes: {
      'askfirst.task': task.id,
      'askfirst.kind': task.kind,
      'askfirst.status': end.status,
      'askfirst.tries': task.tries,
    },
    failure: end.failure,
  }
  return [whole, ...asks(task, child), ...runs(task, child, end.at)]
}

type Child = Pick<Span, 'traceId' | 'traceState' | 'parentSpanId'>

/** One span per slave that was asked; none for reused answers. */
function asks({ id, trail }: TracedTask, child: Child): Span[] {
  return trail.flatMap((entry, i) => {
    const { at, ms, slave, event } = entry
    if (ms === undefined || slave === undefined) return []
    const reason = reasonOf(entry)
    const isUnanswered = meaningOf(event) === 'unanswered'
    return {
      ...child,
      spanId: spanIdFrom(`${id} ask ${i}`),
      name: 'ask',
      kind: 'client' as const,
      startedAt: later(at, -ms),
      endedAt: at,
      attributes: {
        'askfirst.slave': slave,
        'askfirst.answer': event,
        ...(reason ? { 'askfirst.reason': reason } : {}),
      },
      failure: isUnanswered ? reason || event : null,
    }
  })
}

/** One span per attempt. */
function runs({ id, trail }: TracedTask, child: Child, endedAt: WallTime): Span[] {
  return attemptsOf(trail).map(({ taken, ended }, i) => {
    const isLost = ended === null || meaningOf(ended.event) === 'taken'
    const status = isLost ? 'lost' : ended.event
    const reason = isLost ? (ended === null ? '' : 'another slave has it') : reasonOf(ended)
    return {
      ...child,
      spanId: spanIdFrom(`${id} run ${i}`),
      name: 'run',
      kind: 'client' as const,
      startedAt: taken.at,
      endedAt: ended?.at ?? endedAt,
      attributes: { 'askfirst.slave': taken.slave ?? '', 'askfirst.status': status },
      failure: status === 'done' || status === 'cancelled' ? null : reason || status,
    }
  })
}
