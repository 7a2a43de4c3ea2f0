// What an operator asks of a master and tells it: slaves, draining, how it is.

import type { Slave } from '../protocol/api/slaves.ts'
import type { Status } from '../protocol/api/watching.ts'
import type { Connection, Manners } from './connection.ts'

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
