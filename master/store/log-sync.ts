// Makes the write-ahead log durable, off the main thread: the disk does not delay the turns during a
// sync, and their writes share the next one. (On the main thread, as SQLite's own synchronous=FULL does
// it, the sync took two fifths of the master's time under load.)
//
//   idle --sync()--> syncing --(ended)--> idle, or syncing again for later writes
//
// A write that is not synced yet must not be read: a client could see an outcome that a crash then
// loses. Reads wait for the current sync.

import { closeSync, openSync, fdatasync as syncData } from 'node:fs'

type Done = (error?: Error) => void
type Sync = (file: number, done: (error: Error | null) => void) => void

/** `path` is the log file, which exists after the first write. `fdatasync` is a seam for tests. */
export function createLogSync(path: string, fdatasync: Sync = syncData) {
  let log: number | undefined
  let underWay: Done[] = []
  let next: Done[] = []
  let reads: (() => void)[] = []

  return {
    /** Calls `done` when everything written before this call is durable, or with the error. */
    sync(done: Done): void {
      next.push(done)
      if (underWay.length === 0) start()
    },

    /** Runs `read` when everything written is durable: now, or after the sync. */
    whenDurable(read: () => void): void {
      if (underWay.length === 0) read()
      else reads.push(read)
    },

    close(): void {
      if (log !== undefined) closeSync(log)
      log = undefined
    },
  }

  function start(): void {
    underWay = next
    next = []
    log ??= openSync(path, 'r+')
    fdatasync(log, finished)
  }

  function finished(error: Error | null): void {
    const dones = underWay
    underWay = []
    if (next.length > 0) start()
    else {
      const waiting = reads
      reads = []
      for (const read of waiting) read()
    }
    for (const done of dones) done(error ?? undefined)
  }
}
