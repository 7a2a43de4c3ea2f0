// Jobs as clients read them.

import type { WallTime } from '../../shared/data/clock.ts'
import { isoOf, msBetween } from '../../shared/data/clock.ts'
import { textOf } from '../../shared/data/json-bytes.ts'
import { encode, Raw, scan } from '../../shared/data/raw-json.ts'
import { PARTS_MAX } from '../../shared/kinds/job-kind.ts'
import type { Part, StageParts } from '../../shared/protocol/api/jobs.ts'
import { traceIdOf } from '../../shared/protocol/trace.ts'
import type { OutputFile } from '../../shared/protocol/wire.ts'
import type { Job, PartState, StageState } from '../core/job.ts'
import type { JobOutcome, JobRecord } from '../store/jobs/job-store.ts'
import { pageWithin } from './list-page.ts'

/** A part that runs this many times as long as the median of those that are done is a straggler. */
const STRAGGLER = 2
const STRAGGLERS_MAX = 5
/** The result of a part is not shown where its outcome is longer. In bytes. */
export const RESULT_OUTCOME_BYTES_MAX = 65_536
/** A longer result of a part is not shown with it; nor are further ones, once all have so many. */
const RESULT_CHARS_MAX = 8_000
const RESULTS_CHARS_MAX = 500_000
/** A table of who fetched how much from whom has no more lines. */
const TRANSFERS_MAX = 10_000

/** How long it took by the wall clock; 0 when that was set back meanwhile. */
const msFrom = (from: WallTime, to: WallTime): number =>
  Math.max(0, Math.round(msBetween(from, to)))

/** `ended`: its job has. */
type Moment = { now: WallTime; ended: boolean }

type StageJson = ReturnType<typeof stageJson>
/** How a job stands that ends now, as it is stored. */
export function endJson(job: Job | null, now: WallTime): { stages: string; parts: string } {
  const at = { now, ended: true }
  const stages = job?.stages ?? []
  return {
    stages: JSON.stringify(stages.map((stage) => stageJson(stage, at))),
    parts: encode(partsJson(stages, at)),
  }
}

/** The parts of stages: those of each from `offset` on, `limit` at most, in one page all together. */
export function partsJson(
  stages: readonly StageState[],
  { ended }: Pick<Moment, 'ended'>,
  query: PartsQuery = {},
): StageParts[] {
  const room = roomFor(query)
  return asked(stages, query).map((each) => {
    const transfers = transfersOf(each, stages)
    return stagePage(each, transfers, query, room, (part) => partJson(part, ended, room))
  })
}

/** Of all stages, or the one that is named. `bytesMax`: what they may have together as JSON. */
type PartsQuery = { stage?: string; offset?: number; limit?: number; bytesMax?: number }

/** `left`: characters of results, in all stages together; `bytes`: of everything. */
type PartsRoom = { left: number; bytes: number }
const roomFor = ({ bytesMax = Number.POSITIVE_INFINITY }: PartsQuery): PartsRoom => ({
  left: RESULTS_CHARS_MAX,
  bytes: bytesMax,
})

const asked = <S extends { name: string }>(stages: readonly S[], { stage }: PartsQuery): S[] =>
  stages.filter(({ name }) => stage === undefined || name === stage)

/** One part at least, so that whoever reads on comes to the end. */
function stagePage<P>(
  { name, parts, total = parts.length }: { name: string; parts: readonly P[]; total?: number },
  transfers: StageParts['transfers'],
  { offset = 0, limit = PARTS_MAX }: PartsQuery,
  room: PartsRoom,
  toJson: (part: P) => Part,
): StageParts {
  const transfersBytes = JSON.stringify(transfers).length
  const fit = transfersBytes <= room.bytes / 2
  if (fit) room.bytes -= transfersBytes
  const { page, bytes } = pageWithin(parts.slice(offset, offset + limit), toJson, room.bytes)
  room.bytes = Math.max(0, room.bytes - bytes)
  const end = offset + page.length
  const about = { name, total, next: end < total ? end : null }
  return {
    ...about,
    ...(fit ? { transfers } : { omitted: ['transfers'], transfers: [] }),
    parts: page,
  }
}

/** The same of a job that has ended, from the text that endJson gave, or an earlier version. */
export function storedParts(text: string, query: PartsQuery): StageParts[] {
  const all = JSON.parse(text) as (Omit<StageParts, 'parts'> & { parts: Part[] })[]
  keepWritten(all, text)
  const room = roomFor(query)
  return asked(all, query).map((each) =>
    stagePage(each, each.transfers ?? [], query, room, (part) => storedPart(part, room)),
  )
}

/** In stored parts: the list of stages, a stage, its parts, a part. */
const PART_LEVELS = 4

/** The results as they were written. */
function keepWritten(stages: { parts: Part[] }[], text: string): void {
  const bytes = Buffer.from(text)
  const spans = scan(bytes, PART_LEVELS).items ?? []
  for (const [i, { parts }] of stages.entries()) {
    const items = spans[i]?.members?.get('parts')?.items ?? []
    for (const [j, part] of parts.entries()) {
      const span = items[j]?.members?.get('result')
      if (span) part.result = new Raw(textOf(bytes, span))
    }
  }
}

