// What the master remembers of jobs and blobs, in an SQLite file of its own: there are few, and
// their parts are ordinary tasks in the tasks' store. Every write is synced before it returns.

import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { Problem } from '../shared/problems.ts'
import { FULL, sqliteCode } from './store/sqlite-open.ts'

export type JobStatus = 'in progress' | 'done' | 'failed' | 'cancelled'

/** A job as it is stored. Times are milliseconds since 1970; the texts are JSON. */
export type JobRecord = {
  id: string
  kind: string
  input: string
  /** How many parts the client asked for. */
  parts: number | null
  slots: number
  slaves: number
  priority: number
  runLimitMs: number
  tags: string
  ticket: string
  /** Which trace it belongs to, as its client said (shared/trace.ts). */
  trace: string | null
  idempotencyKey: string | null
  requestHash: string | null
  /** Whose it is; null: nobody's, or everybody's. */
  client: string | null
  status: JobStatus
  createdAt: number
  endedAt: number | null
  /** Of a JobResult or a failure, from the end on. */
  outcome: string | null
  /** Its stages as clients read them, from the end on. */
  stages: string | null
}

export type BlobRecord = { sha256: string; bytes: number; type: string }

/** Blobs that are looked at in one query. */
const BLOBS_PAGE = 500

const COLUMNS = `id, kind, input, parts, slots, slaves, priority, runLimitMs, tags, ticket,
  idempotencyKey, requestHash, status, createdAt, endedAt, outcome, stages, trace, client`

const SCHEMA = `
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = FULL;
  CREATE TABLE IF NOT EXISTS jobs (
    id TEXT NOT NULL PRIMARY KEY, kind TEXT NOT NULL, input TEXT NOT NULL, parts INTEGER,
    slots INTEGER NOT NULL, slaves INTEGER NOT NULL, priority INTEGER NOT NULL,
    runLimitMs INTEGER NOT NULL, tags TEXT NOT NULL, ticket TEXT NOT NULL,
    idempotencyKey TEXT UNIQUE, requestHash TEXT, status TEXT NOT NULL,
    createdAt INTEGER NOT NULL, endedAt INTEGER, outcome TEXT, stages TEXT, trace TEXT
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS blobs (
    sha256 TEXT NOT NULL PRIMARY KEY, bytes INTEGER NOT NULL, type TEXT NOT NULL,
    usedAt INTEGER NOT NULL
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS blobOwners (
    sha256 TEXT NOT NULL, client TEXT NOT NULL, bytes INTEGER NOT NULL, PRIMARY KEY (sha256, client)
  ) WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS jobs_live ON jobs (id) WHERE status = 'in progress';
`

/** In lists longer inputs are not shown, and need not be read. In characters of JSON. */
export const LISTED_CHARS = 2_000

export type JobStore = ReturnType<typeof openJobStore>

