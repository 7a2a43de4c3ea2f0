// A slave as a process.

import { assertSafeToListen, runProgram } from '../shared/process.ts'
import { startSlave } from './app.ts'
import { SlaveSettings } from './settings.ts'

const summary = 'takes tasks from a master, computes them, and calls back with the results'

await runProgram({ command: 'askfirst slave', summary, table: SlaveSettings }, async (settings) => {
  assertSafeToListen(settings.host, settings.insecureNoAuth)
  const slave = await startSlave(settings)
  process.stdout.write(`${settings.name} listens at ${slave.url}\n`)
  return slave
})
