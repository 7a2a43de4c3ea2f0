// Makes the write-ahead log durable, off the main thread: the turns that come meanwhile are not held
// up by the disk, and what they write shares the next sync. (On the main thread, as SQLite's own
// synchronous=FULL does it, the sync was two fifths of the master's time under load.)
//
//   idle --sync()--> under way --(ended)--> idle, or under way again for what came meanwhile
//
// What is written and not yet synced must not be read: a reader could tell a client of an outcome
// that a crash then takes back. Reads wait for the sync that is under way.

import { closeSync, openSync, fdatasync as syncData } from 'node:fs'

type Done = (error?: Error) => void
type Sync = (file: number, done: (error: Error | null) => void) => void

export type LogSync = ReturnType<typeof createLogSync>

/** `path` is the log's; it is there once something has been written. `fdatasync` is a seam for tests. */
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

    /** Runs it when nothing that is written is not yet durable: now, or after the sync. */
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
