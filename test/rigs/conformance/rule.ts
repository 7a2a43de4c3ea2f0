// What a rule is: a name, a sentence, and a trial that throws Broken when a slave does not keep it.
// A trial waits for facts, never for time; where a fact must stay away, it waits for a later one.

import type { Feature } from '../../../shared/protocol/wire.ts'
import type { Session } from './session.ts'

export type Rule = {
  /** Also its name in slave/RULES.md and of the wrong slave that breaks it. */
  name: string
  /** What a slave does that keeps it. */
  says: string
  /** Which slaves it is for, when not for all: those that are asked, or those that pull. */
  only?: 'asked' | 'pull'
  /** A feature that its slave must name on its card. */
  feature?: Feature
  /** It is the rule that is broken when the slave does not register at all. */
  arrival?: true
  run: (here: Session) => Promise<void>
}

/** Rules that one slave process is put through, one after the other. */
export type Group = {
  name: string
  /** How often its slave is told to beat; `null` is so seldom that no beat comes by chance. */
  heartbeatMs: 'paced' | null
  /** The kind that its slave must offer, when it is another than the one that occupies slots. */
  needs?: string
  /** The program that its slave must run, if it says which it runs. */
  program?: string
  /** Sets the master's ways before the slave is started. */
  prepare?: (here: Session) => void
  rules: Rule[]
}

/**
 * Computes something once per session: several rules look at one course of events, such as the end
 * of a slave.
 */
export function once<Facts>(run: (here: Session) => Promise<Facts>) {
  const known = new WeakMap<Session, Promise<Facts>>()
  return (here: Session): Promise<Facts> => {
    let facts = known.get(here)
    if (!facts) known.set(here, (facts = run(here)))
    return facts
  }
}
