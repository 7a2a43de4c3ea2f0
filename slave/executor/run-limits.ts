// Limits of time and memory of the run that a member computes, and when to check the member next. Pure,
// except for the memory that the operating system reports.

import type { Entry, Member } from './member.ts'
import { firstOf, UNWANTED_MS } from './member.ts'

/** The runs behind the head of a member go back to the queue after this silence. In milliseconds. */
export const SILENT_MS = 10
/** Interval between two checks of the memory of a long run. In milliseconds. */
const MEMORY_CHECK_MS = 100

/** When to check a member next, counted from `from`, at its least limit at the latest. Monotonic time. */
export function nextCheckAt(member: Member, from: number, now: number): number {
  const { fed, since, limitMs, isLong } = member
  const isSoon = (fed.size > 1 && !isLong) || !firstOf(fed)
  const look = from + (isSoon ? SILENT_MS : MEMORY_CHECK_MS)
  return Math.max(now + 1, Math.min(look, since + limitMs))
}

/** Why a run is killed: `unwanted` is one whose attempt was revoked. */
type Verdict = 'unwanted' | { type: 'time-limit' | 'memory-limit'; message: string }

/** Which limit the head of a member, which has started, exceeds, if any. */
export function judge(
  member: Member,
  head: Entry | undefined,
  now: number,
  rssMaxMb: number,
): Verdict | undefined {
  const ranMs = now - member.since
  if (!head) return ranMs >= UNWANTED_MS ? 'unwanted' : undefined
  const limitMs = head.run.runLimitMs
  if (ranMs >= limitMs) {
    return { type: 'time-limit', message: `exceeded its limit of ${limitMs} ms` }
  }
  if (ranMs >= MEMORY_CHECK_MS && member.executor.residentMb() > rssMaxMb) {
    return { type: 'memory-limit', message: `exceeded its limit of ${rssMaxMb} MB` }
  }
  return undefined
}
