// What the master remembers of jobs and blobs, in an SQLite file of its own: there are few, and
// their parts are ordinary tasks in the tasks' store. Every write is synced before it returns.
//
// A row of `jobs` is short, so that lists and starts read little: a long input or outcome, and what
// became of the parts, stand in `texts` and are read one by one. Rows of earlier versions hold all. A
// very long input is written piece by piece before its job, so that no sync takes long: `input/00000`,
// `input/00001` ... What has no job, because the process ended in between, goes with the next start.

import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import type { SQLInputValue } from 'node:sqlite'
import { DatabaseSync } from 'node:sqlite'
import type { WallTime } from '../../shared/data/clock.ts'
import { msOf } from '../../shared/data/clock.ts'
import { checkIfSmall, SQLITE, shrinkIfSmall, sqliteCode } from '../../shared/process/sqlite.ts'
import { Problem } from '../../shared/protocol/problems.ts'
import { createGiveBack } from '../store/give-back.ts'
import type { StoreBrokenError } from '../store/guard.ts'
import { createGuard, watchGuards } from '../store/guard.ts'
import { assertLiveJobs, removeStrays } from './job-store-start.ts'
import { piecesOf } from './long-text.ts'

export type JobStatus = 'in progress' | 'done' | 'failed' | 'cancelled'

/** A job as it is stored. The texts are JSON. */
export type JobRecord = {
  id: string
  kind: string
  /** Null when it is long: see `textOf`. */
  input: string | null
  inputBytes: number
  /** How many parts the client asked for. */
  parts: number | null
  slots: number
  slaves: number
  priority: number
  runLimitMs: number
  tags: string
  ticket: string
  /** Which trace it belongs to, as its client said (shared/protocol/trace.ts). */
  trace: string | null
  idempotencyKey: string | null
  requestHash: string | null
  /** Whose it is; null: nobody's, or everybody's. */
  client: string | null
  status: JobStatus
  createdAt: WallTime
  endedAt: WallTime | null
  /** Of a JobResult or a failure, from the end on; null when it is long. */
  outcome: string | null
  outcomeBytes: number | null
  /** Its stages as clients read them, without parts, from the end on. */
  stages: string | null
}

/** What may be long, and is read by itself. */
export type TextName = 'input' | 'outcome' | 'parts'

/** How a job ended. `parts`: those of each stage, as clients read them. */
export type JobEnd = Pick<JobRecord, 'id' | 'status' | 'endedAt' | 'stages'> & {
  outcome: string | null
  parts: string
}

export type BlobRecord = { sha256: string; bytes: number; type: string }

/** A master that is just closing has the file for a moment longer. In milliseconds. */
const BUSY_MS = 1_000

/** Blobs that are looked at in one query. */
const BLOBS_PAGE = 500

/** A longer input or outcome is not in a job's row, and not in lists. In bytes of JSON text. */
export const LISTED_BYTES_MAX = 2_000
/** A longer input is written in pieces. In characters. */
const PIECE_CHARS = 1 << 18
/** Longer stages are those of an earlier version, with all parts. */
const STAGES_BYTES_MAX = 65_536
/** SQLite copies the log into the file when it has about so many pages: no copy takes long. */
const LOG_PAGES_MAX = 256
/** Jobs that are removed at a time, and bytes of their texts: no step of it takes long. */
const TRIM_JOBS = 500
const TRIM_BYTES = 8 << 20

const PLAIN = `id, kind, parts, slots, slaves, priority, runLimitMs, tags, ticket,
  idempotencyKey, requestHash, status, createdAt, endedAt, trace, client`
const INSERTED = `${PLAIN}, input, inputBytes`
/** octet_length and CASE: what is long is not even read. */
const COLUMNS = `${PLAIN},
  CASE WHEN octet_length(input) <= ${LISTED_BYTES_MAX} THEN nullif(input, '') END AS input,
  coalesce(inputBytes, octet_length(input)) AS inputBytes,
  CASE WHEN octet_length(outcome) <= ${LISTED_BYTES_MAX} THEN outcome END AS outcome,
  coalesce(outcomeBytes, octet_length(outcome)) AS outcomeBytes,
  CASE WHEN octet_length(stages) <= ${STAGES_BYTES_MAX} THEN stages END AS stages`

