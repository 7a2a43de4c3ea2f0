// The seam between the agent and what computes. The agent hands over runs, and is told once how each ended.
// The pool of child processes is pool.ts; the simulator has its own.

import type { Work } from '../../shared/kinds/kind.ts'
import type { Outcome } from '../../shared/protocol/wire.ts'

/** One attempt to compute. */
export type Run = {
  attempt: string
  kind: string
  input: unknown
  runLimitMs: number
  /** Its files, for kinds that work on files. */
  work?: Work
}

/** How a run ended, and how long it ran in an executor (milliseconds). */
export type RunEnded = { attempt: string; outcome: Outcome; ranMs: number }

/** `R`: what a run comes as. The agent hands over the whole offer. */
export type Executors<R extends Run = Run> = {
  /** Adds a run to the queue. Never refuses: the agent's slots bound the queue. */
  run(run: R): void
  /** Whether a run is in the queue: it was not sent to an executor, and its limit has not started. */
  waits(attempt: string): boolean
  /** Ends a run without an outcome: dropped in the queue, killed in an executor. */
  kill(attempt: string): void
  /** Kills all runs and children. Idempotent. */
  close(): Promise<void>
}
