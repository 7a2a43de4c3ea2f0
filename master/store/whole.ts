// Checks that no store of a data folder is missing. A missing store would be made, empty, and every
// accepted task would be unknown; the files beside it show that it was there.

import { statSync } from 'node:fs'
import { join } from 'node:path'
import { StoreRefusedError } from './sqlite-open.ts'

/** A store, and the files that exist only after it did. */
const TRACES: readonly [store: string, traces: string[]][] = [
  ['askfirst.sqlite', ['askfirst.sqlite-wal', 'jobs.sqlite']],
  ['jobs.sqlite', ['jobs.sqlite-wal', 'blobs']],
]

/** Throws StoreRefusedError when a store of the folder is gone and others of it are still there. */
export function assertWhole(folder: string): void {
  for (const [store, traces] of TRACES) {
    if (isThere(join(folder, store))) continue
    const trace = traces.find((each) => isThere(join(folder, each)))
    if (trace === undefined) continue
    const [missing, left] = [join(folder, store), join(folder, trace)]
    throw new StoreRefusedError(
      `the store ${missing} is missing, though ${left} is there: put it back, restore it from a copy, or start with another --data folder; to start over in this folder, remove the remaining files; nothing was changed`,
    )
  }
}

/** An empty file is as good as none. */
function isThere(path: string): boolean {
  const facts = statSync(path, { throwIfNoEntry: false })
  return facts !== undefined && (facts.isDirectory() || facts.size > 0)
}
