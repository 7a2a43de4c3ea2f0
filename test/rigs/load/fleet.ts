// What is put under load: one master with its SQLite store, and slaves of many slots, all processes
// of their own on loopback. A slot is an executor that sleeps, so slots run out before processors do.

import { startCluster } from '../cluster/programs.ts'
import { openScope } from '../cluster/scope.ts'

export const SLAVES = 4
export const SLOTS_EACH = 16
export const SLOTS = SLAVES * SLOTS_EACH
/** What a task sleeps in the mean, exponentially distributed: 64 slots make about 256 tasks a second. */
export const SLEEP_MS = 250

export type Fleet = Awaited<ReturnType<typeof startFleet>>

/** Starts it. Whatever happens, nothing of it is left after close(), or after this process. */
export async function startFleet() {
  const scope = openScope('load')
  const { url, master, slaves } = await startCluster(scope, {
    data: scope.folder,
    slaves: Array.from({ length: SLAVES }, () => args),
  })
  return {
    url,
    /** The master and the agents, by what a person calls them. */
    pids: new Map([
      ['master', master.child.pid as number],
      ...slaves.map(({ child }, i): [string, number] => [`agent ${i + 1}`, child.pid as number]),
    ]),
    /** What they have complained about. */
    complaints: () => [master, ...slaves].map(({ stderr }) => stderr()).join(''),
    close: scope.close,
  }
}

const args = ['--kinds', 'sleep', '--slots', `${SLOTS_EACH}`, '--executors', `${SLOTS_EACH}`]
