// A small disk that a test may fill: a tmpfs in the test's own folder.

import { spawnSync } from 'node:child_process'
import type { Test } from 'tap'

/** Runs it with a folder on a disk of 4 MiB, where one may be mounted. */
export async function onSmallDisk(t: Test, run: (folder: string) => Promise<void>): Promise<void> {
  const folder = t.testdir({})
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', folder])
  if (mounted.status !== 0) {
    t.comment('skipped: needs leave to mount a tmpfs')
    return
  }
  // Not a teardown: tap removes the folder before those.
  try {
    await run(folder)
  } finally {
    spawnSync('umount', [folder])
  }
}

/** Takes all of the disk that is free, as a file that may be removed. */
export function fillDisk(file: string): void {
  spawnSync('dd', ['if=/dev/zero', `of=${file}`, 'bs=4096'])
}
