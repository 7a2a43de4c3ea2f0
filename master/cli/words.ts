// What a master answers, in words: why a task was refused, where it went, and what befell it there.
// Pure: answers in, text out.

import type {
  Asked,
  Explanation,
  ProblemError,
  Task,
  Trail,
  TrailEntry,
} from '../../shared/client/client.ts'
import { plain } from '../../shared/data/plain-text.ts'
import type { Piece } from '../../shared/protocol/trail.js'
import { isAnswer, linesOf, meaningOf } from '../../shared/protocol/trail.js'
import type { FailureType } from '../../shared/protocol/wire.ts'
import { count, duration } from './output.ts'

const MEANING: Record<FailureType, string> = {
  'rejected-expression':
    'the expression cannot be parsed or uses a name that is not allowed; every slave rejects it',
  'rejected-input': 'the input does not match the schema of the kind; every slave rejects it',
  evaluation: 'the computation failed; it fails on every slave',
  'time-limit': 'it exceeded its run limit and was killed (raise --run-limit-ms)',
  'memory-limit': 'its executor ran out of memory (raise --executor-heap-mb of the slaves)',
  'result-too-large': 'the result is larger than --result-bytes-max of the slave',
  'invalid-result':
    'the result does not match the schema of the kind: an error of the slave, not of the task',
  'executor-crashed': 'the process that computed it crashed',
  poison:
    'the tries are used up and the task itself may crash the slaves: it is not retried automatically',
  'slave-lost': 'its slave disappeared or became silent at each try',
  'outcome-lost': 'its slaves are alive, but none of their outcomes arrived at this master',
  'no-capable-slave': 'no slave that offers its kind accepted it within its wait limit',
  'missing-file': 'a file that it needs could not be fetched',
  'file-changed':
    'a file changed while it was read: submit the task again when no process writes to the file',
  'exit-code': 'the program ended with an exit code other than 0, or by a signal',
  'missing-output': 'the program did not write a file that "outputs" names',
  'disk-limit': 'it wrote more than the slave allows (--command-disk-bytes-max)',
  'program-missing': 'the slave allows the program, but could not start it',
}

/** A slave of another version may give other types. */
const meaningOfFailure = (type: FailureType): string =>
  Object.hasOwn(MEANING, type) ? MEANING[type] : 'see README'

/** A refusal: what was said, who said why not, and what one can do. */
export function refusalInWords({
  type,
  message,
  asked,
  retryAfterMs,
  document,
}: ProblemError): string[] {
  const width = Math.max(0, ...asked.map(({ slave = '' }) => slave.length))
  const answers = asked.map(
    (each) => `  ${(each.slave ?? '').padEnd(width)}  ${answerInWords(each)}`,
  )
  const refused = document.status === 503 || type === 'no-capable-slave'
  const when =
    retryAfterMs === null
      ? ''
      : ` A slot is expected to be free in about ${duration(retryAfterMs)}.`
  const advice =
    refused && type !== 'draining'
      ? [`Nothing was stored and nothing runs.${when} Use --queue to wait for a slave.`]
      : []
  return [`${type}: ${message}`, ...answers, ...advice]
}

function answerInWords({ answer, reason, ms, knownMs }: Asked): string {
  const why = reason === '' ? '' : `: ${plain(reason)}`
  if (knownMs !== undefined) return `${answer}${why} (answer reused, ${duration(knownMs)} old)`
  return `${answer}${why}${ms === undefined ? '' : ` (answered in ${duration(ms)})`}`
}

/** What would happen to a task of this kind now. */
export function explanationInWords(kind: string, { wouldAsk, slaves }: Explanation): string[] {
  const able = slaves.filter(({ state }) => state !== 'unable')
  const verdict =
    wouldAsk !== null
      ? `A task of kind "${kind}" would go to ${wouldAsk} now.`
      : slaves.length === 0
        ? 'A task would be refused now: no slave is registered.'
        : able.length === 0
          ? `A task of kind "${kind}" would be refused now: none of ${count(slaves.length, 'slave')} offers it.`
          : `A task of kind "${kind}" would be refused now: no slave that offers it is available.`
  const width = Math.max(0, ...slaves.map(({ slave }) => slave.length))
  const lines = slaves.map(
    ({ slave, available, reason }) =>
      `  ${slave.padEnd(width)}  ${available ? 'available' : `not available: ${plain(reason)}`}`,
  )
  return [verdict, ...lines]
}

/** Waiting that is worth a word. In milliseconds. */
const WAITED_MS = 50

/** Why a task is where it is: the verdict in sentences, then the trail line by line. */
export function whyInWords(task: Task, { trail }: Trail, now: Explanation | null): string[] {
  return [...verdictOf(task, trail, now), '', ...ladder(task, trail)]
}

