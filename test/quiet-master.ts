// A master in this process, with its store in memory, that writes no log.

import { startMaster } from '../master/app.ts'
import { MasterSettings } from '../master/settings.ts'
import { settingsOf } from '../shared/process/settings.ts'
import type { Teardown } from './folder.ts'
import { folderOf } from './folder.ts'

/** Settings that a test sets. */
export type Over = Partial<Parameters<typeof startMaster>[0]>

/** It is closed at the end of the test. */
export async function startQuietMaster(t: Teardown, over: Over = {}) {
  const quiet = { store: 'memory', logLevel: 'silent' as never, port: 0 } as const
  const given = { ...quiet, ...over, data: over.data ?? folderOf(t) }
  const master = await startMaster(settingsOf(MasterSettings, given))
  t.teardown(() => master.close())
  return master
}
