// A master as a process.

import { saveCompileCache, useCompileCache } from '../shared/process/compile-cache.ts'
import { startLean } from '../shared/process/lean.ts'
import { usePackedLibraries } from '../shared/process/packed-libraries.ts'

startLean()
useCompileCache()
usePackedLibraries()
const { assertSafeToListen, runProgram } = await import('../shared/process/process.ts')
const { startMaster } = await import('./app.ts')
const { hasIdentities } = await import('./security/identities/folder.ts')
const { MasterSettings } = await import('./settings.ts')
// Before it serves: writing takes a moment in which nothing else happens.
saveCompileCache()

const summary = 'accepts tasks from clients and assigns each to the first slave that accepts it'

await runProgram(
  { command: 'askfirst master', summary, table: MasterSettings },
  async (settings) => {
    const how = `create keys and certificates with askfirst init --data ${settings.data}`
    assertSafeToListen(settings, hasIdentities(settings.data), how)
    const master = await startMaster(settings)
    process.stdout.write(`master listens at ${master.url}\n`)
    return master
  },
)
