// Notices attempts that slaves hold or hand in although the store has no such task. Their tasks were
// accepted after the copy from which the store was restored, or by a master with another store; or
// the master stopped between the offer and its commit, and no client was told. What slaves do for
// such tasks reaches no client: it is counted, and one log line per slave says what to do.
//
// Not reported: tasks that are in the store, tasks that this process itself made (refused ones were
// never stored), and tasks that retention may have removed.

import type { Clock } from '../../shared/data/clock.ts'
import { later, msOf } from '../../shared/data/clock.ts'
import { timeInId } from '../../shared/data/ids.ts'
import type { Logger } from '../../shared/process/log.ts'
import type { AttemptIds } from '../core/context.ts'
import type { Unattached } from '../core/messages.ts'
import type { Store } from '../store/store.ts'

/** How long the store keeps ended tasks, and how many tasks. */
export type Keep = { keepMs: number; keepTasksMax: number }

/** Which store made the attempt. */
const ORIGINS = ['this-store', 'another-store'] as const
type Origin = (typeof ORIGINS)[number]

/** A log line covers what a slave reported within this time. In milliseconds. */
const COLLECT_MS = 1_000
/** Attempts that are looked up in that time, and remembered so that each is counted once. */
const LOOKUPS_MAX = 1_000
const SEEN_MAX = 10_000

const REASON: Record<Origin, string> = {
  'this-store':
    'the store was restored from an older copy, or the master stopped while it offered them. If the store was restored, submit again the tasks that clients have sent since that copy',
  'another-store':
    'another store created them: check --data, the store that was restored, and which master the slave reports to',
}

export type UnknownAttempts = ReturnType<typeof createUnknownAttempts>

/** `newestId`: the greatest id in the store when it was loaded. */
export function createUnknownAttempts(given: {
  store: Store
  clock: Clock
  log: Logger
  ids: AttemptIds
  newestId: string | null
  settings: Keep
}) {
  const { store, clock, log, ids, newestId, settings } = given
  const counts: Record<Origin, number> = { 'this-store': 0, 'another-store': 0 }
  const seen = new Set<string>()
  let collected = new Map<string, Unattached[]>()
  let lookups = 0
  let firstMade: string | null = null
  let closed = false
  let callOff: (() => void) | null = null

  return {
    counts: counts as Readonly<typeof counts>,

    /** Gives the same ids, and remembers the first: every id of this process is not below it. */
    watchIds: (next: () => string) => (): string => {
      const id = next()
      firstMade ??= id
      return id
    },

    /** A slave has attempts whose tasks are not live. */
    look(slave: string, attempts: Unattached[]): void {
      if (closed) return
      for (const each of attempts) if (isCandidate(each)) collect(slave, each)
      if (collected.size > 0)
        callOff ??= clock.at(later(clock.now(), COLLECT_MS), () => void report())
    },

    /** Idempotent. */
    close(): void {
      closed = true
      callOff?.()
    },
  }

  function isCandidate({ attempt, task }: Unattached): boolean {
    if (firstMade !== null && task >= firstMade) return false
    const madeAt = timeInId(task)
    if (madeAt !== null && madeAt < msOf(clock.wall()) - settings.keepMs) return false
    return !seen.has(attempt) && lookups < LOOKUPS_MAX
  }

  function collect(slave: string, each: Unattached): void {
    lookups++
    seen.add(each.attempt)
    if (seen.size > SEEN_MAX) seen.delete(seen.values().next().value as string)
    const known = collected.get(slave)
    if (known) known.push(each)
    else collected.set(slave, [each])
  }

  async function report(): Promise<void> {
    const bySlave = collected
    collected = new Map()
    lookups = 0
    callOff = null
    try {
      for (const [slave, attempts] of bySlave) await reportSlave(slave, attempts)
    } catch (error) {
      // The caller that reads or writes a failing store reports it.
      if (!closed)
        log.warn(
          { reason: (error as Error).message },
          'cannot look up unknown attempts in the store',
        )
    }
  }

  async function reportSlave(slave: string, attempts: Unattached[]): Promise<void> {
    const found: Record<Origin, Unattached[]> = { 'this-store': [], 'another-store': [] }
    for (const each of attempts) {
      const origin: Origin = ids.made(each.attempt, each.task, slave)
        ? 'this-store'
        : 'another-store'
      if (await isMissing(each.task)) found[origin].push(each)
    }
    for (const origin of ORIGINS) {
      const { length } = found[origin]
      if (length === 0) continue
      counts[origin] += length
      const about = { slave, attempts: length, of: origin, task: found[origin][0]?.task }
      log.warn(
        about,
        `the slave holds attempts of tasks that are not in the store: ${REASON[origin]}`,
      )
    }
  }

  /** Ids grow and the oldest tasks are removed first: what is newer than the newest was not removed. */
  async function isMissing(task: string): Promise<boolean> {
    if (newestId === null || task > newestId) return true
    if ((await store.get(task)) !== undefined) return false
    const stored = Object.values(await store.counts()).reduce((sum, n) => sum + n, 0)
    return stored < settings.keepTasksMax
  }
}
