// Each task starts one place further than the task before it.

import type { Policy } from './policy.ts'

export const roundRobin: Policy = (candidates, taskNumber) => {
  if (candidates.end === 0) return -1
  const after = candidates.next(taskNumber % candidates.end)
  return after < 0 ? candidates.next(0) : after
}
