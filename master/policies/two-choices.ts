// The less loaded of two candidates chosen at random (Mitzenmacher, "The Power of Two Choices").

import type { Policy } from './policy.ts'
import { random as choose } from './random.ts'

export const twoChoices: Policy = (candidates, taskNumber, random) => {
  const one = choose(candidates, taskNumber, random)
  const other = choose(candidates, taskNumber, random)
  if (one < 0) return -1
  return candidates.load(other) < candidates.load(one) ? other : one
}
