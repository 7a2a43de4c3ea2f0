// How many inputs are under way at a time: all slots of the slaves that run programs, and some more, so that
// the files of the next ones travel while programs run, and a slot that becomes free finds a task in the queue.
// Looked up again every few seconds, because slaves come and go.

import { setTimeout as sleep } from 'node:timers/promises'
import type { Slave } from '../../../shared/client/client.ts'
import { isProblem } from '../../../shared/client/client.ts'

const LOOK_MS = 5_000
/** Beyond the slots. */
const MORE = { share: 0.5, least: 2 }
/** While no slave is known. */
const UNKNOWN = 4
/** Each input that is under way has a connection. */
export const AT_ONCE_MAX = 1000

const GONE: Slave['state'][] = ['silent', 'suspect', 'faulty', 'elsewhere']

/** For these slaves. */
export function roomFor(slaves: readonly Slave[]): number {
  const slots = slaves
    .filter(({ kinds, state }) => kinds.includes('command') && !GONE.includes(state))
    .reduce((sum, each) => sum + each.slots, 0)
  if (slots === 0) return UNKNOWN
  return Math.min(AT_ONCE_MAX, slots + Math.max(MORE.least, Math.ceil(slots * MORE.share)))
}

/** `fixed`: a number that the user gave. `onChange` is called when there may be more room. */
export async function createWindow(
  slaves: () => Promise<Slave[]>,
  { fixed, onChange }: { fixed: number | undefined; onChange: () => void },
) {
  const closing = new AbortController()
  let limit = fixed ?? UNKNOWN

  async function look(): Promise<void> {
    try {
      limit = roomFor(await slaves())
      onChange()
    } catch (error) {
      // A key that may not read the slaves: the queue bears the rest. Otherwise the next look finds out.
      if (isProblem(error, 'forbidden')) closing.abort()
    }
  }
  async function lookAgain(): Promise<void> {
    while (!closing.signal.aborted) {
      await sleep(LOOK_MS, undefined, { signal: closing.signal }).catch(() => {})
      if (!closing.signal.aborted) await look()
    }
  }

  if (fixed === undefined) await look()
  const looking = fixed === undefined ? lookAgain() : Promise.resolve()
  return {
    limit: (): number => limit,
    async close(): Promise<void> {
      closing.abort()
      await looking
    },
  }
}
