// Owns the room reserved for outcomes: a file of real bytes beside the store. It is released when the
// disk is full, so that outcomes can still be written while new tasks are refused, and made again when
// there is room. Must not know SQL or tasks.
//
//   held --(the disk is full: release)--> released --(room again: restore)--> held
import { randomFillSync } from 'node:crypto'
import { closeSync, fsyncSync, openSync, rmSync, statSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { diskOf, reserveOn } from './disk-room.ts'

/** Pause after a failed attempt to make the file. In milliseconds. */
const RETRY_MS = 1000
const CHUNK_BYTES = 1 << 20

export type Reserve = ReturnType<typeof createReserve>

/**
 * Reserves `bytes` at `path`; 0 reserves nothing. Takes over a file of an earlier run. Does not throw
 * when the file cannot be made: `held()` says so. `keepFreeBytes`: the disk's reserve, of which new
 * tasks leave a part free (disk-room.ts).
 */
export function createReserve(path: string, bytes: number, keepFreeBytes = 0) {
  const disk = diskOf(dirname(path))
  let held = sizeOf(path) === bytes || make(path, bytes)
  let failedAt = held ? Number.NEGATIVE_INFINITY : performance.now()

  return {
    held: () => held,

    /** Releases the room; false when there was none. */
    release(): boolean {
      const had = held && bytes > 0
      held = false
      rmSync(path, { force: true })
      return had
    },

    /**
     * Tries to reserve the room again, and requires as much free beside it, so that the next task does
     * not fill the disk. Returns whether new tasks may be stored. `spareBytes` is free room inside the
     * store's own file. Costs one statfs.
     */
    restore(spareBytes: () => number): boolean {
      const { freeBytes: free, bytes: size } = disk()
      const leave = reserveOn(size, keepFreeBytes, 'tasks')
      if (free < leave && free + spareBytes() < leave) return false
      if (held) return true
      if (free >= 2 * bytes && performance.now() - failedAt >= RETRY_MS) {
        held = make(path, bytes)
        if (!held) failedAt = performance.now()
      }
      return held || spareBytes() >= 2 * bytes
    },
  }
}

// Random bytes, so that a file system that compresses keeps the room too; written and synced, for
// a file that is only as long as it should be (ftruncate) has no room behind it.
function make(path: string, bytes: number): boolean {
  let file: number | undefined
  try {
    file = openSync(path, 'w', 0o600)
    const chunk = randomFillSync(Buffer.allocUnsafe(Math.min(bytes, CHUNK_BYTES)))
    for (let left = bytes; left > 0; )
      left -= writeSync(file, chunk, 0, Math.min(left, chunk.length))
    fsyncSync(file)
    closeSync(file)
    return true
  } catch {
    if (file !== undefined) closeSync(file)
    rmSync(path, { force: true })
    return false
  }
}

function sizeOf(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.size
}
