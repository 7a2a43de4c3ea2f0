// Tracing with `--otlp-endpoint`: ended tasks and jobs become spans and are exported to the collector.

import { hostname } from 'node:os'
import type { Logger } from '../../shared/process/log.ts'
import type { Problem } from '../../shared/protocol/problems.ts'
import { spanIdOf, traceOf } from '../../shared/protocol/trace.ts'
import { createSpanExporter, readOtlpHeaders } from '../../shared/telemetry/otlp.ts'
import type { Task } from '../core/state.ts'
import type { JobOutcome, JobRecord } from '../store/jobs/job-store.ts'
import { isWanted, spansOf } from './spans.ts'

export type TracingSettings = {
  otlpEndpoint?: string
  otlpHeaders?: string
  otlpRatio: number
  port: number
}

/** Null without `--otlp-endpoint`. */
export function createTracing(settings: TracingSettings, log: Logger) {
  const { otlpEndpoint, otlpHeaders = '', otlpRatio, port } = settings
  if (otlpEndpoint === undefined) return null
  const exporter = createSpanExporter({
    endpoint: otlpEndpoint,
    headers: readOtlpHeaders(otlpHeaders),
    service: { name: 'askfirst-master', instance: `${hostname()}:${port}` },
    log,
  })

  return {
    /** A task has ended, or was refused with a problem. */
    task(task: Task, kept: string | null, problem: Problem | null): void {
      for (const span of spansOf(task, kept, otlpRatio, endOf(task, problem))) exporter.add(span)
    },

    /** A job has ended. Its parts are tasks of its trace. */
    job(record: JobRecord): void {
      const trace = traceOf(record.id, record.trace)
      if (!isWanted(trace, otlpRatio)) return
      exporter.add({
        traceId: trace.traceId,
        traceState: trace.state,
        spanId: spanIdOf(record.id),
        parentSpanId: trace.parentId,
        name: `job ${record.kind}`,
        kind: 'server',
        startedAt: record.createdAt,
        endedAt: record.endedAt ?? record.createdAt,
        attributes: { 'askfirst.job': record.id, 'askfirst.status': record.status },
        failure: failureOf(record.outcome),
      })
    },

    counts: () => exporter.counts,
    close: exporter.close,
  }
}

function endOf(task: Task, problem: Problem | null) {
  const at = task.trail.at(-1)?.at ?? task.createdAt
  if (problem) return { status: problem.type, failure: problem.message, at }
  const { stage } = task
  if (stage.is !== 'ended') return { status: stage.is, failure: null, at }
  const { outcome } = stage
  const failed = outcome?.status === 'failed' ? `${outcome.type}: ${outcome.message}` : null
  return { status: stage.status, failure: stage.status === 'expired' ? 'expired' : failed, at }
}

function failureOf(outcome: string | null): string | null {
  const said = outcome === null ? null : (JSON.parse(outcome) as JobOutcome)
  return said && 'failure' in said ? `${said.failure.type}: ${said.failure.message}` : null
}
