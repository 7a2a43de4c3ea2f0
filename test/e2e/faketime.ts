// A process whose wall clock a test sets while it runs: libfaketime (Debian's package `faketime`). The
// monotonic clock stays as it is, as when somebody sets the clock of a machine.

import { readdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** The library, or undefined where it is not installed. */
export const libfaketime = ((): string | undefined => {
  const folders = ['/usr/lib', '/usr/lib/x86_64-linux-gnu', '/usr/lib/aarch64-linux-gnu']
  for (const folder of folders) {
    try {
      const path = join(folder, 'faketime')
      if (readdirSync(path).includes('libfaketimeMT.so.1')) return join(path, 'libfaketimeMT.so.1')
    } catch {
      // Not there.
    }
  }
  return undefined
})()

export const skipFaketime = libfaketime
  ? false
  : 'libfaketime is not installed (Debian: apt install faketime)'

/** A wall clock in a folder of the test. Processes that are started with its `env` go by it. */
export function createWallClock(folder: string) {
  const path = join(folder, 'wall-clock')
  set('+0')
  return {
    env: {
      LD_PRELOAD: libfaketime as string,
      FAKETIME_TIMESTAMP_FILE: path,
      FAKETIME_NO_CACHE: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
    },
    /** Sets it so far from the real time, such as +8h or -30d. */
    set,
  }

  function set(offset: string): void {
    // At once: the library reads it at each look at the clock.
    writeFileSync(`${path}.new`, offset)
    renameSync(`${path}.new`, path)
  }
}
