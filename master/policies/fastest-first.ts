// The candidate with the shortest measured time per task; one not measured yet goes first.

import { least } from './least-loaded.ts'
import type { Policy } from './policy.ts'

export const fastestFirst: Policy = (candidates) => least(candidates, candidates.serviceMs)
