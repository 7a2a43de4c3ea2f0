// Judges a chaos run from two things only: the history that its clients wrote, and the rows of the
// store after the master has stopped. Shares no code with the master, and must not: it would share
// its mistakes.
//
//   node test/rigs/chaos/checker.ts HISTORY.ndjson STORE.sqlite

import { DatabaseSync } from 'node:sqlite'
import type { Batch, Entry, List, Seen, Submit, Wanted } from './history.ts'
import { readHistory } from './history.ts'

export const FINDINGS = {
  lost: 'a task that was acknowledged is not there',
  stuck: 'a task has not ended although all is healed',
  'second-outcome': 'two sightings of an ended task differ',
  'went-back': 'a task was seen live after it was seen ended',
  'wrong-value': 'a result is not what the client computed',
  'wrong-end': 'a task ended in a way for which there was no cause',
  'two-ids': 'one key was answered with two tasks',
  doubled: 'one submission is in the store more than once',
  'refused-but-there': 'every request was refused, and yet there is a task',
  'from-nowhere': 'a task in the store was never submitted',
  'another-body': 'a key was accepted with another body',
  'changed-input': 'the store holds another input than was sent',
  'missing-in-list': 'a list leaves out a task that it should show',
  'ended-twice': 'a trail has no end, or more than one',
  'cancel-undone': 'a task that was said to be cancelled ended otherwise',
  'outbox-left': 'a slave still holds attempts when all is quiet',
  'internal-error': 'an answer was a mistake of the server',
} as const
export type FindingKind = keyof typeof FINDINGS
export type Finding = { kind: FindingKind; id: string; tag: string; words: string }

/** A row of the store, as far as it is judged. */
export type Row = {
  id: string
  status: string
  /** JSON text, as in the store. */
  tags: string
  input: string
  outcome: string | null
  trail: string
  idempotencyKey: string | null
}

const ENDS = ['done', 'failed', 'cancelled', 'expired']
/** Refusals that a client may hear; any other 5xx is a mistake of the server. */
const REFUSALS_5XX = [503, 504, 507]

type Submission = { wanted: Wanted; ids: Set<string>; refused: number; silent: number }
type Task = {
  tag: string
  /** When the first acknowledgement was read; Infinity while there is none. */
  ackedAt: number
  /** How it ended, as first seen, and when that was read. */
  end: string | null
  endedAt: string | null
  endSeenAt: number
  /** The last request that saw it live, or not at all, was sent then. */
  liveAskedAt: number
  missingAskedAt: number
  cancelAsked: boolean
}

export type Verdict = ReturnType<ReturnType<typeof createChecker>['finish']>

