// The pool of child processes that compute runs. Owns the queue, which member computes what, and the limits
// of time and memory; members.ts replaces the children. Must not know slots, masters or HTTP.
//
// A run is in exactly one place:
//
//   run() --> queue --fed--> pipe of one member --> ended (onEnded, once)
//              ^                  |
//              +--- taken back: it had not started when its member died, hung or was killed
//   kill(): forgotten, wherever it is
//
// The head, which its member computes now, is the first run in the pipe. With several runs there, outcomes
// may not have been flushed, so the child's mark says which one it is (channel.ts).

import assert from 'node:assert'
import type { FailureType } from '../../shared/protocol/wire.ts'
import type { End } from './ends.ts'
import type { Death } from './executor.ts'
import { createExecutor } from './executor.ts'
import type { Executors, Run, RunEnded } from './executors.ts'
import type { Entry, Member } from './member.ts'
import {
  firstKey,
  headOf,
  leastLimit,
  moveFromQueue,
  removeBehind,
  removeEnded,
  stateOf,
} from './member.ts'
import { createMembers } from './members.ts'
import type { PoolOptions } from './pool-options.ts'
import { childProgramOf, withDefaults } from './pool-options.ts'
import { createRunAverages } from './run-averages.ts'
import { encodeRuns } from './run-frames.ts'
import { judge, nextCheckAt, SILENT_MS } from './run-limits.ts'
import { createRunQueue } from './run-queue.ts'
import { createWatch } from './watch.ts'

export type Pool = Executors & {
  /** Resolves when all executors are ready; rejects when the pool is closed before. */
  ready(): Promise<void>
  state(): ReturnType<typeof stateOf>
}

const TROUBLE_CHARACTERS = 500

