// The tables of jobs and their texts in the SQLite file. Must not know when a call is made, or in
// which thread.

import assert from 'node:assert'
import type { DatabaseSync, SQLInputValue, SQLOutputValue } from 'node:sqlite'
import type { WallTime } from '../../../shared/data/clock.ts'
import { msOf } from '../../../shared/data/clock.ts'
import { blobNamesIn } from './blob-names.ts'
import type { Inserted, JobEnd, JobQuery, JobRecord, TextName } from './job-store.ts'
import { LISTED_BYTES_MAX } from './job-store.ts'
import type { FileAccess } from './schema.ts'

/** Longer stages are those of an earlier version, with all parts. */
const STAGES_BYTES_MAX = 65_536
/** Jobs that are removed at a time, and bytes of their texts: other calls wait for no longer. */
const TRIM_JOBS = 500
const TRIM_BYTES = 8 << 20

const PLAIN = `id, kind, parts, slots, slaves, together, priority, runLimitMs, tags, ticket,
  idempotencyKey, requestHash, status, createdAt, endedAt, trace, client`
const INSERTED = `${PLAIN}, input, inputBytes`
/** octet_length and CASE: what is long is not even read. */
const COLUMNS = `${PLAIN},
  CASE WHEN octet_length(input) <= ${LISTED_BYTES_MAX} THEN nullif(input, '') END AS input,
  coalesce(inputBytes, octet_length(input)) AS inputBytes,
  CASE WHEN octet_length(outcome) <= ${LISTED_BYTES_MAX} THEN outcome END AS outcome,
  coalesce(outcomeBytes, octet_length(outcome)) AS outcomeBytes,
  CASE WHEN octet_length(stages) <= ${STAGES_BYTES_MAX} THEN stages END AS stages`

export function createJobTables(database: DatabaseSync, { read, write }: FileAccess) {
  const insert = database.prepare(
    `INSERT INTO jobs (${INSERTED}) VALUES (${INSERTED.replace(/\w+/g, (name) => `:${name}`)})
     ON CONFLICT (idempotencyKey) DO NOTHING`,
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
  const getById = database.prepare(`SELECT ${COLUMNS} FROM jobs WHERE id = ?`)
  const getByKey = database.prepare(`SELECT ${COLUMNS} FROM jobs WHERE idempotencyKey = ?`)
  const live = database.prepare(
    `SELECT ${COLUMNS} FROM jobs WHERE status = 'in progress' ORDER BY id`,
  )
  const newest = database.prepare('SELECT max(id) AS id FROM jobs')
  const list = database.prepare(
    `SELECT ${COLUMNS}
     FROM jobs WHERE id < :before AND (:client IS NULL OR client = :client)
     ORDER BY id DESC LIMIT :limit`,
  )
  const old = database.prepare(
    `SELECT id, coalesce(inputBytes, 0) + coalesce(outcomeBytes, 0) AS bytes FROM jobs
     WHERE status <> 'in progress' AND endedAt < ? AND id IN
     (SELECT id FROM jobs WHERE id > ? ORDER BY id LIMIT ${TRIM_JOBS})`,
  )
  const lastOfStep = database.prepare(
    `SELECT id FROM jobs WHERE id > ? ORDER BY id LIMIT 1 OFFSET ${TRIM_JOBS - 1}`,
  )
  /** The search for old jobs behind the oldest continues after this id. */
  let trimAfter = ''
  const dropJob = database.prepare('DELETE FROM jobs WHERE id = ?')
  const dropTexts = database.prepare('DELETE FROM texts WHERE job = ?')
  const putUse = database.prepare('INSERT OR IGNORE INTO blobUses VALUES (?, ?, ?)')
  const dropUses = database.prepare('DELETE FROM blobUses WHERE job = ?')
  const dropPartUses = database.prepare(`DELETE FROM blobUses WHERE job = ? AND name = 'part'`)

  return {
    load: () => ({
      live: read(() => live.all()).map(jobOf),
      newestId: (read(() => newest.get())?.id ?? null) as string | null,
    }),

    insert(job: JobRecord, input: string): Inserted {
      const { outcome: _, outcomeBytes: __, stages: ___, ...columns } = job
      const isNew = write(() => {
        if (insert.run(inMs({ ...columns, input: job.input ?? '' })).changes === 0) return false
        if (job.input === null) putText.run(job.id, 'input', input)
        for (const name of blobNamesIn(input)) putUse.run(name, job.id, 'input')
        return true
      })
      if (isNew) return { is: 'new' }
      const row = read(() => getByKey.get(job.idempotencyKey))
      assert(row, 'no job has the key that was refused as a repetition')
      const before = jobOf(row)
      return { is: 'repeated', id: before.id, requestHash: before.requestHash }
    },

    end({ parts, outcome, ...job }: JobEnd): void {
      const outcomeBytes = outcome === null ? null : Buffer.byteLength(outcome)
      const isLong = (outcomeBytes ?? 0) > LISTED_BYTES_MAX
      const named = outcome === null ? [] : blobNamesIn(outcome)
      write(() => {
        const row = { ...job, outcome: isLong ? null : outcome, outcomeBytes }
        if (end.run(inMs(row)).changes === 0) return
        if (isLong) putText.run(job.id, 'outcome', outcome)
        putText.run(job.id, 'parts', parts)
        dropPartUses.run(job.id)
        for (const name of named) putUse.run(name, job.id, 'outcome')
      })
    },

    get(by: { id: string } | { key: string }): JobRecord | undefined {
      const row = read(() => ('id' in by ? getById.get(by.id) : getByKey.get(by.key)))
      return row && jobOf(row)
    },

    list: ({ before = '~', limit, client }: JobQuery): JobRecord[] =>
      read(() => list.all({ before, limit, client })).map(jobOf),

    text(id: string, name: TextName): string | null {
      const pieces = read(() => readText.all({ id, name }))
      if (pieces.length > 0) return pieces.map(({ text }) => text as string).join('')
      return (read(() => readColumn[name].get(id))?.text as string | null | undefined) ?? null
    },

    trim(endedBefore: WallTime): number {
      const removed = trimSome('', endedBefore) || trimSome(trimAfter, endedBefore)
      if (removed === 0) trimAfter = (read(() => lastOfStep.get(trimAfter))?.id ?? '') as string
      return removed
    },
  }

  function trimSome(after: string, endedBefore: WallTime): number {
    let bytes = 0
    let removed = 0
    write(() => {
      for (const job of old.all(msOf(endedBefore), after)) {
        if (bytes > TRIM_BYTES) break
        for (const drop of [dropTexts, dropUses, dropJob]) drop.run(job.id as string)
        bytes += job.bytes as number
        removed++
      }
    })
    return removed
  }
}

/** The columns of the table have these types and NOT NULLs. */
const jobOf = (row: Record<string, SQLOutputValue>) => row as unknown as JobRecord

/** A record as named parameters: its times are numbers already. */
const inMs = (job: object) => job as Record<string, SQLInputValue>
