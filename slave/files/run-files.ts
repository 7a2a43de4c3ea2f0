// The files of runs: a folder for each, its input files, and its outputs on their way to the master or kept
// for peers. A restart of the agent removes the folders and partitions, by choice: the master runs again
// what needs them. The cache and outcomes that were being delivered stay.
//
//   data/work/runs/<n>/in/...  out/...            of a kind: removed when the run has ended
//   data/work/runs/<n>/work/...  stdout  stderr   of a program
//   data/work/partitions/...                      removed when the master says that the job has ended
//   data/cache/...                                blobs, by SHA-256
//   data/outputs/...                              until the outcome is acknowledged

import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { copyFile, constants as copying, mkdir, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Agent } from 'undici'
import { filePathMistake } from '../../shared/data/file-paths.ts'
import type { Connector } from '../../shared/http/tls.ts'
import type { InputFile, Offer } from '../../shared/protocol/wire.ts'
import type { HeldBlob } from './cache.ts'
import { createCache } from './cache.ts'
import { createDelivery } from './delivery.ts'
import { createFetch, isLocal, isOfMaster } from './fetch.ts'
import { openKeptOutputs } from './kept-outputs.ts'
import type { Owner } from './owner.ts'
import { giveTo, openWayTo, PASS_THROUGH } from './owner.ts'
import { createPartitions } from './partitions.ts'
import { removeFolder } from './remove-folder.ts'
import type { RunFolder } from './run-folder.ts'
import { STREAMS } from './run-folder.ts'
import { inParallel } from './transfer.ts'
import { createUpload } from './upload.ts'

/** Deadline of a transfer, besides the time for its bytes (exchange-deadline.ts). In milliseconds. */
const TRANSFER_MS = 20_000
const CACHE_BYTES_MAX = 10 * 1024 ** 3

/** These input files of a run could not be fetched. */
export class MissingFileError extends Error {
  readonly names: string[]
  constructor(names: string[], why: string) {
    super(why)
    this.names = names
  }
}

/** `kind`: reads its files where they are. `program`: has copies, which it may change. */
export type Layout = 'kind' | 'program'

export type RunFiles = ReturnType<typeof createRunFiles>