// The lock is kept until close: no other process can have this file while a master does.
const SCHEMA = `
  PRAGMA locking_mode = EXCLUSIVE;
  PRAGMA cell_size_check = ON;
  PRAGMA auto_vacuum = INCREMENTAL;
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = FULL;
  PRAGMA wal_autocheckpoint = ${LOG_PAGES_MAX};
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

export type JobStore = ReturnType<typeof openJobStore>

/**
 * Opens or makes the file at `path`; `:memory:` keeps nothing beyond the process. `onBroken` is called,
 * once at most, when the file is damaged or gone: then the master must stop.
 */
export function openJobStore(path: string, onBroken?: (error: StoreBrokenError) => void) {
  if (path !== ':memory:') mkdirSync(dirname(path), { recursive: true })
  const database = new DatabaseSync(path, { timeout: BUSY_MS })
  const guard = createGuard(path, onBroken)
  try {
    prepareFile(database)
  } catch (error) {
    database.close()
    throw error
  }
  const insert = database.prepare(
    `INSERT INTO jobs (${INSERTED}) VALUES (${INSERTED.replace(/\w+/g, (name) => `:${name}`)})`,
  )
  const end = database.prepare(
    `UPDATE jobs SET status = :status, endedAt = :endedAt, outcome = :outcome,
       outcomeBytes = :outcomeBytes, stages = :stages
     WHERE id = :id AND status = 'in progress'`,
  )
  const putText = database.prepare('REPLACE INTO texts VALUES (?, ?, ?)')
  const readText = database.prepare(
    `SELECT text FROM texts WHERE job = :id AND (name = :name OR name GLOB :name || '/*') ORDER BY name`,
  )
  // In rows of earlier versions; the parts stand with their stages there.
  const readColumn = {
    input: database.prepare('SELECT input AS text FROM jobs WHERE id = ?'),
    outcome: database.prepare('SELECT outcome AS text FROM jobs WHERE id = ?'),
    parts: database.prepare('SELECT stages AS text FROM jobs WHERE id = ?'),
  }
  const get = database.prepare(`SELECT ${COLUMNS} FROM jobs WHERE id = ?`)
  const find = database.prepare(`SELECT ${COLUMNS} FROM jobs WHERE idempotencyKey = ?`)
  const live = database.prepare(
    `SELECT ${COLUMNS} FROM jobs WHERE status = 'in progress' ORDER BY id`,
  )
  const newest = database.prepare('SELECT max(id) AS id FROM jobs')
  const list = database.prepare(
    `SELECT ${COLUMNS}
     FROM jobs WHERE id < :before AND (:client IS NULL OR client = :client)
     ORDER BY id DESC LIMIT :limit`,
  )
  const nextId = database.prepare('SELECT id FROM jobs WHERE id > ? ORDER BY id LIMIT 1')
  const old = database.prepare(
    `SELECT id, coalesce(inputBytes, 0) + coalesce(outcomeBytes, 0) AS bytes FROM jobs
     WHERE status <> 'in progress' AND endedAt < ? AND id IN
     (SELECT id FROM jobs WHERE id > ? ORDER BY id LIMIT ${TRIM_JOBS})`,
  )
  const lastOfStep = database.prepare(
    `SELECT id FROM jobs WHERE id > ? ORDER BY id LIMIT 1 OFFSET ${TRIM_JOBS - 1}`,
  )
  /** The search for old jobs behind the oldest goes on after this id. */
  let trimAfter = ''
  const dropJob = database.prepare('DELETE FROM jobs WHERE id = ?')
  const dropTexts = database.prepare('DELETE FROM texts WHERE job = ?')
  const putBlob = database.prepare(`REPLACE INTO blobs VALUES (?, ?, ?, ?)`)
  const ownBlob = database.prepare(`INSERT OR IGNORE INTO blobOwners VALUES (?, ?, ?)`)
  const disownBlob = database.prepare(`DELETE FROM blobOwners WHERE sha256 = ? RETURNING client`)
  const blobBytes = database.prepare(`SELECT total(bytes) AS bytes FROM blobs`)
  const ownedBytes = database.prepare(
    `SELECT client, sum(bytes) AS bytes FROM blobOwners GROUP BY client`,
  )
  const useBlob = database.prepare(
    `UPDATE blobs SET usedAt = ? WHERE sha256 = ? RETURNING sha256, bytes, type`,
  )
  const findBlob = database.prepare(
    `SELECT sha256, bytes, type, usedAt FROM blobs WHERE sha256 = ?`,
  )
  const oldBlobs = database.prepare(
    `SELECT sha256 FROM blobs WHERE usedAt < ? AND sha256 > ? ORDER BY sha256 LIMIT ${BLOBS_PAGE}`,
  )
  const dropBlob = database.prepare(`DELETE FROM blobs WHERE sha256 = ? AND usedAt < ?`)
  const logState = database.prepare('PRAGMA wal_checkpoint(NOOP)')
  const { run } = guard
  guard.watch()
  const watch = watchGuards([guard])
  const giveBack = createGiveBack({ database, guard, write: tryToWrite, truncateLog })
  const jobOf = (row: unknown): JobRecord | undefined => row as JobRecord | undefined

  return {
    /** Steps that write the long input of a job that is inserted when they are done. They throw as `insert`. */
    longInput: (id: string, input: string): (() => void)[] =>
      piecesOf(input, PIECE_CHARS).map((piece, i, { length }) => () => {
        const name = length === 1 ? 'input' : `input/${String(i).padStart(5, '0')}`
        write(() => putText.run(id, name, piece))
      }),
    /** The job of a long input will not come. */
    dropLongInput: (id: string): void => void tryToWrite(() => dropTexts.run(id)),
    /**
     * This, the end and what is said of blobs: throws `store-full` when the disk is. `input`: a long one,
     * unless it is written already.
     */
    insert(job: JobRecord, input?: string): void {
      const { outcome: _, outcomeBytes: __, stages: ___, ...row } = job
      atomically(() => {
        insert.run(inMs({ ...row, input: job.input ?? '' }))
        if (job.input === null && input !== undefined) putText.run(job.id, 'input', input)
      })
    },
    /** Writes the end of a job, once. */
    end({ parts, outcome, ...job }: JobEnd): void {
      const outcomeBytes = outcome === null ? null : Buffer.byteLength(outcome)
      const isLong = (outcomeBytes ?? 0) > LISTED_BYTES_MAX
      atomically(() => {
        const row = { ...job, outcome: isLong ? null : outcome, outcomeBytes }
        if (end.run(inMs(row)).changes === 0) return
        if (isLong) putText.run(job.id, 'outcome', outcome)
        putText.run(job.id, 'parts', parts)
      })
    },
    get: (id: string) => run(() => jobOf(get.get(id))),
    /** The job that came with this Idempotency-Key. */
    find: (key: string) => run(() => jobOf(find.get(key))),
    /** Jobs that have not ended, oldest first. */
    live: () => run(() => live.all()) as unknown as JobRecord[],
    /** The greatest id of all jobs; null when there are none. */
    newestId: (): string | null => (run(() => newest.get())?.id ?? null) as string | null,
    /** Newest first, those accepted before the job `before`. */
    list: (before: string | undefined, limit: number, client: string | null = null) =>
      run(() => list.all({ before: before ?? '~', limit, client })) as unknown as JobRecord[],
    textOf,
    /** Input and outcome of the job that came next after `id`: where blobs are named. */
    textAfter(after: string): { id: string; texts: string[] } | undefined {
      const id = run(() => nextId.get(after))?.id as string | undefined
      if (id === undefined) return undefined
      return { id, texts: [textOf(id, 'input') ?? '', textOf(id, 'outcome') ?? ''] }
    },
    /**
     * Removes jobs that ended before a time, a few at a time; how many. Jobs that stand behind many
     * that live, or that are younger (the wall clock was set back), are found in as many steps as needed.
     */
    trim(endedBefore: WallTime): number {
      const removed = trimSome('', endedBefore) || trimSome(trimAfter, endedBefore)
      if (removed === 0) trimAfter = (run(() => lastOfStep.get(trimAfter))?.id ?? '') as string
      giveBack.start()
      return removed
    },
    putBlob: ({ sha256, bytes, type }: BlobRecord, now: WallTime): void =>
      void write(() => putBlob.run(sha256, bytes, type, msOf(now))),
    /** A client brought this blob: false when it has before. */
    ownBlob: ({ sha256, bytes }: BlobRecord, client: string): boolean =>
      Number(write(() => ownBlob.run(sha256, client, bytes)).changes) > 0,
    /** Nobody's any more: gives whose it was. */
    disownBlob: (sha256: string): string[] =>
      run(() => disownBlob.all(sha256)).map(({ client }) => client as string),
    /** Bytes of all blobs, and of those that each client brought. */
    blobBytes: () => ({
      bytes: Number(run(() => blobBytes.get())?.bytes),
      byClient: new Map(
        run(() => ownedBytes.all()).map((row) => [row.client as string, Number(row.bytes)]),
      ),
    }),
    /** What is known of a blob, which is in use now. */
    useBlob: (sha256: string, now: WallTime) =>
      write(() => useBlob.get(msOf(now), sha256)) as unknown as BlobRecord | undefined,
    findBlob: (sha256: string) =>
      run(() => findBlob.get(sha256)) as unknown as (BlobRecord & { usedAt: WallTime }) | undefined,
    /** The blobs that nobody has used since, in the order of their names, after `name`: a page. */
    blobsBefore: (usedBefore: WallTime, name = '') =>
      run(() => oldBlobs.all(msOf(usedBefore), name)).map(({ sha256 }) => sha256 as string),
    /** Forgets a blob, unless it was used since `usedBefore`: false. */
    dropBlob: (sha256: string, usedBefore: WallTime): boolean =>
      run(() => dropBlob.run(sha256, msOf(usedBefore)).changes > 0),
    /** This folder belongs to the store, and must stay where it is. */
    watchFolder: (folder: string): void => guard.watch([folder]),
    /** Idempotent. */
    close(): void {
      watch.close()
      giveBack.close()
      if (database.isOpen) database.close()
    },
  }

  function write<T>(change: () => T): T {
    try {
      const written = run(change)
      const gone = guard.lookNow()
      if (gone) throw gone
      return written
    } catch (error) {
      if (sqliteCode(error) !== SQLITE.FULL) throw error
      throw new Problem('store-full', 'the disk is full; what was accepted is safe')
    }
  }

  /** Copies the log into the file, and truncates it when that was little: no step takes long. */
  function truncateLog(): boolean {
    try {
      return run(() => {
        const row = logState.get()
        const isShort = Number(row?.log) - Number(row?.checkpointed) <= LOG_PAGES_MAX
        database.exec(`PRAGMA wal_checkpoint(${isShort ? 'TRUNCATE' : 'PASSIVE'})`)
        return isShort
      })
    } catch {
      // Damage was reported by the guard. Without room the log keeps what it has.
      return true
    }
  }

  /** Gives whether it was written: a file that fails is reported by its guard. */
  function tryToWrite(change: () => void): boolean {
    try {
      atomically(change)
      return true
    } catch {
      return false
    }
  }

  /** One of the texts of a job, however long; null when there is none. */
  function textOf(id: string, name: TextName): string | null {
    const pieces = run(() => readText.all({ id, name }))
    if (pieces.length > 0) return pieces.map(({ text }) => text as string).join('')
    return (run(() => readColumn[name].get(id))?.text as string | null | undefined) ?? null
  }

  function trimSome(after: string, endedBefore: WallTime): number {
    let bytes = 0
    let removed = 0
    atomically(() => {
      for (const job of old.all(msOf(endedBefore), after)) {
        if (bytes > TRIM_BYTES) break
        dropTexts.run(job.id as string)
        dropJob.run(job.id as string)
        bytes += job.bytes as number
        removed++
      }
    })
    return removed
  }

  /** All of it or nothing; synced when it returns. */
  function atomically(change: () => void): void {
    write(() => {
      database.exec('BEGIN IMMEDIATE')
      try {
        change()
        database.exec('COMMIT')
      } catch (error) {
        if (database.isTransaction) database.exec('ROLLBACK')
        throw error
      }
    })
  }
}

/** An input as it stands in the row of its job. */
export function inRow(input: string): Pick<JobRecord, 'input' | 'inputBytes'> {
  const inputBytes = Buffer.byteLength(input)
  return { input: inputBytes <= LISTED_BYTES_MAX ? input : null, inputBytes }
}

/** Times as SQLite keeps them: it is given numbers, which they are. */
const inMs = (job: object) => job as Record<string, SQLInputValue>

/** Makes or completes the tables. Throws when the file is damaged, as far as that shows. */
function prepareFile(database: DatabaseSync): void {
  database.exec(SCHEMA)
  checkIfSmall(database)
  shrinkIfSmall(database)
  const columns = database.prepare(`SELECT name FROM pragma_table_info('jobs')`).all()
  // A file of a version that kept no clients, no traces, or no texts by themselves.
  for (const added of ['trace TEXT', 'client TEXT', 'inputBytes INTEGER', 'outcomeBytes INTEGER']) {
    if (!columns.some(({ name }) => name === added.split(' ')[0])) {
      database.exec(`ALTER TABLE jobs ADD COLUMN ${added}`)
    }
  }
  assertLiveJobs(database)
  removeStrays(database)
}
