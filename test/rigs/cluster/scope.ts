// What a rig has in place of a test: a folder, and processes that end with it.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Teardown } from '../../folder.ts'

export type Scope = Teardown & {
  folder: string
  /** Runs what was registered, last first, and removes the folder. */
  close(): Promise<void>
}

/** Ends this process in order at a signal: what is to be done at its exit is done. */
export function exitOnSignals(): void {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    if (!process.listeners(signal).includes(exit)) process.on(signal, exit)
  }
}

const exit = (): never => process.exit(130)

/** Makes a temporary folder `askfirst-NAME-*`. It is gone after close(), or with this process. */
export function openScope(name: string): Scope {
  const folder = mkdtempSync(join(tmpdir(), `askfirst-${name}-`))
  const ends: (() => unknown)[] = []
  const drop = (): void => rmSync(folder, { recursive: true, force: true })
  exitOnSignals()
  process.once('exit', drop)
  return {
    folder,
    testdir: () => folder,
    teardown: (run) => ends.push(run),
    async close() {
      for (const end of ends.splice(0).toReversed()) await end()
      process.off('exit', drop)
      drop()
    },
  }
}
