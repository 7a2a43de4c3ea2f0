// Detects that a file was written to, replaced or removed while it was read, also when its size
// stayed the same. Owns what is compared and the failure `file-changed`. Must not know kinds, jobs
// or the network.
//
// Compared: size, modification time and change time in nanoseconds, and inode. A program can set
// the modification time back, but not the change time. Limit: timestamps advance with the kernel's
// clock tick (1 to 10 ms), so two writes within one tick look like one.

import type { BigIntStats } from 'node:fs'
import { closeSync, fstatSync, lstatSync, openSync } from 'node:fs'
import { lstat } from 'node:fs/promises'
import { TaskFailure } from '../kinds/kind.ts'

/** Without the device: it has another number on each machine that mounts the same file system. */
export const versionOf = ({ size, mtimeNs, ctimeNs, ino }: BigIntStats): string =>
  `${size}.${mtimeNs}.${ctimeNs}.${ino}`

export const fileChanged = (name: string): TaskFailure =>
  new TaskFailure(
    'file-changed',
    `${name} changed while it was read. It must not change until the task or job has ended: submit it again when no process writes to the file`,
  )

/** A file that is open for reading. `check` throws `file-changed`; call it after the last read. */
export type SteadyFile = {
  descriptor: number
  size: number
  /** Hard links to it, as of the opening. */
  links: number
  version: string
  check(): void
  close(): void
}

/** `flags` as of openSync. */
export function openSteady(path: string, name: string, flags: number | string = 'r'): SteadyFile {
  const descriptor = openSync(path, flags)
  const stat = fstatSync(descriptor, { bigint: true })
  const version = versionOf(stat)
  return {
    descriptor,
    size: Number(stat.size),
    links: Number(stat.nlink),
    version,
    check() {
      // By its path as well: a file that replaced it has another inode.
      if (versionOf(fstatSync(descriptor, { bigint: true })) !== version) throw fileChanged(name)
      if (versionAt(path) !== version) throw fileChanged(name)
    },
    close: () => closeSync(descriptor),
  }
}

/** Gives a check of these files, keyed by name, which throws `file-changed` for the first. */
export function watchFiles(files: Record<string, string>): () => void {
  const before = Object.entries(files).map(([name, path]) => [name, path, versionAt(path)] as const)
  return () => {
    for (const [name, path, version] of before) {
      if (versionAt(path) !== version) throw fileChanged(name)
    }
  }
}

/** Runs `read`, which reads this file, and throws `file-changed` if the file changed meanwhile. */
export async function readSteady<T>(
  path: string,
  name: string,
  read: () => Promise<T>,
): Promise<T> {
  const before = await lstat(path, { bigint: true })
  const check = async (): Promise<void> => {
    const after = await lstat(path, { bigint: true }).catch(() => null)
    if (after === null || versionOf(after) !== versionOf(before)) throw fileChanged(name)
  }
  let result: T
  try {
    result = await read()
  } catch (error) {
    // A read that failed because of the change is reported as the change.
    await check()
    throw error
  }
  await check()
  return result
}

function versionAt(path: string): string | null {
  const stat = lstatSync(path, { bigint: true, throwIfNoEntry: false })
  return stat ? versionOf(stat) : null
}
