// Owns the room kept for outcomes: a file of real bytes beside the store that is given up when the
// disk is full, so that what slaves have finished can still be written while new tasks are refused,
// and made again when there is room. Must not know SQL or tasks.
//
//   held --(the disk is full: release)--> given up --(room again: restore)--> held
import { randomFillSync } from 'node:crypto'
import { closeSync, fsyncSync, openSync, rmSync, statSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { diskOf, reserveOn } from './disk-room.ts'

/** After an attempt that failed, it is not made again for so long. */
const RETRY_MS = 1000
const CHUNK_BYTES = 1 << 20

export type Reserve = ReturnType<typeof createReserve>

/**
 * Keeps `bytes` of room at `path`; 0 keeps none. A file from an earlier run is taken over. When it
 * cannot be made, nothing is thrown: `held()` says so. `keepFreeBytes`: the disk's reserve, of which new
 * tasks leave a part free (disk-room.ts).
 */
export function createReserve(path: string, bytes: number, keepFreeBytes = 0) {
  const disk = diskOf(dirname(path))
  let held = sizeOf(path) === bytes || make(path, bytes)
  let failedAt = held ? Number.NEGATIVE_INFINITY : performance.now()

  return {
    held: () => held,

    /** Gives the room up; false when there was none to give. */
    release(): boolean {
      const had = held && bytes > 0
      held = false
      rmSync(path, { force: true })
      return had
    },

    /**
     * Tries to have the room again, and as much beside it, so that the next task does not fill the
     * disk at once; and whether new tasks may be stored. `spareBytes` is room inside the store's own file.
     * Costs one statfs.
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
