// Any candidate with the same chance.

import type { Policy } from './policy.ts'

export const random: Policy = (candidates, _taskNumber, random) => {
  const places = placesOf(candidates)
  return places.length === 0 ? -1 : (places[random.integer(places.length)] as number)
}

const placesOf = (candidates: Parameters<Policy>[0]): number[] => {
  const places: number[] = []
  for (let at = candidates.next(0); at >= 0; at = candidates.next(at + 1)) places.push(at)
  return places
}
