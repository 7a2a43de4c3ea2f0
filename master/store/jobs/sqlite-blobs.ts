// The tables of blobs in the SQLite file: the index, who brought each, and which job uses it. Must not
// know when a call is made, or in which thread.

import type { DatabaseSync } from 'node:sqlite'
import type { WallTime } from '../../../shared/data/clock.ts'
import { msOf } from '../../../shared/data/clock.ts'
import { StoreFullError } from '../store.ts'
import type { BlobRecord, BlobUsage, DroppedBlob } from './blob-index.ts'
import type { FileAccess } from './schema.ts'

/** Names of blobs in one page. */
const PAGE = 500

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

    use(sha256: string, now: WallTime, freshMs: number): BlobRecord | undefined {
      const row = read(() => find.get(sha256))
      if (row === undefined) return undefined
      if (msOf(now) - Number(row.usedAt) >= freshMs) markUsed(sha256, now)
      return { sha256, bytes: Number(row.bytes), type: row.type as string }
    },

    refer: (job: string, sha256s: readonly string[]): void =>
      write(() => {
        for (const sha256 of sha256s) refer.run(sha256, job)
      }),

    unused: (usedBefore: WallTime, after: string): string[] =>
      read(() => unused.all(msOf(usedBefore), after)).map(({ sha256 }) => sha256 as string),

    drop: (sha256: string, usedBefore: WallTime): DroppedBlob | undefined =>
      write(() => {
        const row = drop.get(sha256, msOf(usedBefore))
        if (row === undefined) return undefined
        const clients = disown.all(sha256).map(({ client }) => client as string)
        return { bytes: Number(row.bytes), clients }
      }),
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
