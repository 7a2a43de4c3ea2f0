// A master in this process, with its store in memory, that writes no log.

import type { Test } from 'tap'
import { startMaster } from '../master/app.ts'
import { MasterSettings } from '../master/settings.ts'
import { settingsOf } from '../shared/process/settings.ts'
import { folderOf } from './folder.ts'

export type Over = Partial<Parameters<typeof startMaster>[0]>

/** It is closed at the end of the test. */
export async function startQuietMaster(t: Test, over: Over = {}) {
  const quiet = {
    store: 'memory',
    logLevel: 'silent' as never,
    port: 0,
    data: folderOf(t),
  } as const
  const master = await startMaster(settingsOf(MasterSettings, { ...quiet, ...over }))
  t.teardown(() => master.close())
  return master
}
