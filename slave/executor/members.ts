// The children of a pool: which of them serve, and when another one starts. Must not know runs or limits
// of runs.
//
//   starting --ready--> serving (the first `size` that are ready), or spare --worn out--> leaving --> gone
//   any --> gone, and a new one starts at once; after a death at start-up with a growing pause

import type { Executor } from './executor.ts'
import type { Member } from './member.ts'
import { newMember } from './member.ts'
import { createRestart } from './restart.ts'

/** After this many failed starts in a row the pool reports that it cannot compute. */
const FAILED_STARTS = 3
/** A child may take this many times the start limit at most. */
const START_LIMITS_MAX = 16

/** PoolOptions explains the options. */
export function createMembers(given: {
  size: number
  spares: number
  startLimitMs: number
  recycleTasks: number
  recycleMsMin: number
  /** Starts a child, which belongs to `member()`. Throws when it cannot be started. */
  start: (member: () => Member) => Executor
  onTrouble: (message: string) => void
  onAble: (able: boolean) => void
  /** Other members serve than before, or are about to. */
  onChange: () => void
  /** A member must be checked at this time, by the monotonic clock. */
  onWatch: (at: number) => void
}) {
  const { size, spares, onTrouble } = given
  /** Starting or ready, oldest first; the first `size` ready ones serve. */
  let members: Member[] = []
  const leaving = new Set<Member>()
  const processes = new Set<Executor>()
  const allReady = Promise.withResolvers<void>()
  allReady.promise.catch(() => {})
  const restart = createRestart(tend)
  let able = true
  /** Start limits that the next child gets: it doubles while children are late, else none might start. */
  let startLimits = 1
  let tending: NodeJS.Immediate | undefined
  let closed = false

  const ready = () => members.filter(({ state }) => state === 'ready')

  /** Lets worn-out members leave when a spare can replace them, and starts the missing children. */
  function tend() {
    tending = undefined
    if (closed) return
    const there = ready()
    const worn = there.find(isWorn)
    if (worn && there.length > size) return leave(worn)
    // A spare that starts beside the members that are waited for would only delay them.
    const more = there.length >= size ? Math.max(spares, worn ? 1 : 0) : 0
    while (members.length < size + more && restart.isDue()) start()
    reportAble()
  }

  /** Tends after this turn's runs are sent: starting a process takes a millisecond. */
  function tendSoon() {
    if (closed) return
    given.onChange()
    tending ??= setImmediate(tend)
  }

  function reportAble() {
    const now = ready().length > 0 || restart.failures() < FAILED_STARTS
    if (now !== able) given.onAble((able = now))
  }

  function isWorn({ sent, startedAt }: Member): boolean {
    return sent >= given.recycleTasks && performance.now() - startedAt >= given.recycleMsMin
  }

  function leave(member: Member) {
    member.state = 'leaving'
    members = members.filter((other) => other !== member)
    leaving.add(member)
    if (member.fed.size === 0) remove(member)
    tendSoon()
  }

  function remove(member: Member) {
    member.state = 'gone'
    member.checkAt = Number.POSITIVE_INFINITY
    member.executor.kill()
    members = members.filter((other) => other !== member)
    leaving.delete(member)
  }

  function start() {
    try {
      const now = performance.now()
      const executor = given.start(() => member)
      const member = newMember(executor, now, now + given.startLimitMs * startLimits)
      processes.add(executor)
      void executor.closed.then(() => processes.delete(executor))
      members.push(member)
      given.onWatch(member.checkAt)
    } catch (error) {
      onTrouble(`an executor could not be started: ${String(error)}`)
      restart.delay()
    }
  }

  return {
    /** Starts the missing children, and may replace worn-out ones. */
    tend,
    tendSoon,
    /** Kills a member. The caller takes its runs back, then calls tendSoon. */
    remove,
    isWorn,
    serving: (): Member[] => ready().slice(0, size),
    /** All that are not gone. */
    all: (): Member[] => [...members, ...leaving],

    /** A child has loaded its kinds. */
    isReady(member: Member) {
      member.state = 'ready'
      startLimits = 1
      restart.started()
      member.checkAt = Number.POSITIVE_INFINITY
      if (ready().length >= size) allReady.resolve()
      tend()
      given.onChange()
    },

    /** A child was not ready in time: the next one gets more time. The caller stops it. */
    isLate({ executor, checkAt, startedAt }: Member) {
      const ms = Math.round(checkAt - startedAt)
      onTrouble(`executor ${executor.pid} was not ready within ${ms} ms and was killed`)
      startLimits = Math.min(START_LIMITS_MAX, startLimits * 2)
      restart.delay()
    },

    /** A child died before it computed anything: the next one starts after a pause. */
    diedEarly: restart.delay,
    /** A child computes. */
    works: restart.reset,

    /** Resolves when `size` members are ready; rejects when the pool is closed before. */
    allReady: (): Promise<void> => allReady.promise,

    async close(): Promise<void> {
      closed = true
      clearImmediate(tending)
      restart.close()
      allReady.reject(new Error('the pool was closed before its executors were ready'))
      for (const executor of processes) executor.kill()
      await Promise.all([...processes].map((executor) => executor.closed))
      members = []
      leaving.clear()
    },
  }
}
