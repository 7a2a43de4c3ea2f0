// All rules, in the order in which slave/PROTOCOL.md numbers them.

import type { Group } from './rule.ts'
import { arriving } from './rules/arriving.ts'
import { beating } from './rules/beating.ts'
import { callingBack } from './rules/calling-back.ts'
import { files } from './rules/files.ts'
import { going } from './rules/going.ts'
import { polling } from './rules/polling.ts'
import { refusing } from './rules/refusing.ts'
import { revoking } from './rules/revoking.ts'
import { taking } from './rules/taking.ts'

export const GROUPS: readonly Group[] = [
  arriving,
  beating,
  taking,
  refusing,
  revoking,
  callingBack,
  going,
  files,
  polling,
]

export const RULES = GROUPS.flatMap(({ rules }) => rules)

/** The number of a rule, from 1. */
export const numberOf = (name: string): number => RULES.findIndex((rule) => rule.name === name) + 1
