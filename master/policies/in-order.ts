// In the order of the registry, lowest first: the default.

import type { Policy } from './policy.ts'

export const inOrder: Policy = (candidates) => candidates.next(0)