/** `data`: the slave's folder; `shared`: the slave's own folder of files. */
export function createRunFiles(given: {
  data: string
  shared: string | null
  master: string
  /** Where peers reach this slave. */
  url: () => string
  /** The master and peers prove who they are: nothing is fetched without TLS. */
  secure?: boolean
  /** How to connect to the master and to peers: to peers only where a slave can be. */
  connect: { master?: Connector; peer: Connector }
  /** Default CACHE_BYTES_MAX. */
  cacheBytesMax?: number
  /** Whom the files of programs belong to; null: to the agent. */
  owner?: Owner | null
  /** Programs do not reach their folders by the path that the agent uses. */
  hidden?: boolean
  /** Default TRANSFER_MS. */
  transferMs?: number
}) {
  const { data, shared, master, owner = null, transferMs = TRANSFER_MS } = given
  const root = join(data, 'work')
  const runs = join(root, 'runs')
  rmSync(root, { recursive: true, force: true })
  mkdirSync(runs, { recursive: true })
  const agentWith = (connect: Connector | undefined): Agent =>
    // The deadline of the exchange covers both.
    new Agent({ headersTimeout: 0, bodyTimeout: 0, ...(connect ? { connect } : {}) })
  const toMaster = agentWith(given.connect.master)
  const toPeers = agentWith(given.connect.peer)
  const { secure = false, cacheBytesMax: bytesMax = CACHE_BYTES_MAX } = given
  const fetch = createFetch({ master, secure, transferMs, toMaster, toPeers })
  const cache = createCache({ folder: join(data, 'cache'), bytesMax })
  const partitions = createPartitions({ root: join(root, 'partitions'), url: given.url })
  const kept = openKeptOutputs(join(data, 'outputs'))
  const closed = ['cache', 'outputs', 'work/partitions'].map((name) => join(data, name))
  if (owner && !given.hidden) openWayTo(data, runs, closed)
  const upload = createUpload({ master, toMaster, transferMs })
  const delivery = createDelivery({ kept, partitions, upload })
  let count = 0

  return {
    shared,
    partitions,
    delivery,
    /** What executors may read and write. */
    folders: { read: [cache.folder, ...(shared === null ? [] : [shared])], write: [runs] },
    /** How full the cache is. */
    cache: cache.state,

    /** Makes a run's folder and fetches its files. Rejects with MissingFileError, or when aborted. */
    async open(
      { files = [], outputs = [] }: Offer,
      layout: Layout,
      signal: AbortSignal,
    ): Promise<RunFolder> {
      const folder = join(runs, String(++count))
      const isProgram = layout === 'program'
      const out = join(folder, isProgram ? 'work' : 'out')
      const streams = isProgram ? STREAMS.filter((name) => outputs.includes(name)) : []
      const run: RunFolder = { folder, out, files: {}, streams, blobs: [] }
      const input = isProgram ? out : join(folder, 'in')
      try {
        // Synchronous: a thread for each of these calls costs several times the call.
        mkdirSync(out, { recursive: true })
        if (isProgram && owner && !given.hidden) chmodSync(folder, PASS_THROUGH)
        if (!isProgram) mkdirSync(input)
        // A program that prints nothing leaves them empty.
        for (const name of streams) writeFileSync(join(folder, name), '')
        if (files.length > 0) await bringAll(run, files, input, layout, signal)
        if (isProgram && owner) giveTo(owner, out)
        signal.throwIfAborted()
        return run
      } catch (error) {
        await discard(run)
        throw error
      }
    },

    discard,

    async close(): Promise<void> {
      delivery.close()
      await Promise.all([toMaster.destroy(), toPeers.destroy()])
      await rm(root, { recursive: true, force: true })
    },
  }

  async function bringAll(
    run: RunFolder,
    files: InputFile[],
    input: string,
    layout: Layout,
    signal: AbortSignal,
  ): Promise<void> {
    const missing: string[] = []
    let why = ''
    const stop = new AbortController()
    const either = AbortSignal.any([signal, stop.signal])
    await inParallel(files, async (file) => {
      const path = join(input, file.name)
      try {
        const mistake = filePathMistake(file.name)
        if (mistake !== null) throw new Error(`its name ${mistake}`)
        run.files[file.name] = await bring(run, file, path, layout, either)
      } catch (error) {
        either.throwIfAborted()
        if (isLocal(error)) {
          stop.abort()
          throw error
        }
        missing.push(file.name)
        why = `${file.name} could not be fetched: ${(error as Error).message}`
      }
    })
    if (missing.length > 0) throw new MissingFileError(missing, why)
  }

  /** Gives the path at which a run finds the file. */
  async function bring(
    run: RunFolder,
    file: InputFile,
    path: string,
    layout: Layout,
    signal: AbortSignal,
  ): Promise<string> {
    const blob = await holdBlob(file, signal)
    if (blob && layout === 'kind') {
      run.blobs.push(blob)
      return blob.path
    }
    try {
      await mkdir(dirname(path), { recursive: true })
      if (blob) await copyFile(blob.path, path, copying.COPYFILE_FICLONE)
      else await fetch(file, path, signal)
    } finally {
      blob?.release()
    }
    return path
  }

  /** Blobs of the master are kept. A peer's file is used once; what has no SHA-256 cannot be found again. */
  async function holdBlob(file: InputFile, signal: AbortSignal): Promise<HeldBlob | null> {
    const { sha256, bytes } = file
    if (!isOfMaster(file) || sha256 === undefined || bytes === undefined) return null
    return cache.hold({ sha256, bytes }, (path, either) => fetch(file, path, either), signal)
  }

  async function discard(run: RunFolder): Promise<void> {
    for (const blob of run.blobs.splice(0)) blob.release()
    await removeFolder(run.folder)
  }
}
