// What an operator asks of a master and tells it: slaves, draining, how it is.

import type { Connection, Manners } from './connection.ts'

export type SlaveStateWord =
  | 'free'
  | 'busy'
  | 'draining'
  | 'unwilling'
  | 'faulty'
  | 'elsewhere'
  | 'suspect'
  | 'silent'

export type Slave = {
  name: string
  /** In the order of asking, from 1. */
  place: number
  /** Where it is asked; null: it pulls. */
  url: string | null
  pull: boolean
  polling?: boolean
  state: SlaveStateWord
  reason: string
  slots: number
  free: number
  running: number
  beingOffered: number
  drained: boolean
  kinds: string[]
  tags: string[]
  version: string
  /** Milliseconds since its last word. */
  heardMs: number | null
  /** Moving average of its run times. */
  serviceMs: number | null
  taken: number
  ended: number
}

export type Status = {
  version: string
  upMs: number
  accepting: boolean
  slaves: { registered: number; alive: number }
  slots: { total: number; free: number }
  /** How many tasks are kept, by status. */
  tasks: Record<string, number>
  running: number
  waiting: number
  counters: {
    accepted: number
    asks: number
    answers: Record<string, number>
    refused: Record<string, number>
    ended: Record<string, number>
    attemptsLost: number
  }
  eventLoopLagMs: { mean: number; p99: number; max: number }
  /** Jumps of the master's wall clock; a master of an earlier version does not say. */
  clock?: { steps: number; lastStepMs: number; lastStepAt: string | null }
}

export function createOperations({ json }: Connection) {
  const named = (name: string, what: string): string =>
    `/slaves/${encodeURIComponent(name)}/${what}`
  const tell = async (name: string, what: string, manners: Manners): Promise<void> => {
    await json({ method: 'POST', path: named(name, what), repeatable: true, ...manners })
  }

  return {
    /** The slaves, in the order of asking. */
    async slaves(manners: Manners = {}): Promise<Slave[]> {
      const said = { method: 'GET', path: '/slaves', ...manners } as const
      return (await json<{ slaves: Slave[] }>(said)).value.slaves
    },

    /** It is not offered work until it is resumed; what it has it finishes. */
    drain: (name: string, manners: Manners = {}): Promise<void> => tell(name, 'drain', manners),
    resume: (name: string, manners: Manners = {}): Promise<void> => tell(name, 'resume', manners),

    /** Numbers of tasks, slots and refusals. */
    async status(manners: Manners = {}): Promise<Status> {
      return (await json<Status>({ method: 'GET', path: '/status', ...manners })).value
    },
  }
}
