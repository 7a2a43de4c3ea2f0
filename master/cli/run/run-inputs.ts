// A run: inputs one after the other, some of them under way at a time, until there are no more or it ends early.
//
//   going --(no more inputs)--> ended
//   going --(halt soon)--> starts nothing more, waits for what is under way
//   going --(Ctrl-C)--> starts nothing more; after a moment it leaves what is under way to the slaves
//   going --(a second Ctrl-C, halt now)--> starts nothing more, cancels what is under way
//   going --(the master refuses, or is away for too long)--> leaves what is under way to the slaves

import { setTimeout as sleep } from 'node:timers/promises'
import type { Halt, Tally } from './halt.ts'
import { isReached } from './halt.ts'
import type { Input } from './inputs.ts'
import type { Journal } from './journal.ts'
import type { Ended } from './outcome.ts'
import type { Work } from './plan.ts'
import type { Printer } from './printer.ts'
import type { TaskRuns } from './task-of-input.ts'

/** After Ctrl-C it is waited so long for a second one, and for outcomes that come. In milliseconds. */
export const LEAVE_MS = 2_000

export type Stop = 'halt' | 'leave' | 'cancel' | 'broken'
/** A stop is followed by a harder one only. */
const RANK: Record<Stop, number> = { halt: 0, leave: 1, broken: 2, cancel: 3 }
export type Seen = Tally & {
  /** Inputs that were read, and those of them that were recorded before. */
  read: number
  before: number
  /** The highest exit code. */
  exit: number
}
/** `isHalted`: by --halt, not by a user. */
export type RunEnd = Seen & { stop: Stop | null; isHalted: boolean; left: number; error: unknown }

type Given = {
  planOf: (input: Input) => Promise<Work>
  runs: TaskRuns
  journal: Journal
  printer: Printer
  limit: () => number
  halt: Halt | null
  total: number | null
  /** The first and the second Ctrl-C. */
  signals: { first: AbortSignal; second: AbortSignal }
  /** Ends all requests that wait for tasks. */
  leaving: AbortController
  onProgress: (seen: Seen & { running: number }) => void
  /** Closes a source of inputs that may never end. */
  onStop: (stop: Stop, running: number) => void
}

export function createRun(given: Given) {
  const { runs, journal, printer, halt, signals, leaving } = given
  const seen: Seen = { ...journal.tally, read: 0, before: 0 }
  let total = given.total
  let running = 0
  let left = 0
  let stop: Stop | null = null
  let error: unknown = null
  let wake = Promise.withResolvers<void>()

  function changed(): void {
    wake.resolve()
    wake = Promise.withResolvers()
  }

  function end(why: Stop, cause: unknown = null): void {
    if (stop !== null && RANK[why] <= RANK[stop]) return
    stop = why
    error ??= cause
    given.onStop(why, running)
    if (why === 'broken') leaving.abort()
    changed()
  }

  /** Ends waiting for tasks, then cancels those that were waited for. */
  async function cancelAll(): Promise<void> {
    const all = runs.underWay()
    leaving.abort()
    const ends = await Promise.allSettled(all.map(runs.cancel))
    const failed = ends.find(({ status }) => status === 'rejected')
    if (failed?.status === 'rejected') error ??= failed.reason
  }

  function note({ exit }: Ended): void {
    if (exit === 0) seen.succeeded++
    else seen.failed++
    seen.exit = Math.max(seen.exit, exit)
    if (halt && isReached(halt, seen, total)) end(halt.when === 'now' ? 'cancel' : 'halt')
  }

  async function runOne(work: Work): Promise<void> {
    try {
      const ended = await runs.run(work)
      await printer.add(ended)
      running--
      note(ended)
    } catch (cause) {
      running--
      left++
      if (!leaving.signal.aborted) end('broken', cause)
    } finally {
      given.onProgress({ ...seen, running })
      changed()
    }
  }

  async function startAll(inputs: AsyncIterable<Input> | Iterable<Input>): Promise<void> {
    for await (const input of inputs) {
      if (stop !== null) return
      const work = await given.planOf(input)
      seen.read++
      if (journal.has(work.n, work.hash)) {
        seen.before++
        continue
      }
      while (stop === null && running >= given.limit()) await wake.promise
      if (stop !== null) return
      running++
      given.onProgress({ ...seen, running })
      void runOne(work)
    }
    if (stop !== null) return
    total = seen.read
    if (halt && isReached(halt, seen, total)) end(halt.when === 'now' ? 'cancel' : 'halt')
  }

  async function finish(): Promise<void> {
    let until = stop === 'leave' ? performance.now() + LEAVE_MS : Number.POSITIVE_INFINITY
    while (running > 0 && !leaving.signal.aborted && stop !== 'cancel') {
      if (stop === 'leave') {
        until = Math.min(until, performance.now() + LEAVE_MS)
        const restMs = until - performance.now()
        if (restMs <= 0) leaving.abort()
        else await Promise.race([wake.promise, sleep(restMs)])
      } else await wake.promise
    }
    if (stop === 'cancel') await cancelAll()
    while (running > 0) await wake.promise
  }

  return {
    /** There may be more room. */
    changed,

    /** Runs all. Throws UsageError for an input that cannot be run. */
    async run(inputs: AsyncIterable<Input> | Iterable<Input>): Promise<RunEnd> {
      const leave = (): void => end('leave')
      const cancel = (): void => end('cancel')
      signals.first.addEventListener('abort', leave)
      signals.second.addEventListener('abort', cancel)
      if (signals.first.aborted) leave()
      try {
        await printer.begin()
        await startAll(inputs).catch((cause: unknown) => end('broken', cause))
        await finish()
        await journal.saved()
      } finally {
        signals.first.removeEventListener('abort', leave)
        signals.second.removeEventListener('abort', cancel)
      }
      const isHalted = halt !== null && isReached(halt, seen, total)
      return { ...seen, stop, isHalted, left, error }
    },
  }
}
