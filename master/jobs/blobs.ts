// Blobs: bytes referred to by their SHA-256, for inputs and results that are too large for a body of
// JSON. Streamed in and out, never held in memory. Owns their folder; what is known of each is in
// the job store.
//
//   incoming/<n>  --whole, synced--> <first two digits>/<sha256>

import { createHash, randomUUID } from 'node:crypto'
import { createReadStream, createWriteStream, mkdirSync, rmSync } from 'node:fs'
import { mkdir, open, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { WallTime } from '../../shared/data/clock.ts'
import { msBetween } from '../../shared/data/clock.ts'
import { Problem } from '../../shared/protocol/problems.ts'
import type { DiskOf } from '../store/disk-room.ts'
import { diskOf } from '../store/disk-room.ts'
import type { BlobLimits, BlobOwner } from './blob-quota.ts'
import { createBlobQuota } from './blob-quota.ts'
import type { BlobRecord, JobStore } from './job-store.ts'

const SHA256 = /^[0-9a-f]{64}$/
/** Told as it came when it is one of these; a page of the master's own origin shows no others. */
const SHOWN = /^(image\/(png|jpeg|webp)|text\/plain(; ?charset=utf-8)?|application\/json)$/
const BYTES = 'application/octet-stream'
/** Whoever sends less in `arrivalMs` is cut off. */
const BYTES_MIN = 1_048_576

/** Where nobody is asked, and no quota of a client holds. */
const NOBODY: BlobOwner = { client: null, isSlave: false }

/** The longest that a timer can be set for. */
const TIMER_MS_MAX = 2_147_483_647

/** Nothing of it is still under way; that it stands still is our own disk's doing. */
const isWhole = (body: Readable): boolean =>
  body.readableEnded || (body as { complete?: boolean }).complete === true

export type Blobs = ReturnType<typeof createBlobs>

export function createBlobs(given: {
  folder: string
  store: JobStore
  bytesMax: number
  /** In each such while so much must come as BYTES_MIN, or the end. In milliseconds. */
  arrivalMs: number
  wall: () => WallTime
  /** Used so long ago counts as used now: much less than a blob is kept. In milliseconds. */
  freshMs?: number
  /** How much there may be of all of them. */
  limits: BlobLimits
  /** How much room there is. Default: on the disk of the folder. */
  disk?: DiskOf
}) {
  const { folder, store, bytesMax, arrivalMs, wall, freshMs = 0 } = given
  const incoming = join(folder, 'incoming')
  rmSync(incoming, { recursive: true, force: true })
  mkdirSync(incoming, { recursive: true })
  const { limits, disk = diskOf(folder) } = given
  const quota = createBlobQuota({ limits, disk, stored: store.blobBytes() })
  store.watchFolder(folder)

  const pathOf = (sha256: string): string => join(folder, sha256.slice(0, 2), sha256)

  return {
    /** So long the largest blob may be on its way. */
    arrivalMsMax: Math.min(TIMER_MS_MAX, arrivalMs * (2 + Math.ceil(bytesMax / BYTES_MIN))),

    /**
     * Takes a blob in. Durable when it resolves. Throws `body-too-large`, `quota-exceeded`, `store-full`,
     * or whatever the stream ends with; then nothing of it is left. `declared`: its length, 0 if unknown.
     */
    async put(body: Readable, type = BYTES, owner = NOBODY, declared = 0): Promise<BlobRecord> {
      if (declared > bytesMax) throw tooLarge()
      const claim = quota.claim(owner, declared)
      const path = join(incoming, randomUUID())
      try {
        const facts = await write(body, path, claim.grow)
        // A sweep that is under way leaves it alone from here on.
        store.useBlob(facts.sha256, wall())
        await settle(path, facts.sha256)
        const record = { ...facts, type: SHOWN.test(type) ? type : BYTES }
        const isNew = store.findBlob(record.sha256) === undefined
        store.putBlob(record, wall())
        const { client } = owner
        const isNewToClient = client !== null && store.ownBlob(record, client)
        quota.kept(record.bytes, isNew, isNewToClient ? [client] : [])
        return record
      } catch (error) {
        await rm(path, { force: true })
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
        throw new Problem('store-full', 'the disk is full; the blob was not kept')
      } finally {
        claim.release()
      }
    },

    /** How many bytes there are, stored and on their way: in all, and by client. */
    usage: quota.usage,

    /** What is known of a blob; throws `no-such-blob`. It is kept for a while longer from now. */
    get(sha256: string): BlobRecord {
      const record = SHA256.test(sha256) ? use(sha256) : undefined
      if (record) return record
      throw new Problem('no-such-blob', `there is no blob ${sha256.slice(0, 64)}`)
    },

    read: (sha256: string): Readable => createReadStream(pathOf(sha256)),

    /** Several as one stream, one after the other. */
    async *readAll(list: string[]): AsyncGenerator<Buffer> {
      for (const sha256 of list) yield* createReadStream(pathOf(sha256))
    },

    /**
     * Removes what nobody has used since `before` and no job refers to. Which those are, `findWanted` is
     * asked only when something is as old; they count as used now, and so are not old for a while.
     */
    async sweep(before: WallTime, findWanted: () => Promise<ReadonlySet<string>>): Promise<number> {
      let removed = 0
      let page = store.blobsBefore(before)
      if (page.length === 0) return removed
      const wanted = await findWanted()
      while (page.length > 0) {
        for (const sha256 of page) {
          // Both in one turn: somebody may use it or bring it again between one blob and the next.
          if (wanted.has(sha256)) use(sha256)
          else if (drop(sha256, before)) removed++
          await nextTurn()
        }
        page = store.blobsBefore(before, page.at(-1))
        await nextTurn()
      }
      return removed
    },
  }

  /** Removes a blob that nobody has used since: false when somebody has. */
  function drop(sha256: string, before: WallTime): boolean {
    const known = store.findBlob(sha256)
    if (!known || !store.dropBlob(sha256, before)) return false
    quota.dropped(known.bytes, store.disownBlob(sha256))
    rmSync(pathOf(sha256), { force: true })
    return true
  }

  /** On a full disk it can be read, and is as old as it was. */
  function use(sha256: string): BlobRecord | undefined {
    // Each saying of it waits for the disk.
    const known = store.findBlob(sha256)
    if (!known || msBetween(known.usedAt, wall()) < freshMs) return known
    try {
      return store.useBlob(sha256, wall())
    } catch (error) {
      if ((error as Problem).type !== 'store-full') throw error
      return known
    }
  }

  async function write(
    body: Readable,
    path: string,
    grow: (bytes: number) => void,
  ): Promise<Omit<BlobRecord, 'type'>> {
    const hash = createHash('sha256')
    let bytes = 0
    const meter = new Transform({
      transform(chunk: Buffer, _encoding, done) {
        bytes += chunk.length
        if (bytes > bytesMax) return done(tooLarge())
        try {
          grow(chunk.length)
        } catch (error) {
          return done(error as Problem)
        }
        hash.update(chunk)
        done(null, chunk)
      },
    })
    let before = 0
    const watch = setInterval(() => {
      if (bytes - before < BYTES_MIN && !isWhole(body)) body.destroy(new Error('too slow'))
      before = bytes
    }, arrivalMs)
    try {
      await pipeline(body, meter, createWriteStream(path, { flags: 'wx', flush: true }))
    } finally {
      clearInterval(watch)
    }
    return { sha256: hash.digest('hex'), bytes }
  }

  function tooLarge(): Problem {
    return new Problem('body-too-large', `a blob may be at most ${bytesMax} bytes`)
  }

  async function settle(path: string, sha256: string): Promise<void> {
    const home = join(folder, sha256.slice(0, 2))
    await mkdir(home, { recursive: true })
    await rename(path, pathOf(sha256))
    // Windows syncs no folders.
    if (process.platform === 'win32') return
    const handle = await open(home)
    try {
      await handle.sync()
    } finally {
      await handle.close()
    }
  }
}
