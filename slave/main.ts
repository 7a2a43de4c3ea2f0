// A slave as a process.

import { saveCompileCache, useCompileCache } from '../shared/process/compile-cache.ts'
import { startLean } from '../shared/process/lean.ts'
import { usePackedLibraries } from '../shared/process/packed-libraries.ts'

startLean()
useCompileCache()
usePackedLibraries()
const { assertSafeToListen, runProgram } = await import('../shared/process/process.ts')
const { startSlave } = await import('./app.ts')
const { isSecured } = await import('./security/identity.ts')
const { SlaveSettings } = await import('./settings.ts')
// Before it serves: writing takes a moment in which nothing else happens.
saveCompileCache()

const summary = 'accepts tasks from a master, computes them and delivers the results'

await runProgram({ command: 'askfirst slave', summary, table: SlaveSettings }, async (settings) => {
  const how = 'join the master with ASKFIRST_JOIN or --join-file'
  assertSafeToListen(settings, isSecured(settings), how)
  const slave = await startSlave(settings)
  process.stdout.write(`${settings.name} listens at ${slave.url}\n`)
  return slave
})