function verdictOf(task: Task, trail: TrailEntry[], now: Explanation | null): string[] {
  const first = trail.findIndex(({ event }) => meaningOf(event) === 'taken' || event === 'found')
  const before = first < 0 ? trail : trail.slice(0, first)
  const taken = first < 0 ? undefined : trail[first]
  const losses = trail.filter(({ event }) => ['lost', 'failed'].includes(meaningOf(event) ?? ''))
  return [
    `Task ${task.id}, kind "${task.kind}", is ${task.status}${howItStands(task, trail)}`,
    ...waited(task, before, taken),
    ...losses.map(({ event, slave = 'a slave', reason = '' }) =>
      event === 'slave-lost' || event === 'lost'
        ? `${slave} had it and was lost: ${reason}.`
        : `The try on ${slave} failed: ${event}: ${reason}.`,
    ),
    ...(losses.length > 0 && task.status === 'done'
      ? [`It was tried again and ${task.slave} completed it.`]
      : []),
    ...(task.status === 'failed'
      ? [`${task.failure.type} means: ${meaningOfFailure(task.failure.type)}.`]
      : []),
    ...(now ? [whyNobody(task, now)] : []),
  ]
}

function howItStands(task: Task, trail: TrailEntry[]): string {
  const last = trail.at(-1)
  const ran =
    task.startedAt && task.endedAt ? Date.parse(task.endedAt) - Date.parse(task.startedAt) : null
  switch (task.status) {
    case 'done':
      return `: ${task.slave} completed it${ran === null ? '' : ` in ${duration(ran)}`}.`
    case 'failed':
      return `, after ${task.tries === 1 ? '1 try' : `${task.tries} tries`}: ${task.failure.type}: ${task.failure.message}.`
    case 'in progress': {
      const since = task.startedAt
        ? `, for ${duration(Date.now() - Date.parse(task.startedAt))} now`
        : ''
      return `: ${task.slave} runs it${since} (${duration(task.runLimitMs)} at most).`
    }
    case 'cancelled': {
      const when = duration(Date.parse(task.endedAt ?? task.createdAt) - Date.parse(task.createdAt))
      const who = task.slave
        ? `${task.slave} was running it and was stopped`
        : 'it was still queued'
      return `: a client cancelled it ${when} after it was accepted; ${who}.`
    }
    case 'expired':
      return `: no slave accepted it within its wait limit.`
    case 'pending':
      return last?.event === 'retry'
        ? ': it pauses before its next try.'
        : ': it is queued until a slave is available.'
  }
}

/** How long it waited for its first slave, and why. */
function waited(task: Task, before: TrailEntry[], taken: TrailEntry | undefined): string[] {
  const until = Date.parse(taken?.at ?? task.endedAt ?? new Date().toISOString())
  // The time that the one who took it needed for its answer is no waiting.
  const ms = until - Date.parse(task.createdAt) - (taken?.ms ?? 0)
  const refusals = before.filter((entry) => isAnswer(entry))
  if (refusals.length === 0) {
    if (ms < WAITED_MS) return []
    const none = taken
      ? 'initially no slave could be asked'
      : 'no slave could be asked: no live slave offered its kind'
    return [`It waited ${duration(ms)}: ${none}.`]
  }
  const reasons = refusals
    .slice(0, 5)
    .map(({ slave, event, reason }) => (slave ? `${slave} (${reason || event})` : reason))
  const more = refusals.length > 5 ? ` and ${refusals.length - 5} more` : ''
  const who = `${reasons.join(', ')}${more}`
  if (ms < WAITED_MS) return [`Skipped before: ${who}.`]
  return [
    `It waited ${duration(ms)}, because no slave was available when it was submitted: ${who}.`,
  ]
}

function whyNobody(task: Task, { slaves, wouldAsk }: Explanation): string {
  if (slaves.length === 0) return 'Now no slave is registered.'
  const able = slaves.filter(({ state }) => state !== 'unable')
  if (able.length === 0)
    return `Now none of ${count(slaves.length, 'slave')} offers "${task.kind}": it waits for one that does.`
  if (wouldAsk !== null) return `Now ${wouldAsk} is available.`
  return `Now: ${able.map(({ slave, reason }) => `${slave} is not available: ${reason}`).join('; ')}.`
}

function ladder(task: Task, trail: TrailEntry[]): string[] {
  const since = Date.parse(task.createdAt)
  const lines = linesOf(trail).map(({ entry, pieces }) => ({
    at: `+${duration(Math.max(0, Date.parse(entry.at) - since))}`,
    says: pieces.map(textOf).join(''),
  }))
  const width = Math.max(0, ...lines.map(({ at }) => at.length))
  return lines.map(({ at, says }) => `  ${at.padStart(width)}  ${plain(says)}`)
}

function textOf(piece: Piece): string {
  if (typeof piece === 'string') return piece
  if ('ms' in piece) return duration(piece.ms)
  return 'slave' in piece ? piece.slave : piece.said
}
