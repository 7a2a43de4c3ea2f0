// How much room a disk has, and how much of the reserve each kind of write leaves free for the outcomes of
// accepted tasks. Blobs of clients leave the whole reserve free, new tasks a part, results of slaves a
// smaller part; the stores themselves write until the disk is full.

import { statfsSync } from 'node:fs'

/** The free bytes and the size of the disk that a folder is on. */
export type DiskOf = () => { freeBytes: number; bytes: number }

export function diskOf(folder: string): DiskOf {
  return () => {
    const { bavail, blocks, bsize } = statfsSync(folder)
    return { freeBytes: bavail * bsize, bytes: blocks * bsize }
  }
}

/** What each kind of write leaves free, as a share of the reserve. */
export const LEAVES = { blobs: 1, tasks: 1 / 2, results: 1 / 8 } as const

/** The reserve is at most this share of the disk. */
const DISK_SHARE_MAX = 0.1

/** The bytes that must stay free on a disk of this size. */
export const reserveOn = (
  diskBytes: number,
  reserveBytes: number,
  writing: keyof typeof LEAVES,
): number => Math.ceil(LEAVES[writing] * Math.min(reserveBytes, DISK_SHARE_MAX * diskBytes))
