// The seam between the outbox and what keeps outcomes while the master does not answer, and the store that
// keeps them in memory only. Rules for every store, which one contract suite checks
// (test/slave/link/contract.ts):
//   - a write is durable, all of it or nothing, when its promise resolves;
//   - calls take effect in the order in which they are made.

import type { Callback } from '../../shared/protocol/wire.ts'

export type OutboxStore = {
  /** The outcomes that are kept, in the order in which they were kept. */
  load(): Promise<Callback[]>
  /** Keeps outcomes; one of an attempt that has one replaces it. */
  keep(callbacks: readonly Callback[]): Promise<void>
  /** Removes the outcomes of these attempts, those that are there. */
  drop(attempts: readonly string[]): Promise<void>
  /** What happened to the store's files while it was open, for people; null: nothing. */
  gone(): Promise<string | null>
  /** Replaces files that are gone by new, empty ones. */
  renew(): Promise<void>
  /** Idempotent. */
  close(): Promise<void>
}

/** Outcomes in `kept`, by attempt: they end with the process. */
export function createMemoryOutbox(kept = new Map<string, Callback>()): OutboxStore {
  return {
    load: async () => [...kept.values()],
    async keep(callbacks) {
      for (const each of callbacks) {
        kept.delete(each.attempt)
        kept.set(each.attempt, each)
      }
    },
    async drop(attempts) {
      for (const attempt of attempts) kept.delete(attempt)
    },
    gone: async () => null,
    renew: async () => {},
    close: async () => {},
  }
}
