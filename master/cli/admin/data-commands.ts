// The commands that work on a master's own data folder and speak to no master.

import { writeLines } from '../output.ts'
import type { Command, Out } from './data-command.ts'
import { usageOf } from './data-command.ts'
import { identity } from './identity.ts'
import { init } from './init.ts'
import { key } from './key.ts'
import { token } from './token.ts'

const ALL: readonly Command[] = [init, token, key, identity]

/** Runs one, or prints its help. Throws UsageError. */
export async function runDataCommand(name: string, argv: string[]): Promise<void> {
  const command = ALL.find((each) => each.name === name) as Command
  const out: Out = (words) => void writeLines(process.stdout, words)
  if (argv.includes('--help') || argv.includes('-h')) return out(usageOf(command))
  await command.run(argv, { out })
}
