// A policy orders: given who could be asked, it says whom to ask next. It never asks, waits or
// remembers; what it would have to remember (how many tasks came before) it is given.

import type { Random } from '../../shared/data/random.ts'

/** The slaves that could be asked next for one task; those it has asked already are left out. */
export type Candidates = {
  /** The first at or after a place in the order of asking, or -1. */
  next(from: number): number
  /** One past the last place. */
  readonly end: number
  /** The share of its slots that is taken, 0 to 1. */
  load(place: number): number
  /** Its measured time per task in milliseconds; 0 while not measured. */
  serviceMs(place: number): number
}

/** Gives the place of the slave to ask next, or -1 when there is none. */
export type Policy = (candidates: Candidates, taskNumber: number, random: Random) => number
