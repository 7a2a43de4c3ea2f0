// A member of the pool: one child process and the runs that went down its pipe. Data and pure
// functions on it; who changes it is pool.ts.

import type { EndFrame } from './channel.ts'
import type { Executor } from './executor.ts'
import type { Run } from './executors.ts'
import type { Line } from './line.ts'
import type { RunAverages } from './run-averages.ts'

/** A run, in the line or down a pipe. */
export type Entry = {
  run: Run
  kind: number
  place: 'line' | 'forgotten' | { member: Member; n: number }
}

export type Member = {
  executor: Executor
  state: 'starting' | 'ready' | 'leaving' | 'gone'
  /** Down the pipe, by number, in order. Undefined: killed or taken back, not yet heard of. */
  fed: Map<number, Entry | undefined>
  /** The number of the last run sent. */
  sent: number
  /** When the head became the head (or the child was started), by the monotonic clock. */
  since: number
  startedAt: number
  /** When to look at it next. */
  checkAt: number
  /** Least run limit of those down the pipe. */
  limitMs: number
  /** What it computes is not tiny: nothing is sent ahead. */
  isLong: boolean
}

/** A killed run that begins before its skip is heard may finish within this: it may well be tiny. */
export const UNWANTED_MS = 20

/** A member whose child starts now, and is looked at if it is not ready by `checkAt`. */
export function newMember(executor: Executor, now: number, checkAt: number): Member {
  return {
    executor,
    state: 'starting',
    fed: new Map(),
    sent: 0,
    since: now,
    startedAt: now,
    checkAt,
    limitMs: Number.POSITIVE_INFINITY,
    isLong: false,
  }
}

/** Moves runs from the line to a member, up to its share, and gives them in order. */
export function moveFromLine(
  line: Line<Entry>,
  member: Member,
  { share, now, averages }: { share: number; now: number; averages: RunAverages },
): Entry[] {
  const { fed } = member
  if (fed.size === 0) {
    member.since = now
    member.limitMs = Number.POSITIVE_INFINITY
  }
  const moved: Entry[] = []
  for (let entry = line.first(); entry && fed.size < share; entry = line.first()) {
    if (fed.size === 0) member.isLong = !averages.isTiny(entry.kind)
    else if (member.isLong || !averages.maySendAhead(entry.kind, fed.size)) break
    line.shift()
    const n = ++member.sent
    entry.place = { member, n }
    fed.set(n, entry)
    member.limitMs = Math.min(member.limitMs, entry.run.runLimitMs)
    moved.push(entry)
  }
  return moved
}

/**
 * Removes the run that a frame says has ended. Undefined: it was killed or taken back before.
 * `garbage`: the child has no such run, or it is not at the head, or it was wanted and skipped.
 */
export function removeEnded(
  { fed }: Member,
  [n, ...ended]: EndFrame,
): Entry | undefined | 'garbage' {
  const entry = fed.get(n)
  const isPossible = ended.length === 0 ? fed.has(n) && !entry : n === firstKey(fed)
  if (!isPossible) return 'garbage'
  fed.delete(n)
  return entry
}

/** Removes the runs behind the head, which takes long: their numbers, to be skipped, and the runs. */
export function removeBehind(member: Member, head: number) {
  member.isLong = true
  const back: Entry[] = []
  const numbers: number[] = []
  for (const [n, entry] of member.fed) {
    if (n <= head || !entry) continue
    member.fed.set(n, undefined)
    back.push(entry)
    numbers.push(n)
  }
  return { numbers, back }
}

/** The number of the run that a member computes now. */
export function headOf({ fed, executor }: Member): number | undefined {
  if (fed.size > 1) {
    const { n } = executor.begun()
    if (fed.has(n)) return n
  }
  return firstKey(fed)
}

export function firstKey(fed: Member['fed']): number | undefined {
  return fed.keys().next().value
}

export function firstOf(fed: Member['fed']): Entry | undefined {
  return fed.values().next().value
}

/** The least run limit of those down a pipe whose head is `head`. */
export function leastLimit(fed: Member['fed'], head: number): number {
  let least = fed.get(head) ? Number.POSITIVE_INFINITY : UNWANTED_MS
  for (const entry of fed.values()) least = Math.min(least, entry?.run.runLimitMs ?? least)
  return least
}

/** For logs, metrics and tests: how many runs wait in the line, how many went down a pipe, and which. */
export function stateOf(line: Line<Entry>, members: Member[]) {
  return {
    waiting: line.length(),
    fed: members.reduce((sum, { fed }) => sum + fed.size, 0),
    executors: members.map(({ executor: { pid }, state, fed }) => ({
      pid,
      state: state === 'gone' ? ('leaving' as const) : state,
      fed: fed.size,
    })),
  }
}
