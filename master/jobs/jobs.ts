// The jobs' shell: keeps the live ones, hands their parts to the dispatcher as ordinary queued tasks,
// and writes down how each job ended. A part's task carries an Idempotency-Key made of job, stage,
// part and round: a master that starts again takes every step again, and finds the tasks that it
// had made before.
//
//   accepted --room--> begun: stage by stage, slice by slice --> done | failed | cancelled
//
// What is accepted is durable; it is read again, and takes memory, when there is room for it.

import { randomBytes } from 'node:crypto'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Clock } from '../../shared/data/clock.ts'
import { later } from '../../shared/data/clock.ts'
import type { IdsAfter } from '../../shared/data/ids.ts'
import { unfitNumber, unfitRule } from '../../shared/data/raw-json.ts'
import type { JobKind, JobResult } from '../../shared/kinds/job-kind.ts'
import type { Logger } from '../../shared/process/log.ts'
import type { Slices } from '../../shared/process/time-slices.ts'
import { Problem } from '../../shared/protocol/problems.ts'
import type { Job, JobEffect, JobFailure, PartState } from '../core/job.ts'
import { createJob } from '../core/job.ts'
import type { Dispatcher } from '../dispatch/dispatcher.ts'
import type { Outputs } from '../dispatch/output-schemas.ts'
import type { JobEvent } from '../observe/events.ts'
import type { Store } from '../store/store.ts'
import { endJson } from '../views/job-json.ts'
import { createRoom } from './job-memory.ts'
import { createPartTasks, endOf } from './job-parts.ts'
import type { JobRecord, JobStatus, JobStore } from './job-store.ts'
import { inRow } from './job-store.ts'
import { overlapping } from './long-text.ts'
import { isPartOf } from './part-names.ts'

/** An end that found no room on the disk is written again after this. In milliseconds. */
const AGAIN_MS = 1_000
/** Names of blobs in the text of a job; a text is searched so many characters at a time. */
const SHA256 = /\b[0-9a-f]{64}\b/g
const SEARCH_CHARS = 1 << 20
const SHA256_CHARS = 66
/** What a job takes in memory that has begun, besides its parts; and for each byte of its input. */
const JOB_BYTES = 4_096
const INPUT_FACTOR = 3

/** A job to begin, checked already. */
export type NewJob = Pick<
  JobRecord,
  | 'kind'
  | 'parts'
  | 'slots'
  | 'slaves'
  | 'priority'
  | 'runLimitMs'
  | 'idempotencyKey'
  | 'requestHash'
  | 'client'
  | 'trace'
> & {
  /** JSON text. */
  input: string
  tags: string[]
}

type Row = ReturnType<typeof inRow> & { id: string }
/** By what a repeated request is known. */
type Keyed = Pick<NewJob, 'idempotencyKey' | 'requestHash'>

/** What becomes of a job: its result, or why it has none. */
export type JobOutcome = { result: JobResult } | { failure: JobFailure }

/** `job`: null until there is room for it. */
type Live = { record: JobRecord; job: Job | null; waiting: Set<() => void> }

export type Jobs = ReturnType<typeof createJobs>

