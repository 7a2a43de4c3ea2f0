// A member of the pool: one child process and the runs that were sent to it. Data and functions on it;
// pool.ts and members.ts change it.

import type { End } from './ends.ts'
import type { Executor } from './executor.ts'
import type { Run } from './executors.ts'
import type { RunAverages } from './run-averages.ts'
import type { RunQueue } from './run-queue.ts'

/** A run, in the queue or sent to a member. */
export type Entry = {
  run: Run
  kind: number
  place: 'queue' | 'forgotten' | { member: Member; n: number }
}

export type Member = {
  executor: Executor
  state: 'starting' | 'ready' | 'leaving' | 'gone'
  /** Sent runs by number, in order. Undefined: killed or taken back, and not reported yet. */
  fed: Map<number, Entry | undefined>
  /** The number of the last run sent. */
  sent: number
  /** When the head became the head, or the child was started. Monotonic time. */
  since: number
  startedAt: number
  /** When to check it next. */
  checkAt: number
  /** Least limit of the sent runs. */
  limitMs: number
  /** Its head is not tiny: nothing is sent ahead. */
  isLong: boolean
}

/** A killed run that starts before its skip is read may take this long: it may be tiny. In milliseconds. */
export const UNWANTED_MS = 20

/** A member whose child starts now, and must be ready by `checkAt`. */
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

/** Moves runs from the queue to a member, up to its share, and returns them in order. */
export function moveFromQueue(
  queue: RunQueue<Entry>,
  member: Member,
  { share, now, averages }: { share: number; now: number; averages: RunAverages },
): Entry[] {
  const { fed } = member
  if (fed.size === 0) {
    member.since = now
    member.limitMs = Number.POSITIVE_INFINITY
  }
  const moved: Entry[] = []
  for (let entry = queue.first(); entry && fed.size < share; entry = queue.first()) {
    if (fed.size === 0) member.isLong = !averages.isTiny(entry.kind)
    else if (member.isLong || !averages.maySendAhead(entry.kind, fed.size)) break
    queue.shift()
    const n = ++member.sent
    entry.place = { member, n }
    fed.set(n, entry)
    member.limitMs = Math.min(member.limitMs, entry.run.runLimitMs)
    moved.push(entry)
  }
  return moved
}

/**
 * Removes the run that an end reports. Undefined: it was killed or taken back before. `garbage`: the
 * child has no such run, or it is not the head, or the child skipped a run that is wanted.
 */
export function removeEnded({ fed }: Member, { n, outcome }: End): Entry | undefined | 'garbage' {
  const entry = fed.get(n)
  const isPossible = outcome === null ? !entry && fed.has(n) : n === firstKey(fed)
  if (!isPossible) return 'garbage'
  fed.delete(n)
  return entry
}

/** Removes the runs behind a head that takes long. Returns the runs, and their numbers, to be skipped. */
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

/** The least limit of the sent runs, the first of which is `head`. */
export function leastLimit(fed: Member['fed'], head: number): number {
  let least = fed.get(head) ? Number.POSITIVE_INFINITY : UNWANTED_MS
  for (const entry of fed.values()) least = Math.min(least, entry?.run.runLimitMs ?? least)
  return least
}

/** For logs, metrics and tests: how many runs are in the queue, how many were sent, and to whom. */
export function stateOf(queue: RunQueue<Entry>, members: Member[]) {
  return {
    waiting: queue.length(),
    fed: members.reduce((sum, { fed }) => sum + fed.size, 0),
    executors: members.map(({ executor: { pid }, state, fed }) => ({
      pid,
      state: state === 'gone' ? ('leaving' as const) : state,
      fed: fed.size,
    })),
  }
}