/** Takes a history line by line with `take`, then the store's rows with `finish`. */
export function createChecker() {
  const submissions = new Map<string, Submission>()
  const tasks = new Map<string, Task>()
  const keys = new Map<string, { id: string; body: string }>()
  const lists: List[] = []
  const findings: Finding[] = []
  const counts = { requests: 0, acknowledged: 0, unanswered: 0, refused: 0, ended: 0, rows: 0 }
  const refusals: Record<string, number> = {}

  return { take, finish }

  function find(kind: FindingKind, id: string, words: string, tag?: string): void {
    findings.push({ kind, id, tag: tag ?? tasks.get(id)?.tag ?? '', words })
  }

  function take(entry: Entry): void {
    counts.requests++
    if (entry.code === null) counts.unanswered++
    else takeCode(entry.code, entry.problem, entry.n)
    if (entry.op === 'submit') takeSubmit(entry)
    else if (entry.op === 'batch') takeBatch(entry)
    else if (entry.op === 'list') takeList(entry)
    else if (entry.op === 'held') {
      const words = `${entry.slave} holds ${entry.attempts} (code ${entry.code})`
      if (entry.code !== 200 || entry.attempts > 0) find('outbox-left', '', words)
    } else {
      const task = taskOf(entry.id)
      if (entry.op === 'cancel') task.cancelAsked = true
      if (entry.op === 'cancel' && entry.code === 200 && entry.seen?.status !== 'cancelled') {
        find('cancel-undone', entry.id, `DELETE said ${entry.seen?.status} (line ${entry.n})`)
      }
      if (entry.code === 404) task.missingAskedAt = Math.max(task.missingAskedAt, entry.from)
      if (entry.seen) see(entry.seen, entry)
    }
  }

  function takeCode(code: number, problem: string | undefined, n: number): void {
    if (code >= 400) {
      counts.refused++
      const name = `${code} ${problem ?? ''}`
      refusals[name] = (refusals[name] ?? 0) + 1
    }
    if (code >= 500 && !REFUSALS_5XX.includes(code))
      find('internal-error', '', `line ${n}: ${code}`)
  }

  function takeSubmit(entry: Submit): void {
    const { key, wanted, seen } = entry
    const submission = submissionOf(wanted)
    if (entry.code === null) submission.silent++
    else if (entry.code >= 400) submission.refused++
    else if (seen) {
      const body = JSON.stringify([wanted.kind, wanted.input, wanted.tag])
      const before = key === null ? undefined : keys.get(key)
      if (before && before.body !== body) {
        find('another-body', seen.id, `key ${key}, line ${entry.n}`, wanted.tag)
      } else if (before && before.id !== seen.id) {
        find('two-ids', seen.id, `key ${key} was ${before.id} before line ${entry.n}`, wanted.tag)
      }
      if (key !== null && !before) keys.set(key, { id: seen.id, body })
      acknowledge(submission, seen, entry)
    }
  }

  function takeBatch(entry: Batch): void {
    entry.wanted.forEach((wanted, i) => {
      const submission = submissionOf(wanted)
      const one = entry.each?.[i]
      if (entry.code === null) submission.silent++
      else if (entry.code >= 400) submission.refused++
      else if (!one) find('internal-error', '', `line ${entry.n} leaves out item ${i}`, wanted.tag)
      else {
        if (one.code >= 400) submission.refused++
        takeCode(one.code, one.problem, entry.n)
        if (one.seen) acknowledge(submission, one.seen, entry)
      }
    })
  }

  function takeList(entry: List): void {
    for (const seen of entry.seen ?? []) see(seen, entry)
    if (entry.lowest !== undefined) lists.push(entry)
  }

  function submissionOf(wanted: Wanted): Submission {
    let submission = submissions.get(wanted.tag)
    if (!submission) {
      submission = { wanted, ids: new Set(), refused: 0, silent: 0 }
      submissions.set(wanted.tag, submission)
    }
    return submission
  }

  function taskOf(id: string): Task {
    let task = tasks.get(id)
    if (!task) {
      const never = Number.NEGATIVE_INFINITY
      const later = Number.POSITIVE_INFINITY
      const unseen = { ackedAt: later, end: null, endedAt: null, endSeenAt: later }
      const unasked = { liveAskedAt: never, missingAskedAt: never, cancelAsked: false }
      task = { tag: '', ...unseen, ...unasked }
      tasks.set(id, task)
    }
    return task
  }

  function acknowledge(submission: Submission, seen: Seen, entry: Entry): void {
    submission.ids.add(seen.id)
    const task = taskOf(seen.id)
    if (task.ackedAt === Number.POSITIVE_INFINITY) counts.acknowledged++
    if (task.tag !== '' && task.tag !== submission.wanted.tag) {
      find('doubled', seen.id, `is ${task.tag} and ${submission.wanted.tag} (line ${entry.n})`)
    }
    task.tag = submission.wanted.tag
    task.ackedAt = Math.min(task.ackedAt, entry.to)
    see(seen, entry)
  }

  function see(seen: Seen, { from, to, n }: Entry): void {
    const task = taskOf(seen.id)
    if (task.tag === '' && seen.tags?.[0]) task.tag = seen.tags[0]
    if (!ENDS.includes(seen.status)) {
      task.liveAskedAt = Math.max(task.liveAskedAt, from)
      return
    }
    task.endSeenAt = Math.min(task.endSeenAt, to)
    compareEnds(seen.id, task, endOf(seen), seen.endedAt ?? null, `line ${n}`)
  }

  function compareEnds(id: string, task: Task, end: string, at: string | null, where: string) {
    if (task.end !== null && task.end !== end) {
      find('second-outcome', id, `first ${task.end}, then ${end} (${where})`)
    } else if (task.endedAt !== null && at !== null && task.endedAt !== at) {
      find('second-outcome', id, `ended at ${task.endedAt}, then at ${at} (${where})`)
    }
    task.end ??= end
    task.endedAt ??= at
  }

  /** The verdict. `rows`: all tasks of the store. */
  function finish(rows: Iterable<Row>) {
    const stored = new Map<string, string[]>()
    const ids = new Set<string>()
    for (const row of rows) {
      counts.rows++
      ids.add(row.id)
      const tag = (JSON.parse(row.tags) as string[])[0] ?? ''
      stored.set(tag, [...(stored.get(tag) ?? []), row.id])
      judgeRow(row, tag)
    }
    for (const [tag, { wanted, ids: answered, refused, silent }] of submissions) {
      const there = stored.get(tag) ?? []
      if (there.length > 1) find('doubled', there[1] as string, `also ${there[0]}`, wanted.tag)
      if (there.length > 0 && refused > 0 && silent === 0 && answered.size === 0) {
        find('refused-but-there', there[0] as string, `refused ${refused} times`, tag)
      }
    }
    judgeSightings(ids)
    judgeLists()
    const kinds = Object.fromEntries(Object.keys(FINDINGS).map((kind) => [kind, 0]))
    for (const { kind } of findings) kinds[kind] = (kinds[kind] ?? 0) + 1
    return { ok: findings.length === 0, counts, refusals, kinds, findings }
  }

  function judgeRow(row: Row, tag: string): void {
    const submission = submissions.get(tag)
    if (!submission) {
      find('from-nowhere', row.id, `tags ${row.tags}`)
      return
    }
    const { wanted } = submission
    if (!same(JSON.parse(row.input), wanted.input)) find('changed-input', row.id, row.input, tag)
    const task = taskOf(row.id)
    task.tag ||= tag
    if (!ENDS.includes(row.status)) {
      find('stuck', row.id, `is ${row.status} at the end`, tag)
      if (task.end !== null) find('went-back', row.id, `the store says ${row.status}`, tag)
      return
    }
    counts.ended++
    const outcome =
      row.outcome === null ? null : (JSON.parse(row.outcome) as Record<string, unknown>)
    const seen: Seen = { id: row.id, status: row.status }
    if (outcome && 'result' in outcome) seen.result = JSON.stringify(outcome.result)
    if (outcome && 'type' in outcome) {
      seen.failure = { type: String(outcome.type), message: String(outcome.message) }
    }
    compareEnds(row.id, task, endOf(seen), null, 'the store')
    judgeEnd(seen, wanted, task)
    const trail = JSON.parse(row.trail) as { event: string }[]
    const ends = trail.filter(({ event }) => ENDS.includes(event)).length
    if (ends !== 1) find('ended-twice', row.id, `${ends} ends in its trail`)
  }

  function judgeEnd(seen: Seen, wanted: Wanted, task: Task): void {
    if (seen.status === 'cancelled' && task.cancelAsked) return
    if (seen.status === 'done' && wanted.result !== undefined) {
      const words = `is ${seen.result}, should be ${wanted.result}`
      if (seen.result !== wanted.result) find('wrong-value', seen.id, words)
      return
    }
    if (seen.status === 'failed' && seen.failure?.type === wanted.failure) return
    const should = wanted.failure ?? `done with ${wanted.result}`
    find('wrong-end', seen.id, `is ${endOf(seen)}, should be ${should}`)
  }

  function judgeSightings(ids: Set<string>): void {
    for (const [id, task] of tasks) {
      const acked = task.ackedAt < Number.POSITIVE_INFINITY
      if (acked && !ids.has(id)) find('lost', id, 'acknowledged, and not in the store')
      if (!acked && !ids.has(id) && task.end !== null) find('lost', id, 'seen, not in the store')
      if (task.missingAskedAt > task.ackedAt) find('lost', id, '404 after it was acknowledged')
      if (task.liveAskedAt > task.endSeenAt) find('went-back', id, 'seen live after its end')
    }
  }

  /** Whatever was acknowledged before a list was asked for must be on it, if its id is in range. */
  function judgeLists(): void {
    const acked = [...tasks].filter(([, { ackedAt }]) => ackedAt < Number.POSITIVE_INFINITY)
    acked.sort(([a], [b]) => (a < b ? -1 : 1))
    for (const { from, lowest, before, seen, n } of lists) {
      const shown = new Set((seen ?? []).map(({ id }) => id))
      let low = 0
      for (let high = acked.length; low < high; ) {
        const middle = (low + high) >> 1
        if ((acked[middle]?.[0] ?? '') < (lowest ?? '')) low = middle + 1
        else high = middle
      }
      for (let i = low; i < acked.length; i++) {
        const [id, { ackedAt }] = acked[i] as [string, Task]
        if (before !== undefined && id >= before) break
        if (ackedAt < from && !shown.has(id)) find('missing-in-list', id, `line ${n}`)
      }
    }
  }
}

