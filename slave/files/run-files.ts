// The files of a slave: what is fetched for a run, what a run gives, and the partitions that are
// kept for peers. Owns the folders; streams, never computes. Everything in it is lost with a start
// of the agent, by choice: the master lets run again what needs it.
//
//   root/runs/<n>/in/...  out/...            removed when the run is over
//   root/partitions/<job>/<task>/<name>      removed when the master says that the job has ended

import { createHash, timingSafeEqual } from 'node:crypto'
import { constants, createWriteStream, mkdirSync, rmSync } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { lstat, mkdir, open, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { Agent, request } from 'undici'
import { AddressRefusedError } from '../../shared/http/address-guard.ts'
import { paced } from '../../shared/http/exchange-deadline.ts'
import type { Connector } from '../../shared/http/tls.ts'
import type { Work } from '../../shared/kinds/kind.ts'
import { TaskFailure } from '../../shared/kinds/kind.ts'
import { readSteady } from '../../shared/process/unchanged-file.ts'
import type { InputFile, Offer, OutputFile } from '../../shared/protocol/wire.ts'

/** Files that are fetched side by side for one run. */
const FETCHES = 4
/** A file that a peer does not give is tried this often before the run fails with `missing-file`. */
const FETCH_TRIES = 5
const RETRY_MS = 200
const RETRY_MS_MAX = 5_000
/** A transfer is given up after this and what its bytes take (shared/http/exchange-deadline.ts). In milliseconds. */
const TRANSFER_MS = 20_000
/** What the master says of an upload. In bytes. */
const ANSWER_BYTES_MAX = 64 * 1024
/** Answers that another try will not change. */
const FINAL = [400, 401, 403, 404, 410, 413, 422]
/** What goes wrong on this machine. */
const LOCAL = ['ENOSPC', 'EDQUOT', 'EROFS', 'EACCES', 'EIO', 'EMFILE']
/** Names in paths: jobs, tasks, files. */
const PLAIN = /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}$/

/** These input files of a run could not be fetched. */
export class MissingFileError extends Error {
  readonly names: string[]
  constructor(names: string[], why: string) {
    super(why)
    this.names = names
  }
}

/** The run left something in its output folder that is not a file of its own. */
export class NotAFileError extends Error {}

/** What cannot be removed now goes with the next start, which empties all of it. */
const remove = (folder: string): Promise<void> =>
  rm(folder, { recursive: true, force: true, maxRetries: 3 }).catch(() => {})

/** The folders and facts of one run. */
export type Room = Work & { folder: string }

export type Workroom = ReturnType<typeof createWorkroom>

