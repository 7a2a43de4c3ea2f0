// Tasks as clients read them.

import { isoOf } from '../../shared/data/clock.ts'
import { Raw } from '../../shared/data/raw-json.ts'
import { traceIdOf } from '../../shared/protocol/trace.ts'
import type { Outcome } from '../../shared/protocol/wire.ts'
import { saidNeeds } from '../core/needs.ts'
import { asked, reasonOf, timesOf } from '../core/trail.ts'
import type { Reply } from '../dispatch/pending-requests.ts'
import { readOutcome, termsIn } from '../dispatch/task-records.ts'
import { workIn } from '../dispatch/task-work.ts'
import type { TaskRecord, TaskSummary, TrailEntry } from '../store/store.ts'

/** The reply to a POST whose task has not ended. */
export function acceptedJson(reply: Reply) {
  const { id, status, slave, trail } = reply
  const message =
    slave === null
      ? 'Task accepted; it is queued until a slave is available.'
      : `Task successfully assigned to ${slave}.`
  return { id, status, slave, message, asked: asked(trail) }
}

/**
 * The same as JSON text without its braces: of each task of a batch. The usual task, which the first slave
 * that was asked has taken, is written at once, in a third of the time.
 */
export function acceptedText(reply: Reply): string {
  const { id, status, slave, trail } = reply
  const [taken] = trail
  const isUsual = trail.length === 1 && taken?.event === 'taken' && slave !== null
  if (!isUsual || taken.slave !== slave || reasonOf(taken) !== '') {
    return JSON.stringify(acceptedJson(reply)).slice(1, -1)
  }
  const name = JSON.stringify(slave)
  const message = `"Task successfully assigned to ${name.slice(1, -1)}."`
  const { ms, knownMs } = timesOf(taken)
  const times = `${ms === undefined ? '' : `,"ms":${ms}`}${knownMs === undefined ? '' : `,"knownMs":${knownMs}`}`
  return (
    `"id":"${id}","status":"${status}","slave":${name},"message":${message},` +
    `"asked":[{"slave":${name},"answer":"available","reason":""${times}}]`
  )
}

/** The reply to a POST whose task ended while its client waited. */
export const endedJson = ({ id, kind, status, slave, outcome, trail }: Reply) => ({
  id,
  kind,
  status,
  ...outcomeJson(outcome),
  slave,
  asked: asked(trail),
})

/** A whole task. Its secret variables are never shown. */
export function taskJson(record: TaskRecord) {
  const { id, trace, trail } = record
  return {
    ...summaryJson(record),
    ...termsJson(record),
    traceId: traceIdOf(id, trace),
    asked: asked(trail),
  }
}

/** What a client said of it beyond the usual. */
function termsJson(record: TaskRecord) {
  const { files = [], outputs = [] } = workIn(record.work) ?? {}
  const { needs = [], attemptsMax = null, retryOn = [] } = termsIn(record.terms) ?? {}
  const said = saidNeeds(needs)
  const facts = files.map(({ name, sha256, bytes }) => [name, { sha256, bytes }])
  return {
    ...(files.length > 0 ? { inputFiles: Object.fromEntries(facts) } : {}),
    ...(outputs.length > 0 ? { outputs } : {}),
    ...(said !== undefined ? { needs: said } : {}),
    ...(attemptsMax !== null ? { attemptsMax } : {}),
    ...(retryOn.length > 0 ? { retryOn: [...retryOn] } : {}),
  }
}

/** What a list leaves out of an outcome that is too long for it. */
const LEFT_OUT: ReadonlyMap<string, string> = new Map([
  ['done', 'result'],
  ['failed', 'failure'],
])

/** A task in a list. What is too long for a list is left out, and named in `omitted`. */
export function summaryJson(task: TaskSummary | TaskRecord) {
  const outcome = task.outcome === null ? null : readOutcome(task.outcome)
  const left = outcome === null ? LEFT_OUT.get(task.status) : undefined
  const omitted = [...(task.input === null ? ['input'] : []), ...(left ? [left] : [])]
  return {
    id: task.id,
    kind: task.kind,
    status: task.status,
    ...(task.input === null ? {} : { input: new Raw(task.input) }),
    ...outcomeJson(outcome),
    slave: task.slave,
    tries: task.tries,
    priority: task.priority,
    runLimitMs: task.runLimitMs,
    tags: task.tags,
    createdAt: isoOf(task.createdAt),
    startedAt: isoOf(task.startedAt),
    endedAt: isoOf(task.endedAt),
    ...(task.waitUntil === null ? {} : { waitUntil: isoOf(task.waitUntil) }),
    ...(omitted.length === 0 ? {} : { omitted }),
  }
}

function outcomeJson(outcome: Outcome | null) {
  if (outcome === null) return {}
  if (outcome.status === 'done') {
    const { status: _, ...result } = outcome
    return result
  }
  const { type, message, exitCode, signal, result, files } = outcome
  const ended = type === 'exit-code' ? { exitCode: exitCode ?? null, signal: signal ?? null } : {}
  return {
    ...(result === undefined ? {} : { result }),
    ...(files === undefined ? {} : { files }),
    failure: { type, message, ...ended },
  }
}

/** A trail, entry by entry, with its reasons in words. */
export const trailJson = (trail: TrailEntry[]) =>
  trail.map((entry) => {
    const { at, event, slave } = entry
    const reason = reasonOf(entry)
    return {
      at: isoOf(at),
      event,
      ...(slave === undefined ? {} : { slave }),
      ...(reason === '' && entry.reason === undefined ? {} : { reason }),
      ...timesOf(entry),
    }
  })
