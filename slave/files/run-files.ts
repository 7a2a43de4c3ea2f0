// The files of a slave: the folders of its runs, their output files, and the partitions that are kept for
// peers. A restart of the agent removes them all, by choice: the master runs again what needs them.
//
//   root/runs/<n>/in/...  out/...            removed when the run has ended
//   root/partitions/<job>/<task>/<name>      removed when the master says that the job has ended

import { timingSafeEqual } from 'node:crypto'
import { constants, mkdirSync, rmSync } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { lstat, mkdir, open, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { Agent, request } from 'undici'
import { paced } from '../../shared/http/exchange-deadline.ts'
import type { Connector } from '../../shared/http/tls.ts'
import type { Work } from '../../shared/kinds/kind.ts'
import { TaskFailure } from '../../shared/kinds/kind.ts'
import { readSteady } from '../../shared/process/unchanged-file.ts'
import type { Offer, OutputFile } from '../../shared/protocol/wire.ts'
import { createFetch } from './fetch.ts'
import { createMeter, FINAL, RETRY_MS, RETRY_MS_MAX, StatusError } from './transfer.ts'

/** Deadline of a transfer, besides the time for its bytes (exchange-deadline.ts). In milliseconds. */
const TRANSFER_MS = 20_000
/** The response to an upload. In bytes. */
const ANSWER_BYTES_MAX = 64 * 1024
/** Names in paths: jobs, tasks, files. */
const PLAIN = /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}$/

/** A run left something in its output folder that is not a regular file of its own. */
export class NotAFileError extends Error {}

/** What cannot be removed now is removed by the next start. */
const remove = (folder: string): Promise<void> =>
  rm(folder, { recursive: true, force: true, maxRetries: 3 }).catch(() => {})

/** The files of one run. */
export type RunFolder = Work & { folder: string }

export type RunFiles = ReturnType<typeof createRunFiles>

/** `root` is emptied; `shared` is the slave's own folder of files. */
export function createRunFiles(given: {
  root: string
  shared: string | null
  master: string
  /** Where peers reach this slave. */
  url: () => string
  /** The master and peers prove who they are: nothing is fetched without TLS. */
  secure?: boolean
  /** How to connect to the master and to peers: to peers only where a slave can be. */
  connect: { master?: Connector; peer: Connector }
  /** Default TRANSFER_MS. */
  transferMs?: number
}) {
  const { root, shared, master, secure = false, transferMs = TRANSFER_MS } = given
  const runs = join(root, 'runs')
  const partitions = join(root, 'partitions')
  rmSync(root, { recursive: true, force: true })
  mkdirSync(runs, { recursive: true })
  mkdirSync(partitions)
  const agentWith = (connect: Connector | undefined): Agent =>
    // The deadline of the exchange covers both.
    new Agent({ headersTimeout: 0, bodyTimeout: 0, ...(connect ? { connect } : {}) })
  const toMaster = agentWith(given.connect.master)
  const toPeers = agentWith(given.connect.peer)
  const { fetchAll } = createFetch({ master, secure, transferMs, toMaster, toPeers })
  /** Tickets of the jobs whose partitions are here. */
  const tickets = new Map<string, string>()
  let count = 0

  return {
    /** What executors may read and write. */
    folders: { read: shared === null ? [] : [shared], write: [runs] },

    /** Makes a run's folder and fetches its files. Rejects with MissingFileError, or when aborted. */
    async open({ files = [] }: Offer, signal: AbortSignal): Promise<RunFolder> {
      const folder = join(runs, String(++count))
      const [input, out] = [join(folder, 'in'), join(folder, 'out')]
      await mkdir(out, { recursive: true })
      await mkdir(input)
      try {
        return { folder, files: await fetchAll(files, input, signal), out, shared }
      } catch (error) {
        await remove(folder)
        throw error
      }
    },

    /**
     * Uploads a run's output files, or keeps them for peers, as the offer says. Repeats it until it is done.
     * Rejects with NotAFileError for a link or anything else that is not a regular file.
     */
    async deliver(run: RunFolder, offer: Offer, signal: AbortSignal): Promise<OutputFile[]> {
      if (!(await lstat(run.out)).isDirectory()) {
        throw new NotAFileError('the output folder was replaced: write into the given folder')
      }
      const names = (await readdir(run.out)).filter((name) => PLAIN.test(name)).sort()
      if (names.length === 0 || offer.keep === undefined) return []
      if (offer.keep === 'slave') return keep(run, offer, names)
      const uploaded: OutputFile[] = []
      for (const name of names) uploaded.push(await upload(join(run.out, name), name, signal))
      return uploaded
    },

    discard: (run: RunFolder): Promise<void> => remove(run.folder),

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

  async function keep(run: RunFolder, offer: Offer, names: string[]): Promise<OutputFile[]> {
    const { job = '', task, ticket = '' } = offer
    if (!PLAIN.test(job) || !PLAIN.test(task))
      throw new Error('only a part of a job can keep files')
    const folder = join(partitions, job, task)
    tickets.set(job, ticket)
    await mkdir(join(partitions, job), { recursive: true })
    // An earlier run of the same task may have left its files: those of this run replace them.
    await rm(folder, { recursive: true, force: true })
    await rename(run.out, folder)
    const base = `${given.url()}/partitions/${job}/${task}`
    const listed: OutputFile[] = []
    for (const name of names) {
      // By its hash a peer knows that it fetches the file that was made now.
      const path = join(folder, name)
      const facts = await readSteady(path, name, () => hashOf(path, name))
      listed.push({ name, ...facts, url: `${base}/${name}` })
    }
    return listed
  }

  /** Repeats until the master has the file: a result survives an outage of the master. */
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
    const { statusCode, body } = await request(new URL('/blobs', master), {
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
    if (bytes !== size) throw new Error(`the master received ${bytes} of ${size} bytes`)
    return { sha256, bytes }
  }
}

const flags: Partial<typeof constants> = constants
/** O_NONBLOCK: opening a FIFO must not wait for a writer. Windows has neither flag. */
const { O_RDONLY = 0, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = flags

/**
 * Opens an output file. A run may have made a link (symbolic or hard) to a file that only the agent can
 * read: such a file would reach clients or peers.
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