/** `root` is emptied; `shared` is the slave's own folder of files. */
export function createWorkroom(given: {
  root: string
  shared: string | null
  master: string
  /** Where peers reach this slave. */
  url: () => string
  /** With TLS, where the master and peers prove who they are: nothing is fetched without. */
  secure?: boolean
  /** How to connect to the master and to peers. Peers only where a slave can be. */
  connect: { master?: Connector; peer: Connector }
  /** In place of TRANSFER_MS. */
  transferMs?: number
}) {
  const { root, shared } = given
  const runs = join(root, 'runs')
  const partitions = join(root, 'partitions')
  rmSync(root, { recursive: true, force: true })
  mkdirSync(runs, { recursive: true })
  mkdirSync(partitions)
  const transferMs = given.transferMs ?? TRANSFER_MS
  const agentWith = (connect: Connector | undefined): Agent =>
    // The deadline of the exchange covers these.
    new Agent({ headersTimeout: 0, bodyTimeout: 0, ...(connect ? { connect } : {}) })
  const toMaster = agentWith(given.connect.master)
  const toPeers = agentWith(given.connect.peer)
  /** Tickets of the jobs whose partitions are here. */
  const tickets = new Map<string, string>()
  let count = 0

  return {
    /** What executors may read and write. */
    folders: { read: shared === null ? [] : [shared], write: [runs] },

    /** Makes a run's folder and fetches its files. Throws MissingFileError, or when aborted. */
    async open({ files = [] }: Offer, signal: AbortSignal): Promise<Room> {
      const folder = join(runs, String(++count))
      const room: Room = { folder, files: {}, out: join(folder, 'out'), shared }
      await mkdir(room.out, { recursive: true })
      await mkdir(join(folder, 'in'))
      try {
        await fetchAll(files, room, signal)
        return room
      } catch (error) {
        await this.discard(room)
        throw error
      }
    },

    /**
     * Takes a run's output files to where the offer wants them; again and again until it is done.
     * Throws NotAFileError for a link or anything else that is not a regular file.
     */
    async deliver(room: Room, offer: Offer, signal: AbortSignal): Promise<OutputFile[]> {
      if (!(await lstat(room.out)).isDirectory()) {
        throw new NotAFileError('the output folder was replaced by something else: keep the folder')
      }
      const names = (await readdir(room.out)).filter((name) => PLAIN.test(name)).sort()
      if (names.length === 0 || offer.keep === undefined) return []
      if (offer.keep === 'slave') return keep(room, offer, names)
      const uploaded: OutputFile[] = []
      for (const name of names) uploaded.push(await upload(join(room.out, name), name, signal))
      return uploaded
    },

    discard: (room: Room): Promise<void> => remove(room.folder),

    /** Jobs whose partitions are kept here. */
    jobs: (): string[] => [...tickets.keys()],

    async drop(jobs: string[]): Promise<void> {
      for (const job of jobs) {
        if (!tickets.delete(job)) continue
        await remove(join(partitions, job))
      }
    },

    /** The path and size of a partition; null when it is not here or not for this ticket. */
    async find(job: string, task: string, name: string, ticket: string) {
      const known = tickets.get(job)
      if (known === undefined || !isSame(known, ticket)) return null
      if (!PLAIN.test(task) || !PLAIN.test(name)) return null
      const path = join(partitions, job, task, name)
      const facts = await lstat(path).catch(() => null)
      return facts?.isFile() ? { path, bytes: facts.size } : null
    },

    async close(): Promise<void> {
      await Promise.all([toMaster.destroy(), toPeers.destroy()])
      await rm(root, { recursive: true, force: true })
    },
  }

  async function fetchAll(files: InputFile[], room: Room, signal: AbortSignal): Promise<void> {
    const waiting = [...files]
    const missing: string[] = []
    let why = ''
    const work = async (): Promise<void> => {
      for (let file = waiting.shift(); file; file = waiting.shift()) {
        const path = join(room.folder, 'in', file.name)
        try {
          await fetchOne(file, path, signal)
          room.files[file.name] = path
        } catch (error) {
          signal.throwIfAborted()
          // Our own disk: another slave may have room.
          if (LOCAL.includes((error as NodeJS.ErrnoException).code ?? '')) throw error
          missing.push(file.name)
          why = `${file.name} could not be fetched: ${(error as Error).message}`
        }
      }
    }
    await Promise.all(Array.from({ length: Math.min(FETCHES, files.length) }, work))
    if (missing.length > 0) throw new MissingFileError(missing, why)
  }

  async function fetchOne(file: InputFile, path: string, signal: AbortSignal): Promise<void> {
    const isOfMaster = file.url.startsWith('/')
    let tries = 0
    for (let pause = RETRY_MS; ; pause = Math.min(RETRY_MS_MAX, pause * 2)) {
      try {
        return await fetchOnce(file, path, signal)
      } catch (error) {
        signal.throwIfAborted()
        // The master comes back; a peer that is away has lost the file.
        if (!isOfMaster || !isAway(error as Partial<StatusError> & NodeJS.ErrnoException)) tries++
        if (tries >= FETCH_TRIES || isFinal(error)) throw error
        await delay(pause, undefined, { signal })
      }
    }
  }

  async function fetchOnce(file: InputFile, path: string, signal: AbortSignal): Promise<void> {
    const url = new URL(file.url, given.master)
    const isOfMaster = file.url.startsWith('/')
    // "//host/path" begins with a slash too, and leads elsewhere.
    if (isOfMaster && url.origin !== new URL(given.master).origin) {
      throw new RefusedFileError(`${file.url} is not at the master`)
    }
    if (given.secure && url.protocol !== 'https:') throw new Error(`${url.host} has no https URL`)
    // A ticket is for the slave that has the file, and for nobody else.
    const shown = file.ticket !== undefined && !isOfMaster
    const headers = shown ? { authorization: `Bearer ${file.ticket}` } : {}
    const agent = isOfMaster ? toMaster : toPeers
    const dispatcher = agent.compose(paced({ timeoutMs: transferMs }))
    const { statusCode, body } = await request(url, { headers, signal, dispatcher })
    if (statusCode !== 200) {
      await body.dump()
      throw new StatusError(`${url.host} answered ${statusCode}`, statusCode)
    }
    const meter = createMeter(file.bytes)
    await pipeline(body, meter.stream, createWriteStream(path), { signal })
    const { bytes, sha256 } = meter.facts()
    if (file.bytes !== undefined && file.bytes !== bytes) {
      throw new WrongFileError(`${bytes} bytes came, not ${file.bytes}`)
    }
    if (file.sha256 !== undefined && file.sha256 !== sha256)
      throw new WrongFileError('its SHA-256 differs')
  }

  async function keep(room: Room, offer: Offer, names: string[]): Promise<OutputFile[]> {
    const { job = '', task, ticket = '' } = offer
    if (!PLAIN.test(job) || !PLAIN.test(task)) throw new Error('a part of no job keeps no files')
    const folder = join(partitions, job, task)
    tickets.set(job, ticket)
    await mkdir(join(partitions, job), { recursive: true })
    // An earlier run of the same task may have left its files: these are as good, and later.
    await rm(folder, { recursive: true, force: true })
    await rename(room.out, folder)
    const base = `${given.url()}/partitions/${job}/${task}`
    const listed: OutputFile[] = []
    for (const name of names) {
      // With its hash a peer knows that what comes later is what was made now.
      const path = join(folder, name)
      const facts = await readSteady(path, name, () => hashOf(path, name))
      listed.push({ name, ...facts, url: `${base}/${name}` })
    }
    return listed
  }

  /** Repeats until the master has it: a result outlives an outage of the master. */
  async function upload(path: string, name: string, signal: AbortSignal): Promise<OutputFile> {
    for (let pause = RETRY_MS; ; pause = Math.min(RETRY_MS_MAX, pause * 2)) {
      try {
        const put = () => uploadOnce(path, name, signal)
        return { name, ...(await readSteady(path, name, put)) }
      } catch (error) {
        signal.throwIfAborted()
        if (error instanceof NotAFileError || error instanceof TaskFailure) throw error
        if (FINAL.includes((error as StatusError).status)) throw error
        await delay(pause, undefined, { signal })
      }
    }
  }

  async function uploadOnce(
    path: string,
    name: string,
    signal: AbortSignal,
  ): Promise<Omit<OutputFile, 'name'>> {
    await using file = await openOutput(path, name)
    const { size } = await file.stat()
    const { statusCode, body } = await request(new URL('/blobs', given.master), {
      method: 'PUT',
      headers: { 'content-type': 'application/octet-stream', 'content-length': String(size) },
      body: file.createReadStream({ autoClose: false }),
      signal,
      dispatcher: toMaster.compose(paced({ timeoutMs: transferMs, bytesMax: ANSWER_BYTES_MAX })),
    })
    const text = await body.text()
    if (statusCode >= 300) {
      throw new StatusError(`the master answered ${statusCode}: ${text.slice(0, 300)}`, statusCode)
    }
    const { sha256, bytes } = JSON.parse(text) as { sha256: string; bytes: number }
    if (bytes !== size) throw new Error(`the master has ${bytes} of ${size} bytes`)
    return { sha256, bytes }
  }
}

