// The SQLite file of jobs and blobs: its tables as numbered migrations, and what is checked when it is
// opened.
//
//   jobs      one short row each, so that lists and starts read little
//   texts     a long input or outcome of a job, and its parts. Earlier versions wrote a very long input
//             in pieces (`input/00000`, `input/00001` ...) and, before that, all texts in the row
//   blobs, blobOwners    what is known of each blob, and the clients whose it is: they brought it, or
//             their tasks and jobs gave it
//   taskBlobs which task uses which blob: its input files, and what it gave
//   blobUses  which job uses which blob, and why: its input names it, one of its parts gave it, or its
//             outcome names it

import type { DatabaseSync } from 'node:sqlite'
import type { Migration } from '../../../shared/sqlite/database.ts'
import { DamagedError } from '../../../shared/sqlite/errors.ts'
import { blobNamesIn } from './blob-names.ts'

/** SQLite copies the log into the file when it has about so many pages. */
export const LOG_PAGES_MAX = 256

// The lock is kept until close: no other process can have this file while a master does.
export const PRAGMAS = `
  PRAGMA locking_mode = EXCLUSIVE;
  PRAGMA cell_size_check = ON;
  PRAGMA auto_vacuum = INCREMENTAL;
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = FULL;
  PRAGMA wal_autocheckpoint = ${LOG_PAGES_MAX};
`

const TABLES = `
  CREATE TABLE IF NOT EXISTS jobs (
    id TEXT NOT NULL PRIMARY KEY, kind TEXT NOT NULL, input TEXT NOT NULL, parts INTEGER,
    slots INTEGER NOT NULL, slaves INTEGER NOT NULL, priority INTEGER NOT NULL,
    runLimitMs INTEGER NOT NULL, tags TEXT NOT NULL, ticket TEXT NOT NULL,
    idempotencyKey TEXT UNIQUE, requestHash TEXT, status TEXT NOT NULL,
    createdAt INTEGER NOT NULL, endedAt INTEGER, outcome TEXT, stages TEXT, trace TEXT
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS texts (
    job TEXT NOT NULL, name TEXT NOT NULL, text TEXT NOT NULL, PRIMARY KEY (job, name)
  );
  CREATE TABLE IF NOT EXISTS blobs (
    sha256 TEXT NOT NULL PRIMARY KEY, bytes INTEGER NOT NULL, type TEXT NOT NULL,
    usedAt INTEGER NOT NULL
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS blobOwners (
    sha256 TEXT NOT NULL, client TEXT NOT NULL, bytes INTEGER NOT NULL, PRIMARY KEY (sha256, client)
  ) WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS jobs_live ON jobs (id) WHERE status = 'in progress';
`
const ADDED_COLUMNS = ['trace TEXT', 'client TEXT', 'inputBytes INTEGER', 'outcomeBytes INTEGER']

export const MIGRATIONS: readonly Migration[] = [
  // Files before this one have no version. They have some of the tables, and a shorter row of jobs.
  (database) => {
    database.exec(TABLES)
    const columns = database.prepare(`SELECT name FROM pragma_table_info('jobs')`).all()
    for (const added of ADDED_COLUMNS) {
      if (columns.some(({ name }) => name === added.split(' ')[0])) continue
      database.exec(`ALTER TABLE jobs ADD COLUMN ${added}`)
    }
    // A long input was written before its job: the process may have ended in between.
    database.exec('DELETE FROM texts WHERE job NOT IN (SELECT id FROM jobs)')
  },
  // Reads every text once; until here they were read for each sweep.
  (database) => {
    database.exec(`
      CREATE TABLE blobUses (
        sha256 TEXT NOT NULL, job TEXT NOT NULL, name TEXT NOT NULL, PRIMARY KEY (sha256, job, name)
      ) WITHOUT ROWID;
      CREATE INDEX blobUses_by_job ON blobUses (job);
    `)
    database.function('blobNamesIn', (text) => JSON.stringify(blobNamesIn(String(text))))
    for (const name of ['input', 'outcome']) {
      database.exec(`
        INSERT OR IGNORE INTO blobUses
        SELECT named.value, jobs.id, '${name}' FROM jobs, json_each(blobNamesIn(coalesce(
          (SELECT group_concat(text, '' ORDER BY name) FROM texts
           WHERE job = jobs.id AND (name = '${name}' OR name GLOB '${name}/*')),
          jobs.${name}, ''))) AS named`)
    }
  },
  // Jobs of earlier versions go on as they began.
  (database) => database.exec('ALTER TABLE jobs ADD COLUMN together INTEGER NOT NULL DEFAULT 0'),
  // What a job's parts gave is its client's, too: until here every client could read every blob.
  `
  CREATE TABLE taskBlobs (
    sha256 TEXT NOT NULL, task TEXT NOT NULL, PRIMARY KEY (sha256, task)
  ) WITHOUT ROWID;
  INSERT OR IGNORE INTO blobOwners
    SELECT DISTINCT blobs.sha256, jobs.client, blobs.bytes FROM blobUses
    JOIN jobs ON jobs.id = blobUses.job JOIN blobs ON blobs.sha256 = blobUses.sha256
    WHERE jobs.client IS NOT NULL;
  `,
]

/** A start goes on with the live jobs: it must be able to read them. Throws DamagedError. */
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

/** How the tables are read and written; errors are judged on the way. */
export type FileAccess = {
  read: <T>(query: () => T) => T
  /** As one transaction, synced when it returns. Throws StoreFullError on a full disk. */
  write: <T>(change: () => T) => T
}
