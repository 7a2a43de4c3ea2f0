// Blobs: bytes addressed by their SHA-256, for inputs and results that are too large for a JSON body.
// Streamed in and out, never held in memory. Owns their folder; the blob index (store/jobs/) stores what
// is known of each.
//
//   incoming/<n>  --complete, synced--> <first two digits>/<sha256>  --in the index--> stored
//   stored --(unused for long, and no job or task uses it: sweep)--> out of the index --> file removed
//
// A blob that is arriving is not swept, and an upload of a blob that is being removed is stored
// after the removal.

import { createHash, randomUUID } from 'node:crypto'
import { createReadStream, createWriteStream, mkdirSync, rmSync } from 'node:fs'
import { mkdir, open, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { WallTime } from '../../shared/data/clock.ts'
import { Problem } from '../../shared/protocol/problems.ts'
import type { DiskOf } from '../store/disk-room.ts'
import { diskOf } from '../store/disk-room.ts'
import type { BlobIndex, BlobRecord, NewlyOwned } from '../store/jobs/blob-index.ts'
import { StoreFullError } from '../store/store.ts'
import type { BlobLimits, BlobOwner } from './blob-quota.ts'
import { createBlobQuota } from './blob-quota.ts'
import { refusedWhenFull } from './store-full.ts'

const SHA256 = /^[0-9a-f]{64}$/
/** Content types that are kept as they were sent; a page of the master's own origin shows no others. */
const SHOWN = /^(image\/(png|jpeg|webp)|text\/plain(; ?charset=utf-8)?|application\/json)$/
const BYTES = 'application/octet-stream'
/** An upload must send this much in each `arrivalMs`. */
const BYTES_MIN = 1_048_576

/** What has arrived is written together, up to this: a fifth less processor time than 64 KiB. In bytes. */
const WRITE_BYTES = 1_048_576

/** Without authentication: no quota of a client applies. */
const NOBODY: BlobOwner = { client: null, isSlave: false }

/** The longest that a timer can be set for. */
const TIMER_MS_MAX = 2_147_483_647

/** The whole body has arrived: if progress stops now, the master's disk is slow. */
const isWhole = (body: Readable): boolean =>
  body.readableEnded || (body as { complete?: boolean }).complete === true

export type { BlobRecord } from '../store/jobs/blob-index.ts'

export type Blobs = Awaited<ReturnType<typeof createBlobs>>

export async function createBlobs(given: {
  folder: string
  index: BlobIndex
  bytesMax: number
  /** An upload that sends less than BYTES_MIN in this time is cut off. In milliseconds. */
  arrivalMs: number
  wall: () => WallTime
  /** A use is not stored again within this time: much less than a blob is kept. In milliseconds. */
  freshMs?: number
  /** Whether a task is stored. */
  isTask?: (id: string) => Promise<boolean>
  /** How much there may be of all of them. */
  limits: BlobLimits
  /** How much room there is. Default: on the disk of the folder. */
  disk?: DiskOf
}) {
  const { folder, index, bytesMax, arrivalMs, wall, freshMs = 0 } = given
  const { isTask = async () => false } = given
  const incoming = join(folder, 'incoming')
  rmSync(incoming, { recursive: true, force: true })
  mkdirSync(incoming, { recursive: true })
  const { limits, disk = diskOf(folder) } = given
  const quota = createBlobQuota({ limits, disk, stored: await index.usage() })
  /** Uploads that are moved to their place and stored, by blob. */
  const arriving = new Map<string, number>()
  /** Blobs that a sweep removes. */
  const leaving = new Map<string, Promise<boolean>>()

  const pathOf = (sha256: string): string => join(folder, sha256.slice(0, 2), sha256)

  return {
    /** The longest time that an upload of the largest blob may take. */
    arrivalMsMax: Math.min(TIMER_MS_MAX, arrivalMs * (2 + Math.ceil(bytesMax / BYTES_MIN))),

    /**
     * Takes a blob in. Durable when it resolves. Rejects with `body-too-large`, `quota-exceeded`,
     * `store-full`, or the error of the stream; then nothing of it is left. `declared`: its length, 0 if
     * unknown.
     */
    async put(body: Readable, type = BYTES, owner = NOBODY, declared = 0): Promise<BlobRecord> {
      if (declared > bytesMax) throw tooLarge()
      const claim = quota.claim(owner, declared)
      const path = join(incoming, randomUUID())
      try {
        const facts = await write(body, path, claim.grow)
        const record = { ...facts, type: SHOWN.test(type) ? type : BYTES }
        await store(record, path, owner.client)
        return record
      } catch (error) {
        await rm(path, { force: true })
        if (!isFull(error)) throw error
        throw new Problem('store-full', 'the disk is full; the blob was not stored')
      } finally {
        claim.release()
      }
    },

    /** How many bytes there are, stored and arriving: in all, and by client. */
    usage: quota.usage,

    /**
     * What is known of a blob, which is kept for a while longer from now. `reader`: the client that asks;
     * null: it may see every blob. Throws `no-such-blob`, also for a blob of other clients.
     */
    async get(sha256: string, reader: string | null): Promise<BlobRecord> {
      const isName = SHA256.test(sha256)
      const record = isName ? await index.use(sha256, wall(), freshMs, reader) : undefined
      if (record) return record
      throw new Problem('no-such-blob', `there is no blob ${sha256.slice(0, 64)}`)
    },

    /** `range`: its first and last byte. */
    read: (sha256: string, range?: readonly [number, number]): Readable =>
      createReadStream(pathOf(sha256), range ? { start: range[0], end: range[1] } : {}),

    /** A task uses these from now on, until it is removed; they count for its client. Rejects with `store-full`. */
    async referTask(task: string, client: string | null, sha256s: string[]): Promise<void> {
      own(await refusedWhenFull(index.referTask(task, client, sha256s)))
    },

    /** The same for those of them that are here. Resolves with the others. */
    async keepFor(task: string, client: string | null, sha256s: string[]): Promise<string[]> {
      const found = await Promise.all(sha256s.map((name) => index.use(name, wall(), freshMs, null)))
      const here = sha256s.filter((_, i) => found[i] !== undefined)
      if (here.length > 0) own(await refusedWhenFull(index.referTask(task, client, here)))
      return sha256s.filter((_, i) => found[i] === undefined)
    },

    /** A part of this job gave these: they count for the client of the job. */
    async refer(job: string, sha256s: string[]): Promise<void> {
      own(await index.refer(job, sha256s))
    },

    /** Several as one stream, one after the other. */
    async *readAll(list: string[]): AsyncGenerator<Buffer> {
      for (const sha256 of list) yield* createReadStream(pathOf(sha256))
    },

    /** Removes the blobs that were last used before a time and that no job or task uses. Gives how many. */
    async sweep(before: WallTime): Promise<number> {
      let removed = 0
      let page = await index.unused(before, '')
      while (page.length > 0) {
        for (const sha256 of page) if (await remove(sha256, before)) removed++
        page = await index.unused(before, page.at(-1) ?? '')
      }
      return removed
    },
  }

  /** Moves a complete file to its place, and stores what is known of it. */
  async function store(record: BlobRecord, path: string, client: string | null): Promise<void> {
    const { sha256, bytes } = record
    arriving.set(sha256, (arriving.get(sha256) ?? 0) + 1)
    try {
      await leaving.get(sha256)?.catch(() => false)
      await settle(path, sha256)
      const { isNew, isNewToClient } = await index.put(record, client, wall())
      quota.kept(bytes, isNew, isNewToClient && client !== null ? [client] : [])
    } finally {
      const left = (arriving.get(sha256) ?? 1) - 1
      if (left > 0) arriving.set(sha256, left)
      else arriving.delete(sha256)
    }
  }

  function own(newly: NewlyOwned): void {
    if (newly !== null && newly.bytes > 0) quota.kept(newly.bytes, false, [newly.client])
  }

  /** Whether a task that is still there uses it. Forgets tasks that are not. */
  async function isInUse(sha256: string): Promise<boolean> {
    for (;;) {
      const tasks = await index.tasksOf(sha256)
      if (tasks.length === 0) return false
      for (const task of tasks) if (await isTask(task)) return true
      await index.release(sha256, tasks)
    }
  }

  async function remove(sha256: string, before: WallTime): Promise<boolean> {
    if (arriving.has(sha256)) return false
    if (await isInUse(sha256)) {
      await index.use(sha256, wall(), 0, null)
      return false
    }
    const removal = drop(sha256, before)
    leaving.set(sha256, removal)
    try {
      return await removal
    } finally {
      leaving.delete(sha256)
    }
  }

  async function drop(sha256: string, before: WallTime): Promise<boolean> {
    const dropped = await index.drop(sha256, before)
    if (dropped === undefined) return false
    quota.dropped(dropped.bytes, dropped.clients)
    await rm(pathOf(sha256), { force: true })
    return true
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
      await pipeline(
        body,
        meter,
        createWriteStream(path, { flags: 'wx', flush: true, highWaterMark: WRITE_BYTES }),
      )
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

/** Whether the disk is full: of the files, or of the index. */
const isFull = (error: unknown): boolean =>
  error instanceof StoreFullError || (error as NodeJS.ErrnoException).code === 'ENOSPC'
