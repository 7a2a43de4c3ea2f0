// Runs live jobs: reads the input when there is room in memory, plans stage after stage, runs the parts
// as queued tasks, and combines. The decisions are the core's (core/job.ts); every step of it is a slice
// of its own (time-slices.ts). A part's task carries an Idempotency-Key made of job, stage, part and
// round: a restarted master takes every step again and finds the tasks that it had made before.
//
//   accepted --room--> started --plan--> parts run --all done--> plan | combine --> end

import type { Clock } from '../../shared/data/clock.ts'
import { pause } from '../../shared/data/clock.ts'
import { unfitNumber, unfitRule } from '../../shared/data/json-numbers.ts'
import type { JobKind } from '../../shared/kinds/job-kind.ts'
import type { Logger } from '../../shared/process/log.ts'
import type { Slices } from '../../shared/process/time-slices.ts'
import type { Job, JobEffect, PartState } from '../core/job.ts'
import { createJob } from '../core/job.ts'
import type { Dispatcher } from '../dispatch/dispatcher.ts'
import { blobsIn } from '../dispatch/kept-files.ts'
import type { Outputs } from '../dispatch/output-schemas.ts'
import type { JobRecord, JobStore } from '../store/jobs/job-store.ts'
import { StoreFullError } from '../store/store.ts'
import type { Blobs } from './blobs.ts'
import type { JobEnds } from './job-ends.ts'
import type { JobMemory } from './job-memory.ts'
import type { PartTasks } from './job-parts.ts'
import { endOf } from './job-parts.ts'
import type { LiveJob, LiveJobs } from './live-jobs.ts'
import { AGAIN_MS } from './store-full.ts'

/** Memory of a started job besides its parts, and for each byte of its input. In bytes. */
const JOB_BYTES = 4_096
const INPUT_FACTOR = 3

export function createJobRuns(given: {
  jobStore: Pick<JobStore, 'text'>
  blobs: Pick<Blobs, 'refer'>
  dispatcher: Pick<Dispatcher, 'cancel'>
  partTasks: PartTasks
  outputs: Outputs
  live: LiveJobs
  ends: JobEnds
  room: JobMemory
  clock: Clock
  slices: Slices
  /** What the results of the parts of one job may have together. */
  jobBytesMax: number
  log: Logger
  /** A job has taken a step. */
  onStep: (record: JobRecord, job: Job) => void
}) {
  const { jobStore, dispatcher, partTasks, outputs, live, ends, room, clock, slices, log } = given

  return {
    /** Starts a job, or continues it after a restart. It ends itself. */
    start(running: LiveJob, kind: JobKind): void {
      guard(running, begin(running, kind))
    },
  }

  /** An internal error ends the job in which it occurred, and nothing else. */
  function guard(running: LiveJob, work: Promise<void>): void {
    work.catch((error: Error) => {
      if (live.isClosed) return
      log.error({ err: error, job: running.record.id }, 'the job failed with an internal error')
      const failure = { type: 'internal', message: error.message }
      void ends.conclude(running, 'failed', { failure })
    })
  }

  async function begin(running: LiveJob, kind: JobKind): Promise<void> {
    const { record } = running
    const { id, inputBytes } = record
    if (!(await room.take(id, baseBytes(record)))) return
    const text = record.input ?? (await jobStore.text(id, 'input'))
    if (text === null) throw new Error(`the input of ${inputBytes} bytes is not in the store`)
    // A slice of its own: a long text takes a while to parse.
    const input = await slices.run(() => JSON.parse(text) as unknown)
    const mistakeIn = (of: string, result: unknown, outcome: string) =>
      mistakeOf(of, result, outcome, outputs)
    const job = createJob({ ...record, kind, input, keptBytesMax: given.jobBytesMax, mistakeIn })
    await inTurn(running, () => {
      running.job = job
      step(running, job, job.start(clock.wall()))
    })
  }

  /**
   * Runs a step of a job as a slice, unless the job ends before its turn. Waits while an end is being
   * written: if that fails, the job goes on.
   */
  async function inTurn(running: LiveJob, work: () => void): Promise<void> {
    for (let isDone = false; !isDone; ) {
      while (running.ending) await running.ending.catch(() => {})
      isDone = await slices.run(() => {
        if (running.ending) return false
        if (goesOn(running)) work()
        return true
      })
    }
  }

  function goesOn({ record }: LiveJob): boolean {
    return !live.isClosed && live.has(record.id)
  }

  /** Carries out the effects of a step. */
  function step(running: LiveJob, job: Job, effects: JobEffect[]): void {
    room.set(running.record.id, baseBytes(running.record) + job.heldBytes)
    for (const effect of effects) {
      switch (effect.do) {
        case 'submit':
          guard(running, runPart(running, job, effect))
          break
        case 'proceed':
          guard(running, proceed(running, job))
          break
        case 'end':
          void conclude(running, effect)
          return
      }
    }
    given.onStep(running.record, job)
  }

  function conclude(running: LiveJob, effect: JobEffect & { do: 'end' }): Promise<void> {
    return effect.status === 'done'
      ? ends.conclude(running, 'done', { result: effect.result })
      : ends.conclude(running, 'failed', { failure: effect.failure })
  }

  /** Plans the next stage, or takes a step of combining: both may need memory, and a while. */
  async function proceed(running: LiveJob, job: Job): Promise<void> {
    if (!(await room.take(running.record.id, 0))) return
    await inTurn(running, () => step(running, job, job.proceed(clock.wall())))
  }

  /** Runs one round of a part to its end. */
  async function runPart(
    running: LiveJob,
    job: Job,
    effect: JobEffect & { do: 'submit' },
  ): Promise<void> {
    const { part, round } = effect
    const { record } = running
    const isWanted = () => goesOn(running) && part.round === round && part.status === 'running'
    const task = await partTasks.submit(record, effect, isWanted)
    // The next start of the master finds a part that runs while this one stops.
    if (!task || (live.isClosed && live.has(record.id))) return
    if (!isWanted()) return void (await dispatcher.cancel(task))
    part.task = task
    const ended = await partTasks.ended(record.id, task, isWanted)
    if (!ended) return
    await inTurn(running, () => {
      if (!isWanted()) return
      step(running, job, job.partEnded(part, round, endOf(ended), clock.wall()))
    })
    await keepBlobs(running, part)
  }

  /** Stores that the job uses the blobs that a part gave, so that no sweep removes them. */
  async function keepBlobs(running: LiveJob, { done }: PartState): Promise<void> {
    const blobs = blobsIn(done?.files).map(({ sha256 }) => sha256)
    if (blobs.length === 0) return
    while (goesOn(running)) {
      try {
        return await given.blobs.refer(running.record.id, blobs)
      } catch (error) {
        if (!(error instanceof StoreFullError)) throw error
        await pause(clock, AGAIN_MS)
      }
    }
  }
}

/** Jobs compute with results as JavaScript numbers, so every number in one must be a double. */
function mistakeOf(kind: string, result: unknown, outcome: string, outputs: Outputs) {
  const unfit = unfitNumber(outcome)
  return outputs.mistakeIn(kind, result) ?? (unfit && `${kind}: ${unfit.path} ${unfitRule(unfit)}`)
}

const baseBytes = ({ inputBytes }: JobRecord): number => JOB_BYTES + INPUT_FACTOR * inputBytes
