// The seam between the agent and what computes: the agent hands over runs, and hears of each
// exactly once how it ended. The pool of child processes is pool.ts; the simulator has its own.

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
  /** Takes a run into the line. Never refuses: the agent's slots bound the line. */
  run(run: R): void
  /** Whether a run is in the line: no executor has been sent it, and its limit has not begun. */
  waits(attempt: string): boolean
  /** Ends a run without an outcome: in the line it is dropped, in an executor it is killed. */
  kill(attempt: string): void
  /** Kills what runs, ends every child. Idempotent. */
  close(): Promise<void>
}
