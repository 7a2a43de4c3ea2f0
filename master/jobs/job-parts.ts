// The parts of jobs as tasks: an ordinary queued task for each round of a part, found again after a
// start of the master by its Idempotency-Key. Must not know what a job makes of an outcome.

import { createHash } from 'node:crypto'
import type { Clock } from '../../shared/data/clock.ts'
import { msBetween, pause } from '../../shared/data/clock.ts'
import { Raw } from '../../shared/data/raw-json.ts'
import type { Logger } from '../../shared/process/log.ts'
import type { Slices } from '../../shared/process/time-slices.ts'
import { Problem } from '../../shared/protocol/problems.ts'
import { handedOn } from '../../shared/protocol/trace.ts'
import type { Outcome } from '../../shared/protocol/wire.ts'
import type { JobEffect, PartEnd } from '../core/job.ts'
import { partKey, partTag } from '../core/part-names.ts'
import type { Dispatcher } from '../dispatch/dispatcher.ts'
import { readOutcome } from '../dispatch/task-records.ts'
import type { JobRecord } from '../store/jobs/job-store.ts'
import type { Store, TaskRecord } from '../store/store.ts'
import { RESULT_OUTCOME_BYTES_MAX } from '../views/job-json.ts'
import type { JobMemory } from './job-memory.ts'

/** A part that could not even be queued is tried again after this. In milliseconds. */
const AGAIN_MS = 1_000
/** Memory factor per byte of an outcome while it is read. */
const OUTCOME_FACTOR = 2

type Round = JobEffect & { do: 'submit' }
/** How the task of a part ended. `text`: JSON of its outcome. */
export type Ended = { record: TaskRecord; text: string; bytes: number }

export type PartTasks = ReturnType<typeof createPartTasks>

export function createPartTasks(given: {
  store: Store
  dispatcher: Dispatcher
  clock: Clock
  slices: Slices
  room: JobMemory
  waitLimitMs: number
  log: Logger
}) {
  const { store, dispatcher, clock, slices, room, log } = given

  return {
    /** The id of the part's task, once it is accepted; null when it is no longer wanted. */
    async submit(job: JobRecord, round: Round, isWanted: () => boolean): Promise<string | null> {
      const input = await slices.run(() => JSON.stringify(round.part.spec.input))
      const key = partKey(job.ticket, round.part, round.round)
      const before = await existing(key, input)
      if (before?.input === 'another') {
        return submitNew(job, round, input, `${key}:${hashOf(input)}`, isWanted)
      }
      return before?.task ?? submitNew(job, round, input, key, isWanted)
    },

    /**
     * How a task ended, when there is room in memory for that; null when the part is no longer
     * wanted. A job that has ended reserves no memory, because nothing would release it.
     */
    async ended(job: string, task: string, isWanted: () => boolean): Promise<Ended | null> {
      let ended = await endedOf(task, isWanted)
      if (!ended || !isWanted()) return null
      if (room.tryTake(job, ended.bytes * OUTCOME_FACTOR)) return ended
      const { bytes } = ended
      // It is read again when its turn has come: a waiting part keeps nothing in memory.
      ended = null
      return (await room.take(job, bytes * OUTCOME_FACTOR)) ? endedOf(task, isWanted) : null
    },
  }

  /** The task that has this key, and whether it was made for this input. */
  async function existing(
    key: string,
    input: string,
  ): Promise<{ task: string; input: 'same' | 'another' } | null> {
    const found = await slices.run(() => store.find(key))
    if (!found) return null
    const record = await slices.run(() => store.get(found.id))
    if (!record || record.input === input) return { task: found.id, input: 'same' }
    // A master of another version has cut the job in another way.
    void dispatcher.cancel(found.id)
    return { task: found.id, input: 'another' }
  }

  async function submitNew(
    job: JobRecord,
    { part, files }: Round,
    input: string,
    idempotencyKey: string,
    isWanted: () => boolean,
  ): Promise<string | null> {
    const { kind, keep } = part.spec
    const about = { job: job.id, ticket: job.ticket, ...(keep ? { keep } : {}) }
    const submission = {
      kind,
      input,
      work: JSON.stringify(files.length > 0 ? { ...about, files } : about).slice(1, -1),
      tags: [partTag(job.id)],
      priority: job.priority,
      runLimitMs: job.runLimitMs,
      queue: true,
      waitLimitMs: given.waitLimitMs,
      waitMs: 0,
      idempotencyKey,
      requestHash: 'part',
      client: job.client,
      trace: handedOn(job.id, job.trace),
    }
    for (let again = 0; isWanted(); again++) {
      try {
        return (await slices.run(() => dispatcher.submit(submission))).id
      } catch (error) {
        if (!(error instanceof Problem) || error.status < 500) throw error
        const about = { job: job.id, part: part.index, problem: error.type }
        if (again === 0) log.warn(about, 'cannot queue a part of the job; retrying every second')
        await pause(clock, AGAIN_MS)
      }
    }
    return null
  }

  async function endedOf(id: string, isWanted: () => boolean): Promise<Ended | null> {
    while (isWanted()) {
      await dispatcher.wait(id, Number.POSITIVE_INFINITY)
      if (!isWanted() || dispatcher.isDraining) return null
      const record = await slices.run(() => store.get(id))
      if (!record) throw new Error(`task ${id} was removed before its job read the outcome`)
      if (record.endedAt === null) continue
      const text = record.outcome ?? JSON.stringify(noOutcome(record))
      return { record, text, bytes: Buffer.byteLength(text) }
    }
    return null
  }
}

/** How a part's task ended, for the core. */
export function endOf({ record, text, bytes }: Ended): PartEnd {
  const { slave, tries, startedAt, endedAt } = record
  const ranMs = startedAt && endedAt ? Math.max(0, msBetween(startedAt, endedAt)) : 0
  const written = bytes <= RESULT_OUTCOME_BYTES_MAX ? writtenOf(text) : null
  return { outcome: text, bytes, slave: slave ?? '', tries, startedAt, ranMs, written }
}

/** The result in the text of an outcome, where JSON.stringify writes it in another way; else null. */
function writtenOf(text: string): string | null {
  const outcome = readOutcome(text)
  if (outcome.status !== 'done' || !(outcome.result instanceof Raw)) return null
  const { text: written, value } = outcome.result
  return JSON.stringify(value) === written ? null : written
}

/** What has no outcome has failed for its job. */
function noOutcome({ status }: TaskRecord): Outcome {
  const message =
    status === 'expired' ? 'no slave accepted it within its wait limit' : `it was ${status}`
  return { status: 'failed', type: 'no-capable-slave', message }
}

const hashOf = (input: string): string => createHash('sha256').update(input).digest('base64url')
