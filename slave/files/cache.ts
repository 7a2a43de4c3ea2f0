// The cache of blobs that tasks came with, by SHA-256. Each is fetched once, whoever waits for it. Owns its
// folder, and how many bytes are in it. Must not know runs or HTTP.
//
//   found (no file yet, or one that an earlier run of the agent left)
//     --first hold--> checking --right--> kept --(not held, longest unused, room is needed)--> gone
//                        \--> arriving --whole--> kept
//                                 \--failed, or nobody waits any more--> gone
//
// What is held is never removed. A blob for which there is no room beside what is held does not come in.

import type { Stats } from 'node:fs'
import { lstatSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { lstat, rename, rm, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { msOf, systemClock } from '../../shared/data/clock.ts'
import { hashOfFile } from './transfer.ts'

const SHA256 = /^[0-9a-f]{64}$/

/** A blob of which the path is good until it is released. */
export type HeldBlob = { path: string; release: () => void }

type Entry = {
  bytes: number
  /** How many use it or wait for it. */
  holds: number
  state:
    | { is: 'found' }
    | { is: 'checking'; done: Promise<void> }
    | { is: 'arriving'; done: Promise<void>; abort: AbortController }
    | { is: 'kept' }
}

/** Writes the blob to a path at which there is nothing, checked. */
type Bring = (path: string, signal: AbortSignal) => Promise<void>

export type Cache = ReturnType<typeof createCache>

/** `folder` may have what an earlier run of the agent kept; nothing else uses it. */
export function createCache({ folder, bytesMax }: { folder: string; bytesMax: number }) {
  const blobs = join(folder, 'blobs')
  const passing = join(folder, 'passing')
  /** By SHA-256; the longest unused comes first. */
  const entries = new Map<string, Entry>()
  let bytes = 0
  let held = 0
  let count = 0
  rmSync(passing, { recursive: true, force: true })
  mkdirSync(passing, { recursive: true })
  mkdirSync(blobs, { recursive: true })
  for (const { name, size } of foundIn(blobs)) add(name, size)
  makeRoom(0)

  return {
    /** What executors may read. */
    folder: blobs,

    /**
     * Gives a blob, and fetches it first when it is not here. Gives null when there is no room for it.
     * Rejects as `bring` does, or when aborted.
     */
    async hold(
      { sha256, bytes: size }: { sha256: string; bytes: number },
      bring: Bring,
      signal: AbortSignal,
    ): Promise<HeldBlob | null> {
      if (!SHA256.test(sha256)) throw new Error('its SHA-256 is malformed')
      for (;;) {
        signal.throwIfAborted()
        const entry = known(sha256, size) ?? admit(sha256, size)
        if (!entry) return null
        take(sha256, entry)
        const isMine = entry.state.is === 'found' || entry.state.is === 'kept'
        try {
          await orAborted(ready(sha256, entry, bring), signal)
          return { path: join(blobs, sha256), release: once(() => release(sha256, entry)) }
        } catch (error) {
          release(sha256, entry)
          // The fetch of another run failed: this one may know a better address.
          if (isMine || signal.aborted) throw error
        }
      }
    },

    /** How full it is. */
    state: () => ({ bytes, bytesMax }),
  }

  function add(sha256: string, size: number): Entry {
    const entry: Entry = { bytes: size, holds: 0, state: { is: 'found' } }
    entries.set(sha256, entry)
    bytes += size
    return entry
  }

  /** One that was left with another length is broken. */
  function known(sha256: string, size: number): Entry | undefined {
    const entry = entries.get(sha256)
    if (entry?.state.is !== 'found' || entry.bytes === size) return entry
    remove(sha256, entry)
    return undefined
  }

  /** Makes room for a blob; undefined when what is held leaves none. */
  function admit(sha256: string, size: number): Entry | undefined {
    if (held + size > bytesMax) return undefined
    makeRoom(size)
    return add(sha256, size)
  }

  function makeRoom(wanted: number): void {
    for (const [sha256, entry] of entries) {
      if (bytes + wanted <= bytesMax) return
      if (entry.holds === 0) remove(sha256, entry)
    }
  }

  function take(sha256: string, entry: Entry): void {
    if (entry.holds++ === 0) held += entry.bytes
    entries.delete(sha256)
    entries.set(sha256, entry)
  }

  function release(sha256: string, entry: Entry): void {
    if (--entry.holds > 0) return
    held -= entry.bytes
    if (entry.state.is !== 'arriving') return
    entry.state.abort.abort()
    remove(sha256, entry)
  }

  /** Its place is free at once, so that the same blob can arrive again. */
  function remove(sha256: string, entry: Entry): void {
    if (entries.get(sha256) !== entry) return
    entries.delete(sha256)
    bytes -= entry.bytes
    removeFile(sha256)
  }

  function removeFile(sha256: string): void {
    const aside = join(passing, String(++count))
    try {
      renameSync(join(blobs, sha256), aside)
    } catch {
      return
    }
    void rm(aside, { force: true }).catch(() => {})
  }

  /** Resolves when the blob of an entry that was just taken is here. */
  function ready(sha256: string, entry: Entry, bring: Bring): Promise<void> {
    const { state } = entry
    if (state.is === 'checking' || state.is === 'arriving') return state.done
    // What is in use was looked at.
    if (state.is === 'kept' && entry.holds > 1) return Promise.resolve()
    const done = checkOrBring(sha256, entry, state.is === 'kept', bring)
    entry.state = { is: 'checking', done }
    return done
  }

  async function checkOrBring(
    sha256: string,
    entry: Entry,
    isChecked: boolean,
    bring: Bring,
  ): Promise<void> {
    try {
      if (!(await isHere(sha256, entry.bytes, isChecked))) await arrive(sha256, entry, bring)
      entry.state = { is: 'kept' }
    } catch (error) {
      remove(sha256, entry)
      throw error
    }
    // It arrived although nobody waited any more.
    if (!entries.has(sha256)) removeFile(sha256)
  }

  /** Whether the file is there and right. One that was checked before is only looked at. */
  async function isHere(sha256: string, size: number, isChecked: boolean): Promise<boolean> {
    const path = join(blobs, sha256)
    const facts = await lstat(path).catch(() => null)
    if (!facts?.isFile() || facts.size !== size) return false
    if (!isChecked && (await hashOfFile(path).catch(() => '')) !== sha256) return false
    const now = msOf(systemClock.wall()) / 1000
    // The order in which the next run of the agent finds them.
    await utimes(path, now, now).catch(() => {})
    return true
  }

  async function arrive(sha256: string, entry: Entry, bring: Bring): Promise<void> {
    const abort = new AbortController()
    const { state } = entry
    if (entry.holds === 0 || state.is !== 'checking') abort.abort()
    else entry.state = { is: 'arriving', done: state.done, abort }
    const { signal } = abort
    signal.throwIfAborted()
    const path = join(passing, String(++count))
    try {
      await bring(path, signal)
      signal.throwIfAborted()
      await rename(path, join(blobs, sha256))
    } catch (error) {
      await rm(path, { force: true }).catch(() => {})
      throw error
    }
  }
}

type Found = { name: string } & Pick<Stats, 'size' | 'mtimeMs'>

/** The blobs in a folder; the longest unused comes first. Removes everything else. */
function foundIn(folder: string): Found[] {
  const found: Found[] = []
  for (const name of readdirSync(folder)) {
    const path = join(folder, name)
    const { size, mtimeMs, isFile } = factsOf(path)
    if (isFile && SHA256.test(name)) found.push({ name, size, mtimeMs })
    else rmSync(path, { recursive: true, force: true })
  }
  return found.sort((a, b) => a.mtimeMs - b.mtimeMs)
}

function factsOf(path: string) {
  const facts = lstatSync(path)
  return { size: facts.size, mtimeMs: facts.mtimeMs, isFile: facts.isFile() }
}

/** As the promise, or rejects as soon as it is aborted. */
function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise: either, resolve, reject } = Promise.withResolvers<T>()
  const giveUp = (): void => reject(signal.reason as Error)
  signal.addEventListener('abort', giveUp, { once: true })
  promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', giveUp))
  return either
}

function once(act: () => void): () => void {
  let isDone = false
  return () => {
    if (!isDone) act()
    isDone = true
  }
}
