// The policies by name: a new one is its file and its line here.

import { fastestFirst } from './fastest-first.ts'
import { inOrder } from './in-order.ts'
import { leastLoaded } from './least-loaded.ts'
import type { Policy } from './policy.ts'
import { random } from './random.ts'
import { roundRobin } from './round-robin.ts'
import { twoChoices } from './two-choices.ts'

export const POLICIES = {
  'in-order': inOrder,
  'round-robin': roundRobin,
  random,
  'two-choices': twoChoices,
  'least-loaded': leastLoaded,
  'fastest-first': fastestFirst,
} satisfies Record<string, Policy>
