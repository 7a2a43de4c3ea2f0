// The trail of a task: what happened to it, in order. Pure.
//
// An entry says what happened by a word of a closed list (shared/protocol/trail.js) and why by data
// (reasons.ts). Words for people are made from that on read. Entries that earlier versions
// stored have their reason in words: those are shown, and never interpreted.

import type { WallTime } from '../../shared/data/clock.ts'
import type * as api from '../../shared/protocol/api/tasks.ts'
import type { Asked } from '../../shared/protocol/asked.ts'
import type { TrailMeaning } from '../../shared/protocol/trail.js'
import { TRAIL_EVENTS } from '../../shared/protocol/trail.js'
import type { Reason } from './reasons.ts'
import { inWords } from './reasons.ts'

export type { TrailEvent } from '../../shared/protocol/trail.js'

/**
 * One entry of a task's trail, as clients read it but for its time and the master's own reason. `reason` has
 * the words of a slave, of the network, or of an earlier version of the master.
 */
export type TrailEntry = Omit<api.TrailEntry, 'at'> & {
  at: WallTime
  /** Of a failed or lost attempt: recognized after a start of the master, never shown. */
  attempt?: string
  /** The master's reason, in place of `reason`. */
  why?: Reason
}

/** The reason of an entry in words; empty when it has none. */
export const reasonOf = ({ why, reason = '' }: Pick<TrailEntry, 'why' | 'reason'>): string =>
  why === undefined ? reason : inWords(why)

/** A trail keeps its first and its last entries; an entry between them says how many were left out. */
export const TRAIL_ENTRIES_MAX = 64
const TRAIL_HEAD = 24

/** Adds an entry to a task's trail. */
export function note({ trail }: { trail: TrailEntry[] }, entry: TrailEntry): void {
  trail.push(entry)
  if (trail.length <= TRAIL_ENTRIES_MAX) return
  const { why } = trail[TRAIL_HEAD] as TrailEntry
  const entries = why?.is === 'omitted' ? why.entries + 1 : 2
  const [next] = trail.splice(TRAIL_HEAD + 1, 1) as [TrailEntry]
  trail[TRAIL_HEAD] = { at: next.at, event: 'omitted', why: { is: 'omitted', entries } }
}

/**
 * Entries as a store has them. How many entries an earlier version left out stood in words only: the
 * one number that is read from words, once, when such a store is opened.
 */
export const fromStore = (trail: TrailEntry[]): TrailEntry[] =>
  trail.map((entry) =>
    entry.event === 'omitted' && entry.why === undefined
      ? { at: entry.at, event: 'omitted', why: { is: 'omitted', entries: numberIn(entry.reason) } }
      : entry,
  )

const numberIn = (words = ''): number => Number.parseInt(words, 10) || 1

const ANSWERS: Partial<Record<TrailMeaning, Asked['answer']>> = {
  taken: 'available',
  refused: 'not available',
  unanswered: 'no answer',
}

/** The part of a trail that says who was asked and what each answered. */
export const asked = (trail: TrailEntry[]): Asked[] =>
  trail.flatMap((entry) => {
    const answer = ANSWERS[TRAIL_EVENTS[entry.event]]
    if (answer === undefined) return []
    const { slave } = entry
    const who = slave === undefined ? {} : { slave }
    return [{ ...who, answer, reason: reasonOf(entry), ...timesOf(entry) }]
  })

/** Times of an entry as clients read them: to a microsecond, and to a millisecond. */
export const timesOf = ({ ms, knownMs }: TrailEntry): { ms?: number; knownMs?: number } => ({
  ...(ms === undefined ? {} : { ms: Math.round(ms * 1000) / 1000 }),
  ...(knownMs === undefined ? {} : { knownMs: Math.round(knownMs) }),
})