export function createJobs(given: {
  kinds: ReadonlyMap<string, JobKind>
  jobStore: JobStore
  store: Store
  dispatcher: Dispatcher
  outputs: Outputs
  clock: Clock
  slices: Slices
  jobIds: IdsAfter
  waitLimitMs: number
  /** How many jobs may be live. */
  liveJobsMax: number
  /** What the results of the parts of one job may have together, and what all jobs may hold. */
  jobBytesMax: number
  jobsBytesMax: number
  log: Logger
  /** The store cannot be trusted any more: stop the process. */
  onBroken: (error: Error) => void
  /** Hears of every job that has ended. */
  onOver?: (job: JobRecord) => void
  /** Hears of every step of a job. Must be quick. */
  onEvent: (event: JobEvent) => void
}) {
  const { kinds, jobStore, dispatcher, clock, slices, log } = given
  const newId = given.jobIds(jobStore.newestId())
  const live = new Map<string, Live>()
  const room = createRoom(given.jobsBytesMax)
  const partTasks = createPartTasks({ ...given, slices, room })
  let closed = false
  const isClosed = () => closed

  return {
    /** Goes on with the jobs that had not ended, and cancels what is left of those that had. */
    resume(): void {
      for (const record of jobStore.live()) {
        const kind = kinds.get(record.kind)
        if (kind) add(record, kind)
        else conclude(record, 'failed', { failure: { type: 'unknown-kind', message: record.kind } })
      }
      for (const part of dispatcher.partsLoaded) {
        const record = live.get(part.job)?.record ?? jobStore.get(part.job)
        const isMine = record !== undefined && isPartOf(record.ticket, part)
        if (isMine && hasEnded(record)) void dispatcher.cancel(part.task)
      }
    },

    /** The id of the job that this request began before. Throws `key-reused`. */
    repeated,

    /**
     * Accepts a job: it is durable when this resolves with its id. One that came with the same
     * Idempotency-Key is given in its place. Rejects with `queue-full`, `store-full`, `draining` and
     * `key-reused`.
     */
    async submit(job: NewJob): Promise<{ id: string; isRepeated: boolean }> {
      checkRoom()
      const { input } = job
      const row = await slices.run(() => inRow(input))
      const id = newId()
      try {
        if (row.input === null) {
          for (const step of jobStore.longInput(id, input)) await slices.run(step)
        }
        return await slices.run(() => begun(job, { id, ...row }))
      } catch (error) {
        if (row.input === null) jobStore.dropLongInput(id)
        throw error
      }
    },

    /** A job, and how it stands when it has not ended. Throws `no-such-job`. */
    get(id: string): { record: JobRecord; job: Job | null } {
      const running = live.get(id)
      if (running) return running
      const record = jobStore.get(id)
      if (!record) throw new Problem('no-such-job', `there is no job ${id.slice(0, 64)}`)
      return { record, job: null }
    },

    /** Resolves when the job has ended, after `waitMs`, or when who waits has gone. */
    wait(id: string, waitMs: number, gone?: AbortSignal): Promise<void> {
      const waiting = live.get(id)?.waiting
      if (!waiting || waitMs <= 0 || gone?.aborted) return Promise.resolve()
      return new Promise((resolve) => {
        const callOff = clock.at(later(clock.now(), waitMs), wake)
        waiting.add(wake)
        gone?.addEventListener('abort', wake, { once: true })
        function wake(): void {
          callOff()
          gone?.removeEventListener('abort', wake)
          waiting?.delete(wake)
          resolve()
        }
      })
    },

    /**
     * Ends a job and whatever runs of it. False when it has ended already. Throws `store-full`: then
     * it goes on.
     */
    async cancel(id: string): Promise<boolean> {
      const running = live.get(id)
      if (!running) return false
      await finish(running.record, 'cancelled', null)
      return true
    },

    isLive: (id: string): boolean => live.has(id),

    /**
     * The blobs that jobs refer to. Texts may be long: each is read in a turn of its own. The live jobs
     * come first, for one that ends meanwhile is in the texts; what comes meanwhile is in use.
     */
    async blobs(): Promise<Set<string>> {
      const wanted = new Set<string>()
      for (const { job } of live.values()) {
        for (const { parts } of job?.stages ?? []) {
          for (const { done } of parts) {
            for (const { sha256 } of done?.files ?? []) if (sha256) wanted.add(sha256)
          }
        }
      }
      for (let job = jobStore.textAfter(''); job; job = jobStore.textAfter(job.id)) {
        for (const text of job.texts) {
          for (const piece of overlapping(text, SEARCH_CHARS, SHA256_CHARS)) {
            for (const [sha] of piece.matchAll(SHA256)) wanted.add(sha)
            await nextTurn()
          }
        }
      }
      return wanted
    },

    /** Whoever waits is answered; nothing further is begun. The jobs go on with the next start. */
    close(): void {
      closed = true
      for (const { waiting } of live.values()) for (const wake of waiting) wake()
    },
  }

  function repeated({ idempotencyKey, requestHash }: Keyed): string | null {
    const before = idempotencyKey === null ? undefined : jobStore.find(idempotencyKey)
    if (!before || before.requestHash === requestHash) return before?.id ?? null
    const detail = `the Idempotency-Key "${idempotencyKey}" came before with another body`
    throw new Problem('key-reused', detail)
  }

  function checkRoom(): void {
    if (closed || dispatcher.isDraining) {
      throw new Problem('draining', 'the master is shutting down')
    }
    if (live.size < given.liveJobsMax) return
    const detail = `${live.size} jobs have not ended, as many as the master takes (--live-jobs-max); try again when some have`
    throw new Problem('queue-full', detail)
  }

  function begun(job: NewJob, row: Row): { id: string; isRepeated: boolean } {
    // Another may have come while this one waited for its turn.
    const before = repeated(job)
    if (before !== null) {
      jobStore.dropLongInput(row.id)
      return { id: before, isRepeated: true }
    }
    checkRoom()
    const record = newRecord(job, row)
    jobStore.insert(record)
    add(record, kinds.get(job.kind) as JobKind)
    return { id: record.id, isRepeated: false }
  }

  function newRecord(job: NewJob, row: Row): JobRecord {
    return {
      ...job,
      ...row,
      tags: JSON.stringify(job.tags),
      ticket: randomBytes(24).toString('base64url'),
      status: 'in progress',
      createdAt: clock.wall(),
      endedAt: null,
      outcome: null,
      outcomeBytes: null,
      stages: null,
    }
  }

  function add(record: JobRecord, kind: JobKind): void {
    const running: Live = { record, job: null, waiting: new Set() }
    live.set(record.id, running)
    guard(running, begin(running, kind))
  }

  /** Whatever goes wrong with a job ends it, and nothing else. */
  function guard({ record }: Live, work: Promise<void>): void {
    work.catch((error: Error) => {
      if (closed) return
      log.error({ err: error, job: record.id }, 'a job could not be seen through')
      conclude(record, 'failed', { failure: mistake(error) })
    })
  }

  /** Reads the job again and begins it, or goes on with it, as soon as there is room. */
  async function begin(running: Live, kind: JobKind): Promise<void> {
    const { record } = running
    const { id, inputBytes } = record
    if (!(await room.take(id, baseBytes(record)))) return
    // A piece of work each: a long text takes a while to parse.
    const text = await slices.run(() => record.input ?? jobStore.textOf(id, 'input'))
    if (text === null) throw new Error(`the input of ${inputBytes} bytes is not in the store`)
    const input = await slices.run(() => JSON.parse(text) as unknown)
    if (!goesOn(running)) return
    const mistakeIn = (of: string, result: unknown, outcome: string) =>
      mistakeOf(of, result, outcome, given.outputs)
    const job = createJob({ ...record, kind, input, keptBytesMax: given.jobBytesMax, mistakeIn })
    running.job = job
    step(running, job.start(clock.wall()))
  }

  function goesOn({ record }: Live): boolean {
    return !closed && live.has(record.id)
  }

  /** Does what a step of a job has led to, and tells. */
  function step(running: Live, effects: JobEffect[]): void {
    const { record, job } = running
    if (!job) return
    room.set(record.id, baseBytes(record) + job.heldBytes)
    for (const effect of effects) {
      if (effect.do === 'submit') guard(running, run(running, job, effect))
      else if (effect.do === 'proceed') guard(running, proceed(running, job))
      else if (effect.status === 'done') conclude(record, 'done', { result: effect.result })
      else conclude(record, 'failed', { failure: effect.failure })
    }
    if (live.has(record.id)) tell(record, job)
  }

  /** What comes next may take memory, and a while. */
  async function proceed(running: Live, job: Job): Promise<void> {
    if (!(await room.take(running.record.id, 0))) return
    await slices.run(() => goesOn(running) && step(running, job.proceed(clock.wall())))
  }

  function tell({ id, kind, status }: JobRecord, job: Job | null): void {
    const stage = job?.stages.at(-1)
    const total = stage?.parts.length ?? 0
    const done = total - (stage?.left.size ?? 0)
    const at = clock.wall()
    given.onEvent({
      type: 'job',
      at,
      job: id,
      kind,
      status,
      stage: stage?.name ?? null,
      done,
      total,
    })
  }

  /** Sees one round of a part through. */
  async function run(running: Live, job: Job, effect: JobEffect & { do: 'submit' }): Promise<void> {
    const { part, round } = effect
    const { record } = running
    const wanted = () => isWanted(running, part, round)
    const task = await partTasks.submit(record, effect, wanted)
    // A part that runs while the master stops is the next start's.
    if (!task || (closed && live.has(record.id))) return
    if (!wanted()) return void (await dispatcher.cancel(task))
    part.task = task
    const ended = await partTasks.ended(record.id, task, isClosed)
    if (!ended) return
    await slices.run(
      () => wanted() && step(running, job.partEnded(part, round, endOf(ended), clock.wall())),
    )
  }

  function isWanted({ record }: Live, part: PartState, round: number): boolean {
    return !closed && live.has(record.id) && part.round === round && part.status === 'running'
  }

  /** Writes how a job ended; where that finds no room, again and again until it does. */
  function conclude(record: JobRecord, status: JobStatus, outcome: JobOutcome | null): void {
    if (closed || hasEnded(record)) return
    try {
      void finish(record, status, outcome)
    } catch (error) {
      if ((error as Problem).type !== 'store-full') return given.onBroken(error as Error)
      log.error({ job: record.id }, 'the disk is full: the end of a job is not saved yet')
      clock.at(later(clock.now(), AGAIN_MS), () => conclude(record, status, outcome))
    }
  }

  /** Throws when that cannot be written. Resolves when nothing of it runs any more. */
  function finish(
    record: JobRecord,
    status: JobStatus,
    outcome: JobOutcome | null,
  ): Promise<unknown> {
    const running = live.get(record.id)
    const job = running?.job ?? null
    const endedAt = clock.wall()
    const end = { status, endedAt, outcome: outcome && JSON.stringify(outcome) }
    jobStore.end({ id: record.id, ...end, ...endJson(job, endedAt) })
    job?.stop()
    Object.assign(record, end)
    live.delete(record.id)
    room.leave(record.id)
    given.onOver?.(record)
    tell(record, job)
    for (const wake of running?.waiting ?? []) wake()
    const tasks = [...(job?.running ?? [])].flatMap(({ task }) => task ?? [])
    return Promise.all(tasks.map((task) => dispatcher.cancel(task)))
  }
}

/** A job computes with a result: its numbers must be doubles as they were written. */
function mistakeOf(kind: string, result: unknown, outcome: string, outputs: Outputs) {
  const unfit = unfitNumber(outcome)
  return outputs.mistakeIn(kind, result) ?? (unfit && `${kind}: ${unfit.path} ${unfitRule(unfit)}`)
}

const baseBytes = ({ inputBytes }: JobRecord): number => JOB_BYTES + INPUT_FACTOR * inputBytes

const hasEnded = ({ status }: JobRecord): boolean => status !== 'in progress'

const mistake = ({ message }: Error): JobFailure => ({ type: 'internal', message })
