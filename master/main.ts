// A master as a process.

import { assertSafeToListen, runProgram } from '../shared/process/process.ts'
import { startMaster } from './app.ts'
import { hasIdentities } from './security/identities/folder.ts'
import { MasterSettings } from './settings.ts'

const summary = 'takes tasks from clients and hands each to the first slave that is available'

await runProgram(
  { command: 'askfirst master', summary, table: MasterSettings },
  async (settings) => {
    const how = `make keys and certificates with askfirst init --data ${settings.data}`
    assertSafeToListen(settings, hasIdentities(settings.data), how)
    const master = await startMaster(settings)
    process.stdout.write(`master listens at ${master.url}\n`)
    return master
  },
)
