// Finds the number of a task by its id, and makes sure that a task that is not there is really not there.

import type { DatabaseSync } from 'node:sqlite'
import { DamagedError } from '../../shared/sqlite/errors.ts'
import { placeOf } from './task-numbers.ts'

/** So many tasks on each side of one that is not there must be in order. */
const NEIGHBOURS = 3
const TAIL = /^-[0-9a-f]{4}-[0-9a-f]{12}$/

/**
 * Gives what finds the number of an id, stored or not; undefined for what has no place among ids. Odd
 * ids (task-numbers.ts) come only from earlier versions, so whether there are any is asked for once.
 */
export function createPlaces(database: DatabaseSync): (id: string) => number | undefined {
  const odd = database.prepare('SELECT n FROM odd_ids WHERE id = ?')
  if (database.prepare('SELECT 1 FROM odd_ids LIMIT 1').get() === undefined) return placeOf
  return (id) => (odd.get(id)?.n as number | undefined) ?? placeOf(id)
}

export function createNeighbours(database: DatabaseSync) {
  const at = database.prepare('SELECT tail FROM accepted WHERE n = ?')
  const below = database.prepare(
    `SELECT n FROM accepted WHERE n < ? ORDER BY n DESC LIMIT ${NEIGHBOURS}`,
  )
  const above = database.prepare(
    `SELECT n FROM accepted WHERE n > ? ORDER BY n LIMIT ${NEIGHBOURS}`,
  )
  // A damaged number can be one that no double holds.
  below.setReadBigInts(true)
  above.setReadBigInts(true)

  return {
    /**
     * A damaged key can hide a task: the search turns the wrong way there, and ends beside the damaged
     * key. So before a task is said not to be there, its neighbours must be in order around its place.
     */
    assertSound(n: number): void {
      const lower = below.all(n).map((row) => row.n as bigint)
      const higher = above.all(n).map((row) => row.n as bigint)
      const around = [...lower.toReversed(), BigInt(n), ...higher]
      const isOrdered = around.every((each, i) => i === 0 || each > (around[i - 1] as bigint))
      if (!isOrdered) throw new DamagedError('its tasks are not in order')
      const tail = at.get(n)?.tail
      if (tail !== undefined && (tail as string).length !== 36 && !TAIL.test(tail as string))
        throw new DamagedError('a task has no id')
    },
  }
}
