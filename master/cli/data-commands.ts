// The commands that work on a master's own data folder and speak to no master.

import type { Command } from './data-command.ts'
import { identity } from './identity.ts'
import { init } from './init.ts'
import { key } from './key.ts'
import { token } from './token.ts'

export const DATA_COMMANDS: readonly Command[] = [init, token, key, identity]
