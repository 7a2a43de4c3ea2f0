// The jobs' shell: keeps the live ones, hands their parts to the dispatcher as ordinary queued tasks,
// and writes down how each job ended. A part's task carries an Idempotency-Key made of job, stage,
// part and round: a master that starts again takes every step again, and finds the tasks that it
// had made before.

import { randomBytes } from 'node:crypto'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Clock } from '../shared/clock.ts'
import type { IdsAfter } from '../shared/ids.ts'
import type { JobKind, JobResult } from '../shared/job-kind.ts'
import type { Logger } from '../shared/log.ts'
import { Problem } from '../shared/problems.ts'
import { handedOn } from '../shared/trace.ts'
import type { Outcome } from '../shared/wire.ts'
import type { Job, JobEffect, JobFailure, PartState } from './core/job.ts'
import { createJob } from './core/job.ts'
import type { Dispatcher } from './dispatcher.ts'
import type { JobEvent } from './events.ts'
import { stagesJson } from './job-json.ts'
import type { JobRecord, JobStatus, JobStore } from './job-store.ts'
import type { Outputs } from './outputs.ts'
import { isPartOf, partKey, partTag } from './part-names.ts'
import type { Store, TaskRecord } from './store/store.ts'

/** A part that could not even be queued is tried again after this. In milliseconds. */
const AGAIN_MS = 1_000
/** Names of blobs in the text of a job. */
const SHA256 = /\b[0-9a-f]{64}\b/g

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
> & { input: unknown; tags: string[] }

/** What becomes of a job: its result, or why it has none. */
export type JobOutcome = { result: JobResult } | { failure: JobFailure }

type Live = { record: JobRecord; job: Job; waiting: Set<() => void> }

export type Jobs = ReturnType<typeof createJobs>

