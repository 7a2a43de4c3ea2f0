// The candidate with the smallest share of its slots taken; of equals the first in order.

import type { Candidates, Policy } from './policy.ts'

export const leastLoaded: Policy = (candidates) => least(candidates, candidates.load)

/** The candidate for which `measure` is smallest; of equals the first. */
export function least(candidates: Candidates, measure: (place: number) => number): number {
  let best = candidates.next(0)
  for (let at = best; at >= 0; at = candidates.next(at + 1)) {
    if (measure(at) < measure(best)) best = at
  }
  return best
}
