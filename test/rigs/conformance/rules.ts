// All rules, in the order in which slave/RULES.md numbers them.

import type { Group } from './rule.ts'
import { arriving, turnedAway } from './rules/arriving.ts'
import { beating } from './rules/beating.ts'
import { callingBack, unanswered } from './rules/calling-back.ts'
import { commands } from './rules/commands.ts'
import { files } from './rules/files.ts'
import { delivering, going } from './rules/going.ts'
import { polling } from './rules/polling.ts'
import { refusing } from './rules/refusing.ts'
import { revoking } from './rules/revoking.ts'
import { taking } from './rules/taking.ts'
import { taskFiles } from './rules/task-files.ts'

export const GROUPS: readonly Group[] = [
  arriving,
  turnedAway,
  beating,
  taking,
  refusing,
  revoking,
  callingBack,
  unanswered,
  going,
  delivering,
  files,
  taskFiles,
  commands,
  polling,
]

export const RULES = GROUPS.flatMap(({ rules }) => rules)

/** The number of a rule, from 1. */
export const numberOf = (name: string): number => RULES.findIndex((rule) => rule.name === name) + 1