/** Opens or makes the file at `path`; `:memory:` keeps nothing beyond the process. */
export function openJobStore(path: string) {
  if (path !== ':memory:') mkdirSync(dirname(path), { recursive: true })
  const database = new DatabaseSync(path)
  database.exec(SCHEMA)
  const columns = database.prepare(`SELECT name FROM pragma_table_info('jobs')`).all()
  // A file of a version that kept no clients, or no traces.
  for (const added of ['trace', 'client']) {
    if (!columns.some(({ name }) => name === added)) {
      database.exec(`ALTER TABLE jobs ADD COLUMN ${added} TEXT`)
    }
  }
  const insert = database.prepare(
    `INSERT INTO jobs (${COLUMNS}) VALUES (${COLUMNS.replace(/\w+/g, (name) => `:${name}`)})`,
  )
  const end = database.prepare(
    `UPDATE jobs SET status = :status, endedAt = :endedAt, outcome = :outcome, stages = :stages
     WHERE id = :id AND status = 'in progress'`,
  )
  const get = database.prepare(`SELECT ${COLUMNS} FROM jobs WHERE id = ?`)
  const find = database.prepare(`SELECT ${COLUMNS} FROM jobs WHERE idempotencyKey = ?`)
  const live = database.prepare(
    `SELECT ${COLUMNS} FROM jobs WHERE status = 'in progress' ORDER BY id`,
  )
  const newest = database.prepare('SELECT max(id) AS id FROM jobs')
  const list = database.prepare(
    `SELECT ${COLUMNS.replace('input', `substr(input, 1, ${LISTED_CHARS + 1}) AS input`)}
     FROM jobs WHERE id < :before AND (:client IS NULL OR client = :client)
     ORDER BY id DESC LIMIT :limit`,
  )
  const textAfter = database.prepare(
    `SELECT id, input, outcome FROM jobs WHERE id > ? ORDER BY id LIMIT 1`,
  )
  const trim = database.prepare(
    `DELETE FROM jobs WHERE status <> 'in progress' AND endedAt < ? AND id IN
     (SELECT id FROM jobs ORDER BY id LIMIT 500)`,
  )
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
  const jobOf = (row: unknown): JobRecord | undefined => row as JobRecord | undefined

  return {
    /** This, the end and what is said of blobs: throws `store-full` when the disk is. */
    insert: (job: JobRecord): void => void write(() => insert.run(job)),
    /** Writes the end of a job, once. */
    end: (job: Pick<JobRecord, 'id' | 'status' | 'endedAt' | 'outcome' | 'stages'>): void =>
      void write(() => end.run(job)),
    get: (id: string) => jobOf(get.get(id)),
    /** The job that came with this Idempotency-Key. */
    find: (key: string) => jobOf(find.get(key)),
    /** Jobs that have not ended, oldest first. */
    live: () => live.all() as unknown as JobRecord[],
    /** The greatest id of all jobs; null when there are none. */
    newestId: (): string | null => (newest.get()?.id ?? null) as string | null,
    /** Newest first, those accepted before the job `before`. Of inputs the first LISTED_CHARS and one. */
    list: (before: string | undefined, limit: number, client: string | null = null) =>
      list.all({ before: before ?? '~', limit, client }) as unknown as JobRecord[],
    /** Input and outcome of the job that came next after `id`: where blobs are named. */
    textAfter(id: string): { id: string; text: string } | undefined {
      const row = textAfter.get(id)
      return row && { id: row.id as string, text: `${row.input} ${row.outcome ?? ''}` }
    },
    /** Removes jobs that ended before a time, a few at a time. */
    trim: (endedBefore: number): void => void trim.run(endedBefore),
    putBlob: ({ sha256, bytes, type }: BlobRecord, now: number): void =>
      void write(() => putBlob.run(sha256, bytes, type, now)),
    /** A client brought this blob: false when it has before. */
    ownBlob: ({ sha256, bytes }: BlobRecord, client: string): boolean =>
      Number(write(() => ownBlob.run(sha256, client, bytes)).changes) > 0,
    /** Nobody's any more: gives whose it was. */
    disownBlob: (sha256: string): string[] =>
      disownBlob.all(sha256).map(({ client }) => client as string),
    /** Bytes of all blobs, and of those that each client brought. */
    blobBytes: () => ({
      bytes: Number(blobBytes.get()?.bytes),
      byClient: new Map(ownedBytes.all().map((row) => [row.client as string, Number(row.bytes)])),
    }),
    /** What is known of a blob, which is in use now. */
    useBlob: (sha256: string, now: number) =>
      write(() => useBlob.get(now, sha256)) as unknown as BlobRecord | undefined,
    findBlob: (sha256: string) =>
      findBlob.get(sha256) as unknown as (BlobRecord & { usedAt: number }) | undefined,
    /** The blobs that nobody has used since, in the order of their names, after `name`: a page. */
    blobsBefore: (usedBefore: number, name = '') =>
      oldBlobs.all(usedBefore, name).map(({ sha256 }) => sha256 as string),
    /** Forgets a blob, unless it was used since `usedBefore`: false. */
    dropBlob: (sha256: string, usedBefore: number): boolean =>
      dropBlob.run(sha256, usedBefore).changes > 0,
    close: (): void => database.close(),
  }
}

function write<T>(run: () => T): T {
  try {
    return run()
  } catch (error) {
    if (sqliteCode(error) !== FULL) throw error
    throw new Problem('store-full', 'the disk is full; what was accepted is safe')
  }
}
