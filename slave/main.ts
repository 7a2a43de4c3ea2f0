// A slave as a process.

import { assertSafeToListen, runProgram } from '../shared/process/process.ts'
import { startSlave } from './app.ts'
import { isSecured } from './security/identity.ts'
import { SlaveSettings } from './settings.ts'

const summary = 'takes tasks from a master, computes them, and calls back with the results'

await runProgram({ command: 'askfirst slave', summary, table: SlaveSettings }, async (settings) => {
  const how = 'join the master with ASKFIRST_JOIN or --join-file'
  assertSafeToListen(settings, isSecured(settings), how)
  const slave = await startSlave(settings)
  process.stdout.write(`${settings.name} listens at ${slave.url}\n`)
  return slave
})
