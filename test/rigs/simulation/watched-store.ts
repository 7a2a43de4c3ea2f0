// The memory store of a simulated master, watched: what is durable is also kept here, in plain
// sight of the ledger, with full disks and crashes.

import type { MemoryStore } from '../../../master/store/memory.ts'
import { copyOfChange } from '../../../master/store/memory-disk.ts'
import type { Change, TaskRecord } from '../../../master/store/store.ts'
import { StoreFullError } from '../../../master/store/store.ts'
import type { Stored } from './ledger.ts'

export type WatchedStore = ReturnType<typeof createWatchedStore>

export function createWatchedStore(
  open: MemoryStore,
  given: {
    onStored: (task: Stored) => void
    isFull: () => boolean
    later: (run: () => void) => void
  },
) {
  const { onStored, isFull, later } = given
  const durable = new Map<string, TaskRecord>()
  let waiting: Change[][] = []
  let inner = open

  const store = (of: MemoryStore): MemoryStore => ({
    ...of,
    commit(changes, done) {
      // New tasks find no room; there is always some left for outcomes.
      if (isFull() && changes.some((change) => change.do === 'insert')) {
        return later(() => of === inner && done(new StoreFullError('the disk is full')))
      }
      const copied = changes.map(copyOfChange)
      waiting.push(copied)
      of.commit(changes, (error) => {
        waiting = waiting.filter((other) => other !== copied)
        if (!error) apply(copied)
        done(error)
      })
    },
  })

  function apply(changes: Change[]): void {
    for (const change of changes) {
      if (change.do === 'insert') durable.set(change.task.id, { ...change.task })
      else if (change.do === 'update') {
        const before = durable.get(change.task.id)
        if (before?.endedAt === null) Object.assign(before, change.task)
      } else continue
      const record = durable.get(change.task.id)
      if (record) onStored({ ...record, ...change.task })
    }
  }

  return {
    /** What a master opens now. */
    open: (): MemoryStore => store(inner),
    /** The durable record of a task. */
    get: (id: string): TaskRecord | undefined => durable.get(id),
    all: (): IterableIterator<TaskRecord> => durable.values(),
    /** The machine stops: what was not durable is gone, but for the first `lucky` commits. */
    crash(lucky: number): void {
      for (const changes of waiting.slice(0, lucky)) apply(changes)
      waiting = []
      inner = inner.crash(lucky)
    },
  }
}
