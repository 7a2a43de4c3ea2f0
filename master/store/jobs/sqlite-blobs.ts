// The tables of blobs in the SQLite file: the index, whose each is, and which job or task uses it. Must not
// know when a call is made, or in which thread.

import type { DatabaseSync } from 'node:sqlite'
import type { WallTime } from '../../../shared/data/clock.ts'
import { msOf } from '../../../shared/data/clock.ts'
import { StoreFullError } from '../store.ts'
import type { BlobRecord, BlobUsage, DroppedBlob, NewlyOwned } from './blob-index.ts'
import type { FileAccess } from './schema.ts'

/** Names of blobs in one page, and of tasks that use one. */
const PAGE = 500
const TASKS = 100

export function createBlobTables(database: DatabaseSync, { read, write }: FileAccess) {
  const put = database.prepare(
    `INSERT INTO blobs VALUES (:sha256, :bytes, :type, :usedAt)
     ON CONFLICT (sha256) DO UPDATE SET bytes = :bytes, type = :type, usedAt = :usedAt`,
  )
  const own = database.prepare('INSERT OR IGNORE INTO blobOwners VALUES (?, ?, ?)')
  const disown = database.prepare('DELETE FROM blobOwners WHERE sha256 = ? RETURNING client')
  const total = database.prepare('SELECT total(bytes) AS bytes FROM blobs')
  const owned = database.prepare(
    'SELECT client, sum(bytes) AS bytes FROM blobOwners GROUP BY client',
  )
  const find = database.prepare('SELECT bytes, type, usedAt FROM blobs WHERE sha256 = ?')
  const isOwner = database.prepare('SELECT 1 FROM blobOwners WHERE sha256 = ? AND client = ?')
  const clientOf = database.prepare(
    `SELECT client FROM jobs WHERE id = ? AND status = 'in progress'`,
  )
  const referTask = database.prepare('INSERT OR IGNORE INTO taskBlobs VALUES (?, ?)')
  const tasksOf = database.prepare(
    `SELECT task FROM taskBlobs WHERE sha256 = ? ORDER BY task DESC LIMIT ${TASKS}`,
  )
  const release = database.prepare('DELETE FROM taskBlobs WHERE sha256 = ? AND task = ?')
  const releaseAll = database.prepare('DELETE FROM taskBlobs WHERE sha256 = ?')
  const mark = database.prepare('UPDATE blobs SET usedAt = ? WHERE sha256 = ?')
  const refer = database.prepare(
    `INSERT OR IGNORE INTO blobUses SELECT ?, id, 'part' FROM jobs
     WHERE id = ? AND status = 'in progress'`,
  )
  const isUnused = `NOT EXISTS (SELECT 1 FROM blobUses WHERE blobUses.sha256 = blobs.sha256)`
  const unused = database.prepare(
    `SELECT sha256 FROM blobs WHERE usedAt < ? AND sha256 > ? AND ${isUnused}
     ORDER BY sha256 LIMIT ${PAGE}`,
  )
  const drop = database.prepare(
    `DELETE FROM blobs WHERE sha256 = ? AND usedAt < ? AND ${isUnused} RETURNING bytes`,
  )

  return {
    usage: (): BlobUsage => ({
      bytes: Number(read(() => total.get())?.bytes),
      byClient: new Map(
        read(() => owned.all()).map((row) => [row.client as string, Number(row.bytes)]),
      ),
    }),

    put: (blob: BlobRecord, client: string | null, now: WallTime) =>
      write(() => {
        const isNew = find.get(blob.sha256) === undefined
        put.run({ ...blob, usedAt: msOf(now) })
        const isNewToClient =
          client !== null && own.run(blob.sha256, client, blob.bytes).changes > 0
        return { isNew, isNewToClient }
      }),

    use(
      sha256: string,
      now: WallTime,
      freshMs: number,
      reader: string | null,
    ): BlobRecord | undefined {
      const row = read(() => find.get(sha256))
      if (row === undefined) return undefined
      if (reader !== null && read(() => isOwner.get(sha256, reader)) === undefined) return undefined
      if (msOf(now) - Number(row.usedAt) >= freshMs) markUsed(sha256, now)
      return { sha256, bytes: Number(row.bytes), type: row.type as string }
    },

    refer: (job: string, sha256s: readonly string[]): NewlyOwned =>
      write(() => {
        const row = clientOf.get(job)
        if (row === undefined) return null
        for (const sha256 of sha256s) refer.run(sha256, job)
        return owns(row.client as string | null, sha256s)
      }),

    referTask: (task: string, client: string | null, sha256s: readonly string[]): NewlyOwned =>
      write(() => {
        for (const sha256 of sha256s) referTask.run(sha256, task)
        return owns(client, sha256s)
      }),

    tasksOf: (sha256: string): string[] =>
      read(() => tasksOf.all(sha256)).map(({ task }) => task as string),

    release: (sha256: string, tasks: readonly string[]): void =>
      write(() => {
        for (const task of tasks) release.run(sha256, task)
      }),

    unused: (usedBefore: WallTime, after: string): string[] =>
      read(() => unused.all(msOf(usedBefore), after)).map(({ sha256 }) => sha256 as string),

    drop: (sha256: string, usedBefore: WallTime): DroppedBlob | undefined =>
      write(() => {
        const row = drop.get(sha256, msOf(usedBefore))
        if (row === undefined) return undefined
        releaseAll.run(sha256)
        const clients = disown.all(sha256).map(({ client }) => client as string)
        return { bytes: Number(row.bytes), clients }
      }),
  }

  /** From now on these blobs are this client's, too. */
  function owns(client: string | null, sha256s: readonly string[]): NewlyOwned {
    if (client === null) return null
    let bytes = 0
    for (const sha256 of sha256s) {
      const size = find.get(sha256)?.bytes
      if (size !== undefined && own.run(sha256, client, size).changes > 0) bytes += Number(size)
    }
    return { client, bytes }
  }

  /** On a full disk the blob can still be read, and keeps its age. */
  function markUsed(sha256: string, now: WallTime): void {
    try {
      write(() => mark.run(msOf(now), sha256))
    } catch (error) {
      if (!(error instanceof StoreFullError)) throw error
    }
  }
}
