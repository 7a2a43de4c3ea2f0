// An outbox store in memory whose folder a test can remove.

import type { Callback } from '../../../shared/protocol/wire.ts'
import type { OutboxStore } from '../../../slave/link/outbox-store.ts'
import { createMemoryOutbox } from '../../../slave/link/outbox-store.ts'

/** `kept` is what it has; after `remove()` the folder is gone until the outbox renews it. */
export function createMemoryStore() {
  const kept = new Map<string, Callback>()
  let gone: string | null = null
  const store: OutboxStore = {
    ...createMemoryOutbox(kept),
    gone: async () => gone,
    async renew() {
      gone = null
      kept.clear()
    },
  }
  const remove = (): void => {
    gone = 'the folder was removed'
  }
  return { store, kept, remove }
}
