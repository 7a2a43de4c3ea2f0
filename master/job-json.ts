// Jobs as clients read them.

import { traceIdOf } from '../shared/trace.ts'
import type { Job, PartState, StageState } from './core/job.ts'
import type { JobRecord } from './job-store.ts'
import { LISTED_CHARS } from './job-store.ts'
import type { JobOutcome } from './jobs.ts'

/** A part that runs this many times as long as the median of those that are done is a straggler. */
const STRAGGLER = 2
const STRAGGLERS_MAX = 5
const RESULT_CHARS_MAX = 8_000
/** A table of who fetched how much from whom has no more lines. */
const TRANSFERS_MAX = 10_000

const time = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString())

export type PartJson = ReturnType<typeof partJson>
export type StageJson = ReturnType<typeof stageJson> & {
  parts: PartJson[]
  transfers: [from: string, to: string, bytes: number][]
}

/** The stages of a job, each with its parts, and with what these fetched from peers. */
export const stagesJson = ({ stages }: Job, now: number): StageJson[] =>
  stages.map((stage) => ({
    ...stageJson(stage, now),
    parts: stage.parts.map(partJson),
    transfers: transfersOf(stage, stages),
  }))

/** How many bytes of partitions each slave was given by each, itself too, for parts that are done. */
function transfersOf({ parts }: StageState, stages: readonly StageState[]) {
  const rows = new Map<string, [from: string, to: string, bytes: number]>()
  const sizes = new Map<PartState, Map<string, number>>()
  for (const { done, spec } of parts) {
    for (const file of done ? (spec.files ?? []) : []) {
      if ('blob' in file) continue
      const giver = stages[file.stage]?.parts[file.part]
      if (!giver?.done || giver.spec.keep !== 'slave') continue
      const known =
        sizes.get(giver) ?? new Map(giver.done.files.map(({ name, bytes }) => [name, bytes]))
      sizes.set(giver, known)
      const [from, to] = [giver.done.slave, done?.slave ?? '']
      const row = rows.get(`${from} ${to}`) ?? [from, to, 0]
      row[2] += known.get(file.file) ?? 0
      if (rows.size < TRANSFERS_MAX) rows.set(`${from} ${to}`, row)
    }
  }
  return [...rows.values()]
}

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
  const { index, spec, status, task, round, tries, done, ranMs } = part
  const small = done && JSON.stringify(done.result).length <= RESULT_CHARS_MAX
  const blobs = spec.keep === 'master' ? (done?.files ?? []) : []
  return {
    part: index + 1,
    kind: spec.kind,
    status,
    task,
    slave: done?.slave ?? null,
    ...(small ? { result: done.result } : {}),
    bytes: bytesOf(part),
    /** Its files, where they are blobs here. */
    ...(blobs.length > 0 ? { files: blobs.map(({ name, sha256 }) => ({ name, sha256 })) } : {}),
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
  const stages = job
    ? job.stages.map((stage) => stageJson(stage, now))
    : storedStages(record).map(({ parts: _, transfers: __, ...stage }) => stage)
  const outcome = record.outcome === null ? null : (JSON.parse(record.outcome) as JobOutcome)
  return {
    id: record.id,
    kind: record.kind,
    status: record.status,
    ...(record.input.length <= LISTED_CHARS
      ? { input: JSON.parse(record.input) as unknown }
      : { omitted: ['input'] }),
    ...outcomeJson(record.id, outcome),
    stages,
    priority: record.priority,
    runLimitMs: record.runLimitMs,
    /** What the slaves that could take its parts had together when it came. */
    slots: record.slots,
    slaves: record.slaves,
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
