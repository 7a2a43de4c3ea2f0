// The store in memory, for the simulator and for tests: the same contract, no disk. Owns what would
// be on the disk at any instant, so that a crash can be played: what was handed over but not yet
// durable is gone. Must not know a clock or a random source; the secret is given.
//
//   commit -> waiting --(schedule's run)--> durable, done called
//                 \---(crash)--> gone, or durable without anybody having heard
import type { MemoryDisk } from './memory-disk.ts'
import { copyOfChange, createMemoryDisk } from './memory-disk.ts'
import type { Change, ListQuery, Store, TrimLimits } from './store.ts'
import { StoreConflictError, StoreFullError } from './store.ts'

export type MemoryOptions = {
  /**
   * Called once for each commit; the commit becomes durable when `run` is called. Commits become
   * durable in their order, whichever `run` is called first. Without it: at once.
   */
  schedule?: (run: () => void) => void
  secret?: string
}

export type MemoryStore = Store & {
  /**
   * Ends this store as a crash does and returns the next one: it holds what was durable, and of the
   * commits that were not yet the first `lucky`, which reached the disk though `done` was not called.
   */
  crash(lucky?: number): MemoryStore
  /**
   * Makes the next commit fail. StoreFullError and StoreConflictError: nothing is written and the
   * store works on. Any other: the store has stopped; `written` says whether the disk has the commit.
   */
  failNext(error: Error, written?: boolean): void
}

/** Makes an empty store in memory. */
export function createMemoryStore(options: MemoryOptions = {}): MemoryStore {
  return openMemoryStore(createMemoryDisk(options.secret ?? 'secret'), options)
}

type Waiting = { changes: Change[]; done: (error?: Error) => void }

function openMemoryStore(disk: MemoryDisk, options: MemoryOptions): MemoryStore {
  let stopped: Error | undefined
  let failure: { error: Error; written: boolean } | undefined
  let waiting: Waiting[] = []

  return {
    load: read(() => disk.load()),
    commit,
    get: read((id: string) => disk.get(id)),
    find: read((key: string) => disk.find(key)),
    list: read((query: ListQuery) => disk.list(query)),
    counts: read(() => disk.counts()),
    trim: read((limits: TrimLimits) => disk.trim(limits)),
    close: async () => {
      while (waiting.length > 0 && !stopped) settleFirst()
      stopped ??= new Error('the store is closed')
    },

    crash(lucky = 0) {
      for (const { changes } of waiting.slice(0, lucky)) disk.write(changes)
      waiting = []
      stopped = new Error('the store has crashed')
      return openMemoryStore(disk, options)
    },

    failNext(error, written = false) {
      failure = { error, written }
    },
  }

  function read<A extends unknown[], T>(from: (...args: A) => T): (...args: A) => Promise<T> {
    return async (...args) => {
      if (stopped) throw stopped
      return from(...args)
    }
  }

  function commit(changes: Change[], done: (error?: Error) => void): void {
    if (!options.schedule) {
      done(settle(changes))
      return
    }
    waiting.push({ changes: changes.map(copyOfChange), done })
    options.schedule(settleFirst)
  }

  function settleFirst(): void {
    const first = waiting.shift()
    first?.done(settle(first.changes))
  }

  function settle(changes: Change[]): Error | undefined {
    if (stopped) return stopped
    if (!failure) return disk.write(changes)
    const { error, written } = failure
    failure = undefined
    if (written) disk.write(changes)
    if (!(error instanceof StoreFullError || error instanceof StoreConflictError)) stopped = error
    return error
  }
}
