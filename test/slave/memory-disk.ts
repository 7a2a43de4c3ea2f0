// The disk of an outbox, in memory.

import type { Callback } from '../../shared/protocol/wire.ts'
import type { OutboxDisk } from '../../slave/link/outbox.ts'

/** `onDisk` is what it has; after `remove()` the folder is gone until the outbox makes a new one. */
export function createMemoryDisk() {
  const onDisk = new Map<string, Callback>()
  let gone: string | null = null
  const disk: OutboxDisk = {
    kept: () => [...onDisk.values()],
    keep: (callbacks) => {
      for (const each of callbacks) onDisk.set(each.attempt, each)
    },
    drop: (attempts) => {
      for (const attempt of attempts) onDisk.delete(attempt)
    },
    gone: () => gone,
    renew: () => {
      gone = null
      onDisk.clear()
    },
    close: () => {},
  }
  const remove = (): void => {
    gone = 'the folder was removed'
  }
  return { disk, onDisk, remove }
}