/** Starts the children. They are ready some time later; runs wait for them in the queue. */
export function createPool(given: PoolOptions): Pool {
  const options = withDefaults(given)
  const { onEnded, onTrouble, heapMb, rssMaxMb, startLimitMs } = options
  const childProgram = childProgramOf(options)
  const kindIndex = new Map(options.kinds.map((name, index) => [name, index]))
  const averages = createRunAverages(options.kinds.length)

  const entries = new Map<string, Entry>()
  const queue = createRunQueue<Entry>()
  const watch = createWatch(check)
  const members = createMembers({
    ...options,
    start: (member) =>
      createExecutor(childProgram, {
        onReady: () => members.isReady(member()),
        onEnds: (ends) => hear(member(), ends),
        onGarbage: () => onGarbage(member()),
        onDeath: (death) => onDeath(member(), death),
      }),
    onChange: feedIfWaiting,
    onWatch: watch.at,
  })
  let feeding: NodeJS.Immediate | undefined
  let closing: Promise<void> | undefined

  members.tend()

  function run(newRun: Run) {
    if (closing) return
    const kind = kindIndex.get(newRun.kind)
    assert(kind !== undefined, `no kind "${newRun.kind}" in the executors`)
    assert(!entries.has(newRun.attempt), `attempt ${newRun.attempt} is already here`)
    const entry: Entry = { run: newRun, kind, place: 'queue' }
    entries.set(newRun.attempt, entry)
    queue.push(entry)
    feedSoon()
  }

  function kill(attempt: string) {
    const entry = entries.get(attempt)
    if (!entry) return
    entries.delete(attempt)
    const { place } = entry
    entry.place = 'forgotten'
    if (place === 'queue') return queue.forget()
    assert(place !== 'forgotten')
    const { member, n } = place
    member.fed.set(n, undefined)
    if (headOf(member) === n) stop(member)
    else skip(member, [n])
  }

  async function closeAll() {
    clearImmediate(feeding)
    watch.close()
    await members.close()
    entries.clear()
    queue.clear()
  }

  // ---- feeding: which member computes what

  /** Once per turn of the event loop, so that all runs of a turn are one write. */
  function feedSoon() {
    feeding ??= setImmediate(feedAll)
  }

  function feedIfWaiting() {
    if (queue.length() > 0) feedSoon()
  }

  function feedAll() {
    feeding = undefined
    if (queue.length() === 0) return
    const serving = members.serving()
    const fed = serving.reduce((sum, member) => sum + member.fed.size, 0)
    const share = Math.ceil((queue.length() + fed) / serving.length)
    const now = performance.now()
    for (const member of serving) feed(member, share, now)
    if (serving.some(members.isWorn)) members.tendSoon()
  }

  function feed(member: Member, share: number, now: number) {
    const batch = moveFromQueue(queue, member, { share, now, averages })
    if (batch.length === 0) return
    member.executor.send(`${encodeRuns(batch, reject)}\n`)
    watchMember(member, member.since, now)
  }

  /** Its number in the pipe stays used; the child skips it. */
  function reject(entry: Entry, reason: string) {
    const { place } = entry
    assert(typeof place === 'object')
    place.member.fed.set(place.n, undefined)
    onEnded([fail(entry, 'rejected-input', reason, 0)])
  }

  // ---- events of members

  function hear(member: Member, ends: End[]) {
    const ended: RunEnded[] = []
    const { fed } = member
    const isSane = ends.every((end) => hearOne(member, end, ended))
    if (!isSane) stopForGarbage(member, ended)
    else if (fed.size === 0 && member.state === 'leaving') stop(member)
    else members.works()
    member.since = performance.now()
    if (fed.size === 0) member.checkAt = Number.POSITIVE_INFINITY
    else {
      if (fed.size === 1) member.limitMs = leastLimit(fed, firstKey(fed)!)
      watchMember(member, member.since, member.since)
    }
    feedIfWaiting()
    if (ended.length > 0) onEnded(ended)
  }

  /** False when the child reports a run that it cannot have ended. */
  function hearOne(member: Member, end: End, ended: RunEnded[]): boolean {
    const entry = removeEnded(member, end)
    if (entry === 'garbage') return false
    const { outcome, ranMs } = end
    if (!entry || outcome === null) return true
    averages.learn(entry.kind, ranMs)
    ended.push({ attempt: forget(entry), outcome, ranMs })
    return true
  }

  function stopForGarbage(member: Member, ended?: RunEnded[]) {
    onTrouble(`executor ${member.executor.pid} wrote invalid data to its channel and was killed`)
    const message = 'the executor wrote invalid data to its channel'
    stop(member, { type: 'executor-crashed', message, ...(ended ? { ended } : {}) })
  }

  function onGarbage(member: Member) {
    if (member.state === 'starting') members.diedEarly()
    stopForGarbage(member)
  }

  function onDeath(member: Member, { how, stderr, outOfMemory }: Death) {
    const { executor, fed } = member
    const tail = stderr.trim().slice(-TROUBLE_CHARACTERS)
    onTrouble(`executor ${executor.pid} ${how}${tail && `: ${tail}`}`)
    if (member.state === 'starting' || fed.size === 0) members.diedEarly()
    // It may be damaged: from source children start, too, only later.
    if (member.state === 'starting') childProgram.snapshot = undefined
    if (outOfMemory) {
      stop(member, { type: 'memory-limit', message: `exceeded its limit of ${heapMb} MB of heap` })
    } else {
      stop(member, { type: 'executor-crashed', message: `the executor ${how}` })
    }
  }

  // ---- watching: limits of time and memory

  /** Sets when to check a member next, counted from `from`. */
  function watchMember(member: Member, from: number, now: number) {
    member.checkAt = nextCheckAt(member, from, now)
    watch.at(member.checkAt)
  }

  /** Checks every member that is due. Returns when the next one is. */
  function check(): number {
    const now = performance.now()
    for (const member of members.all()) {
      if (member.checkAt <= now) checkMember(member, now)
    }
    return Math.min(...members.all().map(({ checkAt }) => checkAt))
  }

  function checkMember(member: Member, now: number) {
    const { executor, fed } = member
    if (member.state === 'starting') {
      members.isLate(member)
      return stop(member)
    }
    const n = headOf(member)
    if (n === undefined) {
      member.checkAt = Number.POSITIVE_INFINITY
      return
    }
    const begun = executor.begun()
    if (begun.n !== n) return checkBegin(member, n, now)
    member.since = Math.max(member.since, begun.at)
    const failure = judge(member, fed.get(n), now, rssMaxMb)
    if (failure) return stop(member, failure === 'unwanted' ? undefined : failure)
    if (fed.size > 1 && now - member.since >= SILENT_MS) takeBack(member, n)
    member.limitMs = leastLimit(fed, n)
    watchMember(member, now, now)
  }

  /**
   * The child has not started what it was sent: its machine is busy. The limits of the run do not count yet,
   * because it has done nothing, but it must not wait forever.
   */
  function checkBegin(member: Member, n: number, now: number) {
    if (now - member.since >= startLimitMs) {
      const message = `the executor did not start it within ${startLimitMs} ms`
      onTrouble(`executor ${member.executor.pid} did not start a task in time and was killed`)
      return stop(member, { type: 'executor-crashed', message })
    }
    if (member.fed.size > 1 && now - member.since >= SILENT_MS) takeBack(member, n)
    member.checkAt = now + SILENT_MS
    watch.at(member.checkAt)
  }

  /** The head takes long: the runs behind it go to other members. */
  function takeBack(member: Member, head: number) {
    const { numbers, back } = removeBehind(member, head)
    if (back.length === 0) return
    skip(member, numbers)
    requeue(back)
  }

  function skip(member: Member, numbers: number[]) {
    member.executor.send(`${JSON.stringify({ skip: numbers })}\n`)
  }

  // ---- ending runs and members

  /** Ends a member. Its head fails or is forgotten; the runs that it had not started go back. */
  function stop(
    member: Member,
    failure?: { type: FailureType; message: string; ended?: RunEnded[] },
  ) {
    if (member.state === 'gone') return
    const head = failure && headOf(member)
    members.remove(member)
    const culprit = head === undefined ? undefined : member.fed.get(head)
    const back: Entry[] = []
    for (const entry of member.fed.values()) if (entry && entry !== culprit) back.push(entry)
    member.fed.clear()
    requeue(back)
    members.tendSoon()
    if (!failure || !culprit) return
    const ended = fail(culprit, failure.type, failure.message, performance.now() - member.since)
    if (failure.ended) failure.ended.push(ended)
    else onEnded([ended])
  }

  function fail(entry: Entry, type: FailureType, message: string, ranMs: number): RunEnded {
    return { attempt: forget(entry), outcome: { status: 'failed', type, message }, ranMs }
  }

  function forget(entry: Entry): string {
    entries.delete(entry.run.attempt)
    entry.place = 'forgotten'
    return entry.run.attempt
  }

  function requeue(back: Entry[]) {
    for (const entry of back) entry.place = 'queue'
    queue.unshift(back)
    feedIfWaiting()
  }

  return {
    run,
    waits: (attempt) => entries.get(attempt)?.place === 'queue',
    kill,
    close: () => (closing ??= closeAll()),
    ready: members.allReady,
    state: () => stateOf(queue, members.all()),
  }
}