function endOf({ status, result, failure }: Seen): string {
  if (failure) return `${status} ${failure.type}: ${failure.message}`
  return result === undefined ? status : `${status} ${result}`
}

/** Equal but for the order of fields. */
function same(a: unknown, b: unknown): boolean {
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return a === b
  const [x, y] = [a as Record<string, unknown>, b as Record<string, unknown>]
  const names = Object.keys(x)
  return names.length === Object.keys(y).length && names.every((name) => same(x[name], y[name]))
}

/** The rows of a store whose master has stopped. */
export function* readStore(path: string): Generator<Row> {
  const database = new DatabaseSync(path, { readOnly: true })
  const columns = 'id, status, tags, input, outcome, trail, idempotencyKey'
  try {
    const rows = database.prepare(`SELECT ${columns} FROM tasks ORDER BY n`).iterate()
    for (const row of rows) yield row as unknown as Row
  } finally {
    database.close()
  }
}

/** Judges the files of a run. */
export async function check(history: string, store: string): Promise<Verdict> {
  const checker = createChecker()
  for await (const entry of readHistory(history)) checker.take(entry)
  return checker.finish(readStore(store))
}

if (import.meta.main) {
  const [history = '', store = ''] = process.argv.slice(2)
  const verdict = await check(history, store)
  process.stdout.write(`${JSON.stringify({ ...verdict, findings: undefined }, null, 2)}\n`)
  for (const { kind, id, tag, words } of verdict.findings.slice(0, 100)) {
    process.stdout.write(`${kind}: ${id} (${tag}): ${words}\n`)
  }
  process.exitCode = verdict.ok ? 0 : 1
}
