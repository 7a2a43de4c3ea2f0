// The seam between the agent and what computes: the agent hands over runs, and hears of each
// exactly once how it ended. The pool of child processes is pool.ts; the simulator has its own.

import type { Outcome } from '../../shared/wire.ts'

/** One attempt to compute. */
export type Run = { attempt: string; kind: string; input: unknown; runLimitMs: number }

/** How a run ended, and how long it ran in an executor (milliseconds). */
export type RunEnded = { attempt: string; outcome: Outcome; ranMs: number }

export type Executors = {
  /** Takes a run into the line. Never refuses: the agent's slots bound the line. */
  run(run: Run): void
  /** Ends a run without an outcome: in the line it is dropped, in an executor it is killed. */
  kill(attempt: string): void
  /** Kills what runs, ends every child. Idempotent. */
  close(): Promise<void>
}