/** An earlier version stored any number of results, and as running what its failed job left. */
function storedPart({ result, ...part }: Part, room: { left: number }) {
  const isOver = part.status === 'running' || part.status === 'waiting'
  const status = isOver ? 'cancelled' : part.status
  if (result === undefined) return { ...part, status }
  room.left -= encode(result).length
  return { ...part, status, ...(room.left < 0 ? { omitted: ['result'] } : { result }) }
}

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

function stageJson({ name, parts, left, startedAt, endedAt }: StageState, at: Moment) {
  const { now, ended } = at
  const done = parts.filter(({ status }) => status === 'done')
  const running = ended ? [] : parts.filter(({ status }) => status === 'running')
  const usual = median(done.map(({ ranMs }) => ranMs))
  const slow = running.filter(
    (part) => usual > 0 && msBetween(part.startedAt ?? now, now) > STRAGGLER * usual,
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
    startedAt: isoOf(startedAt),
    endedAt: isoOf(endedAt ?? (ended ? now : null)),
    ms: msFrom(startedAt, endedAt ?? now),
    stragglers: slow.slice(0, STRAGGLERS_MAX).map(({ index, task, startedAt }) => ({
      part: index + 1,
      task,
      runningMs: msFrom(startedAt ?? now, now),
      usualMs: Math.round(usual),
    })),
  }
}

const bytesOf = ({ done }: PartState): number =>
  (done?.files ?? []).reduce((sum, { bytes }) => sum + bytes, 0)

/** One part. Its result, where it has a small one, is what a dashboard shows as it comes. */
function partJson(part: PartState, isOver: boolean, room: { left: number }) {
  const { index, spec, task, round, tries, done, written, keptBytes, ranMs } = part
  const mayFit = done !== null && keptBytes <= RESULT_OUTCOME_BYTES_MAX
  const result = mayFit ? (written ?? JSON.stringify(done.result)) : ''
  const chars = mayFit ? result.length : Number.POSITIVE_INFINITY
  const fits = chars <= Math.min(RESULT_CHARS_MAX, room.left)
  if (fits) room.left -= chars
  const blobs = spec.keep === 'master' ? (done?.files ?? []) : []
  return {
    part: index + 1,
    kind: spec.kind,
    status: statusOf(part, isOver),
    task,
    slave: done?.slave ?? null,
    ...(done !== null && fits ? { result: new Raw(result) as unknown } : {}),
    ...(done !== null && !fits ? { omitted: ['result'] } : {}),
    bytes: bytesOf(part),
    /** Its files, where they are blobs here. */
    ...(blobs.length > 0 ? { files: blobs.map(blobJson) } : {}),
    ms: Math.round(ranMs),
    tries,
    rounds: round + 1,
  }
}

const blobJson = ({ name, sha256 }: OutputFile) => ({
  name,
  ...(sha256 === undefined ? {} : { sha256 }),
})

/** Of a job that has ended nothing runs or waits any more. */
function statusOf({ status }: PartState, isOver: boolean): PartState['status'] | 'cancelled' {
  return isOver && status !== 'done' && status !== 'failed' ? 'cancelled' : status
}

function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? 0
}

/** A job without its parts, in a list or alone. What is too long is left out, and named. */
export function jobJson(record: JobRecord, job: Job | null, now: WallTime) {
  const outcome = record.outcome === null ? null : (JSON.parse(record.outcome) as JobOutcome)
  const isLeftOut = outcome === null && record.outcomeBytes !== null
  const stages = job?.stages.map((stage) => stageJson(stage, { now, ended: false }))
  const stored = stages ?? storedStages(record)
  const omitted = [
    ...(record.input === null ? ['input'] : []),
    ...(isLeftOut ? [record.status === 'done' ? 'result' : 'failure'] : []),
    ...(stored === null ? ['stages'] : []),
  ]
  return {
    id: record.id,
    kind: record.kind,
    status: record.status,
    ...(record.input === null ? {} : { input: new Raw(record.input) }),
    ...(omitted.length === 0 ? {} : { omitted }),
    ...outcomeJson(record.id, outcome),
    stages: stored ?? [],
    priority: record.priority,
    runLimitMs: record.runLimitMs,
    /** What the slaves that could take its parts had together when it came. */
    slots: record.slots,
    slaves: record.slaves,
    tags: JSON.parse(record.tags) as string[],
    traceId: traceIdOf(record.id, record.trace),
    createdAt: isoOf(record.createdAt),
    endedAt: isoOf(record.endedAt),
    ms: msFrom(record.createdAt, record.endedAt ?? now),
  }
}

function outcomeJson(id: string, outcome: JobOutcome | null) {
  if (outcome === null) return {}
  if ('failure' in outcome) return { failure: outcome.failure }
  const { file, ...result } = outcome.result
  const about = file && { name: file.name, type: file.type, href: `/jobs/${id}/result` }
  return { ...result, ...(about ? { file: about } : {}) }
}

/** The stages of a job that has ended; null where they are too long. Of an earlier version: less is true. */
function storedStages({ stages, endedAt }: JobRecord): StageJson[] | null {
  if (stages === null) return endedAt === null ? [] : null
  const all = JSON.parse(stages) as (StageJson & { parts?: unknown; transfers?: unknown })[]
  return all.map(({ parts: _, transfers: __, ...stage }) => ({
    ...stage,
    running: 0,
    endedAt: stage.endedAt ?? isoOf(endedAt),
    stragglers: [],
  }))
}