export function createJobs(given: {
  kinds: ReadonlyMap<string, JobKind>
  jobStore: JobStore
  store: Store
  dispatcher: Dispatcher
  outputs: Outputs
  clock: Clock
  jobIds: IdsAfter
  waitLimitMs: number
  log: Logger
  /** The store cannot be trusted any more: stop the process. */
  onBroken: (error: Error) => void
  /** Hears of every job that has ended. */
  onOver?: (job: JobRecord) => void
  /** Hears of every step of a job. Must be quick. */
  onEvent: (event: JobEvent) => void
}) {
  const { kinds, jobStore, store, dispatcher, clock, log } = given
  const newId = given.jobIds(jobStore.newestId())
  const live = new Map<string, Live>()
  let closed = false

  return {
    /** Goes on with the jobs that had not ended, and cancels what is left of those that had. */
    resume(): void {
      for (const record of jobStore.live()) {
        const kind = kinds.get(record.kind)
        if (kind) begin(record, kind)
        else conclude(record, 'failed', { failure: { type: 'unknown-kind', message: record.kind } })
      }
      for (const part of dispatcher.partsLoaded) {
        const record = jobStore.get(part.job)
        const isMine = record !== undefined && isPartOf(record.ticket, part)
        if (isMine && hasEnded(record)) void dispatcher.cancel(part.task)
      }
    },

    /** Begins a job. It is durable when this returns. */
    submit(job: NewJob): JobRecord {
      const kind = kinds.get(job.kind) as JobKind
      const record: JobRecord = {
        ...job,
        id: newId(),
        input: JSON.stringify(job.input),
        tags: JSON.stringify(job.tags),
        ticket: randomBytes(24).toString('base64url'),
        status: 'in progress',
        createdAt: clock.now(),
        endedAt: null,
        outcome: null,
        stages: null,
      }
      jobStore.insert(record)
      begin(record, kind)
      return record
    },

    /** A job, and how it stands when it has not ended. Throws `no-such-job`. */
    get(id: string): { record: JobRecord; job: Job | null } {
      const running = live.get(id)
      if (running) return running
      const record = jobStore.get(id)
      if (!record) throw new Problem('no-such-job', `there is no job ${id.slice(0, 64)}`)
      return { record, job: null }
    },

    /** Resolves when the job has ended, or after `waitMs`. */
    wait(id: string, waitMs: number): Promise<void> {
      const waiting = live.get(id)?.waiting
      if (!waiting || waitMs <= 0) return Promise.resolve()
      return new Promise((resolve) => {
        const callOff = clock.at(clock.now() + waitMs, wake)
        waiting.add(wake)
        function wake(): void {
          callOff()
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
        for (const { parts } of job.stages) {
          for (const { done } of parts) {
            for (const { sha256 } of done?.files ?? []) if (sha256) wanted.add(sha256)
          }
        }
      }
      for (let job = jobStore.textAfter(''); job; job = jobStore.textAfter(job.id)) {
        for (const [sha] of job.text.matchAll(SHA256)) wanted.add(sha)
        await nextTurn()
      }
      return wanted
    },

    /** Whoever waits is answered; nothing further is begun. The jobs go on with the next start. */
    close(): void {
      closed = true
      for (const { waiting } of live.values()) for (const wake of waiting) wake()
    },
  }

  function begin(record: JobRecord, kind: JobKind): void {
    const job = createJob({ ...record, kind, input: JSON.parse(record.input) as unknown })
    const running: Live = { record, job, waiting: new Set() }
    live.set(record.id, running)
    perform(running, job.start(clock.now()))
    if (live.has(record.id)) tell(record, job)
  }

  function tell({ id, kind, status }: JobRecord, job: Job | null): void {
    const stage = job?.stages.at(-1)
    const total = stage?.parts.length ?? 0
    const done = total - (stage?.left.size ?? 0)
    const at = clock.now()
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

  function perform(running: Live, effects: JobEffect[]): void {
    for (const effect of effects) {
      if (effect.do === 'submit') void run(running, effect)
      else if (effect.status === 'done') conclude(running.record, 'done', { result: effect.result })
      else conclude(running.record, 'failed', { failure: effect.failure })
    }
  }

  /** Sees one round of a part through. */
  async function run(running: Live, effect: JobEffect & { do: 'submit' }): Promise<void> {
    const { part, round } = effect
    const { record, job } = running
    try {
      const task = await submitPart(running, effect)
      // A part that runs while the master stops is the next start's.
      if (!task || (closed && live.has(record.id))) return
      if (!isWanted(running, part, round)) return void (await dispatcher.cancel(task))
      part.task = task
      const ended = await endOf(task)
      if (!ended || !isWanted(running, part, round)) return
      const now = clock.now()
      const { slave, tries, startedAt, endedAt } = ended
      const ranMs = startedAt === null ? 0 : (endedAt ?? now) - startedAt
      const end = {
        outcome: outcomeOf(ended, given.outputs),
        slave: slave ?? '',
        tries,
        startedAt,
        ranMs,
      }
      perform(running, job.partEnded(part, round, end, now))
      if (live.has(record.id)) tell(record, job)
    } catch (error) {
      log.error({ err: error, job: record.id }, 'a part could not be seen through')
      if (!closed) conclude(record, 'failed', { failure: mistake(error as Error) })
    }
  }

  function isWanted({ record }: Live, part: PartState, round: number): boolean {
    return !closed && live.has(record.id) && part.round === round && part.status === 'running'
  }

  /** The id of the part's task, once it is accepted; null when it is no longer wanted. */
  async function submitPart(
    running: Live,
    { part, round, files }: JobEffect & { do: 'submit' },
  ): Promise<string | null> {
    const { record } = running
    const { kind, input, keep } = part.spec
    const about = { job: record.id, ticket: record.ticket, ...(keep ? { keep } : {}) }
    const submission = {
      kind,
      input: JSON.stringify(input),
      work: JSON.stringify(files.length > 0 ? { ...about, files } : about).slice(1, -1),
      tags: [partTag(record.id)],
      priority: record.priority,
      runLimitMs: record.runLimitMs,
      queue: true,
      waitLimitMs: given.waitLimitMs,
      waitMs: 0,
      idempotencyKey: partKey(record.ticket, part, round),
      requestHash: 'part',
      client: record.client,
      trace: handedOn(record.id, record.trace),
    }
    for (let again = 0; isWanted(running, part, round); again++) {
      try {
        return (await dispatcher.submit(submission)).id
      } catch (error) {
        if (!(error instanceof Problem) || error.status < 500) throw error
        const about = { job: record.id, part: part.index, problem: error.type }
        if (again === 0)
          log.warn(about, 'a part cannot be queued now; it is tried again each second')
        await new Promise<void>((resolve) => void clock.at(clock.now() + AGAIN_MS, resolve))
      }
    }
    return null
  }

  /** The task when it has ended; null when the master stops before. */
  async function endOf(id: string): Promise<TaskRecord | null> {
    while (!closed) {
      await dispatcher.wait(id, Number.POSITIVE_INFINITY)
      if (closed || dispatcher.isDraining) return null
      const record = await store.get(id)
      if (!record) throw new Error(`task ${id} was removed before its job had read it`)
      if (record.endedAt !== null) return record
    }
    return null
  }

  /** Writes how a job ended; where that finds no room, again and again until it does. */
  function conclude(record: JobRecord, status: JobStatus, outcome: JobOutcome | null): void {
    if (closed || hasEnded(record)) return
    try {
      void finish(record, status, outcome)
    } catch (error) {
      if ((error as Problem).type !== 'store-full') return given.onBroken(error as Error)
      log.error({ job: record.id }, 'the disk is full: the end of a job is not saved yet')
      clock.at(clock.now() + AGAIN_MS, () => conclude(record, status, outcome))
    }
  }

  /** Throws when that cannot be written. Resolves when nothing of it runs any more. */
  function finish(
    record: JobRecord,
    status: JobStatus,
    outcome: JobOutcome | null,
  ): Promise<unknown> {
    const running = live.get(record.id)
    const stages = running ? stagesJson(running.job, clock.now()) : []
    const ended = {
      id: record.id,
      status,
      endedAt: clock.now(),
      outcome: outcome && JSON.stringify(outcome),
      stages: JSON.stringify(stages),
    }
    jobStore.end(ended)
    running?.job.stop()
    Object.assign(record, ended)
    live.delete(record.id)
    given.onOver?.(record)
    tell(record, running?.job ?? null)
    for (const wake of running?.waiting ?? []) wake()
    const tasks = [...(running?.job.running ?? [])].flatMap(({ task }) => task ?? [])
    return Promise.all(tasks.map((task) => dispatcher.cancel(task)))
  }
}

/**
 * How a part's task ended, as an outcome: what has none has failed for its job. A result that was
 * stored by an earlier version has not been checked, and must not be combined as it is.
 */
function outcomeOf({ kind, status, outcome }: TaskRecord, outputs: Outputs): Outcome {
  if (outcome !== null) {
    const said = JSON.parse(outcome) as Outcome
    const wrong = said.status === 'done' ? outputs.mistakeIn(kind, said.result) : null
    return wrong === null ? said : { status: 'failed', type: 'invalid-result', message: wrong }
  }
  const message = status === 'expired' ? 'no slave took it in time' : `it was ${status}`
  return { status: 'failed', type: 'no-capable-slave', message }
}

const hasEnded = ({ status }: JobRecord): boolean => status !== 'in progress'

const mistake = ({ message }: Error): JobFailure => ({ type: 'internal', message })