const flags: Partial<typeof constants> = constants
/** O_NONBLOCK: opening a FIFO must not wait for a writer. Windows has neither flag. */
const { O_RDONLY = 0, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = flags

/**
 * Opens an output file. A run may have made a link (symbolic or hard) to a file that only the agent
 * can read: such a file would be given to clients or peers.
 */
async function openOutput(path: string, name: string): Promise<FileHandle> {
  const mistake = (what: string) =>
    new NotAFileError(`the output ${name} is ${what}: outputs must be regular files, without links`)
  let file: FileHandle
  try {
    if ((await lstat(path)).isSymbolicLink()) throw mistake('a symbolic link')
    file = await open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
  } catch (error) {
    // It became a link, or a socket, in between.
    const { code = '' } = error as NodeJS.ErrnoException
    throw ['ELOOP', 'EMLINK', 'ENXIO'].includes(code) ? mistake('not a file') : error
  }
  const facts = await file.stat()
  if (facts.isFile() && facts.nlink === 1) return file
  await file.close()
  throw mistake(facts.isFile() ? 'a hard link' : 'not a file')
}

class WrongFileError extends Error {}
/** It is where nothing is fetched from. */
class RefusedFileError extends Error {}

/** Whether another try would end in the same way. */
const isFinal = (error: unknown): boolean =>
  error instanceof RefusedFileError ||
  error instanceof AddressRefusedError ||
  FINAL.includes((error as StatusError).status)

/** Whether it is for a while only, and no fault of the file or of this machine. */
const isAway = (error: { status?: number; code?: string }): boolean =>
  error.status === undefined
    ? !(error instanceof WrongFileError) && !LOCAL.includes(error.code ?? '')
    : [429, 502, 503, 504].includes(error.status)

class StatusError extends Error {
  readonly status: number
  constructor(message: string, status: number) {
    super(message)
    this.status = status
  }
}

/** Counts and hashes what flows through, and fails beyond `bytesMax`. */
function createMeter(bytesMax = Number.POSITIVE_INFINITY) {
  const hash = createHash('sha256')
  let bytes = 0
  const stream = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length
      if (bytes > bytesMax) return done(new StatusError(`more than ${bytesMax} bytes came`, 413))
      hash.update(chunk)
      done(null, chunk)
    },
  })
  return { stream, facts: () => ({ bytes, sha256: hash.digest('hex') }) }
}

async function hashOf(path: string, name: string): Promise<{ bytes: number; sha256: string }> {
  const meter = createMeter()
  meter.stream.resume()
  await using file = await openOutput(path, name)
  await pipeline(file.createReadStream({ autoClose: false }), meter.stream)
  return meter.facts()
}

function isSame(a: string, b: string): boolean {
  const [x, y] = [Buffer.from(a), Buffer.from(b)]
  return x.length === y.length && timingSafeEqual(x, y)
}
