// Jobs as clients read them.

import { traceIdOf } from '../shared/trace.ts'
import type { Job, PartState, StageState } from './core/job.ts'
import type { JobRecord } from './job-store.ts'
import type { JobOutcome } from './jobs.ts'

/** A part that runs this many times as long as the median of those that are done is a straggler. */
const STRAGGLER = 2
const STRAGGLERS_MAX = 5
const INPUT_CHARS_MAX = 2_000

const time = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString())

export type PartJson = ReturnType<typeof partJson>
export type StageJson = ReturnType<typeof stageJson> & { parts: PartJson[] }

/** The stages of a job, each with its parts. */
export const stagesJson = ({ stages }: Job, now: number): StageJson[] =>
  stages.map((stage) => ({ ...stageJson(stage, now), parts: stage.parts.map(partJson) }))

function stageJson({ name, parts, left, startedAt, endedAt }: StageState, now: number) {
  const done = parts.filter(({ status }) => status === 'done')
  const running = parts.filter(({ status }) => status === 'running')
  const usual = median(done.map(({ ranMs }) => ranMs))
  const slow = running.filter(
    (part) => usual > 0 && now - (part.startedAt ?? now) > STRAGGLER * usual,
  )
  return {
    name,
    total: parts.length,
    done: parts.length - left.size,
    running: running.length,
    /** Parts that were begun again because files were lost, or whose task was tried again. */
    again: parts.filter(({ round, tries }) => round > 0 || tries > 1).length,
    /** Bytes of the files that the parts gave. */
    bytes: done.reduce((sum, part) => sum + bytesOf(part), 0),
    startedAt: time(startedAt),
    endedAt: time(endedAt),
    ms: Math.round((endedAt ?? now) - startedAt),
    stragglers: slow.slice(0, STRAGGLERS_MAX).map(({ index, task, startedAt }) => ({
      part: index + 1,
      task,
      runningMs: Math.round(now - (startedAt ?? now)),
      usualMs: Math.round(usual),
    })),
  }
}

const bytesOf = ({ done }: PartState): number =>
  (done?.files ?? []).reduce((sum, { bytes }) => sum + bytes, 0)

/** One part. Its result, where it has a small one, is what a dashboard shows as it comes. */
function partJson(part: PartState) {
  const { index, status, task, round, tries, done, ranMs } = part
  const small = done && JSON.stringify(done.result).length <= INPUT_CHARS_MAX
  return {
    part: index + 1,
    kind: part.spec.kind,
    status,
    task,
    slave: done?.slave ?? null,
    ...(small ? { result: done.result } : {}),
    bytes: bytesOf(part),
    ms: Math.round(ranMs),
    tries,
    rounds: round + 1,
  }
}

function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? 0
}

/** A job without its parts, in a list or alone. */
export function jobJson(record: JobRecord, job: Job | null, now: number) {
  const stages = job ? stagesJson(job, now) : storedStages(record)
  const outcome = record.outcome === null ? null : (JSON.parse(record.outcome) as JobOutcome)
  return {
    id: record.id,
    kind: record.kind,
    status: record.status,
    ...(record.input.length <= INPUT_CHARS_MAX
      ? { input: JSON.parse(record.input) as unknown }
      : { omitted: ['input'] }),
    ...outcomeJson(record.id, outcome),
    stages: stages.map(({ parts: _, ...stage }) => stage),
    priority: record.priority,
    runLimitMs: record.runLimitMs,
    tags: JSON.parse(record.tags) as string[],
    traceId: traceIdOf(record.id, record.trace),
    createdAt: time(record.createdAt),
    endedAt: time(record.endedAt),
    ms: Math.round((record.endedAt ?? now) - record.createdAt),
  }
}

function outcomeJson(id: string, outcome: JobOutcome | null) {
  if (outcome === null) return {}
  if ('failure' in outcome) return { failure: outcome.failure }
  const { file, ...result } = outcome.result
  const about = file && { name: file.name, type: file.type, href: `/jobs/${id}/result` }
  return { ...result, ...(about ? { file: about } : {}) }
}

/** The stages of a job that has ended. */
export const storedStages = ({ stages }: JobRecord): StageJson[] =>
  stages === null ? [] : (JSON.parse(stages) as StageJson[])
