// What a start looks for in the jobs' file: texts whose jobs never came, and live jobs that cannot be read.

import type { DatabaseSync } from 'node:sqlite'
import { DamagedError } from '../../shared/process/sqlite.ts'

/** A long input is written before its job: the process may have ended in between. */
export function removeStrays(database: DatabaseSync): void {
  database.exec('DELETE FROM texts WHERE job NOT IN (SELECT id FROM jobs)')
}

/** Jobs that go on with this start are read by it: better now, when that can be said in a line. */
export function assertLiveJobs(database: DatabaseSync): void {
  const row = database
    .prepare(
      `SELECT count(*) AS bad FROM jobs WHERE status = 'in progress' AND NOT (
         json_valid(tags) AND typeof(createdAt) IN ('integer', 'real')
         AND (ifnull(input, '') = '' OR json_valid(input))
         AND json_valid((SELECT ifnull(group_concat(text, '' ORDER BY name), '0') FROM texts
           WHERE job = id AND (name = 'input' OR name GLOB 'input/*'))))`,
    )
    .get()
  if (row?.bad !== 0) throw new DamagedError(`${row?.bad} jobs cannot be read`)
}
