// The task ids of a simulated world: those of production, with randomness from the world's seed,
// checked to grow within a process and over every task that is durable.

import type { IdsAfter } from '../../../shared/data/ids.ts'
import { createIds } from '../../../shared/data/ids.ts'
import { createRandom } from '../../../shared/data/random.ts'
import { check } from './ledger.ts'

/** Sets the stream of randomness apart from the world's others. */
const IDS_SEED = 2 ** 42

export function createTaskIds(given: {
  seed: number
  /** The master's wall clock, in milliseconds. */
  wallMs: () => number
  onMade: (id: string) => void
  durable: () => Iterable<{ id: string }>
  guard: (run: () => void) => () => void
}): IdsAfter {
  const random = createRandom(given.seed + IDS_SEED)
  const fill = (bytes: Buffer): void => {
    for (let at = 0; at < bytes.length; at += 4) bytes.writeUInt32LE(random.integer(2 ** 32), at)
  }
  return (newest) => {
    const next = createIds(given.wallMs, fill).after(newest)
    let last = ''
    return () => {
      const id = next()
      given.onMade(id)
      given.guard(() => {
        check(id > last, `the id ${id} is made after ${last}`)
        for (const stored of given.durable()) {
          check(id > stored.id, `the id ${id} is made after ${stored.id}, which is stored`)
        }
      })()
      last = id
      return id
    }
  }
}
