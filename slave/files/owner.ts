// The files of programs that run as another user than the agent. Not on Windows.

import { chmodSync, lchownSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'

export type Owner = { uid: number; gid: number }

/** The mode of a folder in which other users list nothing, and reach what is open to them. */
export const PASS_THROUGH = 0o711

/**
 * Lets other users pass through from the slave's folder `data` to the folder `inside`, in which they list
 * nothing. The files of `data` and the folders `closed` are closed to them.
 */
export function openWayTo(data: string, inside: string, closed: string[]): void {
  for (let folder = inside; ; folder = dirname(folder)) {
    chmodSync(folder, PASS_THROUGH)
    if (folder === data) break
  }
  for (const entry of readdirSync(data, { withFileTypes: true })) {
    if (entry.isFile()) chmodSync(join(data, entry.name), 0o600)
  }
  for (const folder of closed) chmodSync(folder, 0o700)
}

/**
 * Gives a folder with everything in it to a user. Synchronous: a thread for each call takes ten times as long, and
 * the calls for 10,000 files, which an offer has at most, take a tenth of a second.
 */
export function giveTo({ uid, gid }: Owner, folder: string): void {
  lchownSync(folder, uid, gid)
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    lchownSync(join(entry.parentPath, entry.name), uid, gid)
  }
}
