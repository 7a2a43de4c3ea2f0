// Fetches the input files of a run, from the master and from peers. A ticket goes only to the slave that
// has the file; an address of the master leads nowhere else.

import { createWriteStream } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { setTimeout as delay } from 'node:timers/promises'
import type { Agent } from 'undici'
import { request } from 'undici'
import { filePathMistake } from '../../shared/data/file-paths.ts'
import { AddressRefusedError } from '../../shared/http/address-guard.ts'
import { paced } from '../../shared/http/exchange-deadline.ts'
import type { InputFile } from '../../shared/protocol/wire.ts'
import { createMeter, FINAL, RETRY_MS, RETRY_MS_MAX, StatusError } from './transfer.ts'

/** Files of one run that are fetched at the same time. */
const FETCHES = 4
/** Tries until a file of a peer is missing. */
const FETCH_TRIES = 5
/** Errors of this machine. */
const LOCAL = ['ENOSPC', 'EDQUOT', 'EROFS', 'EACCES', 'EIO', 'EMFILE']

/** These input files of a run could not be fetched. */
export class MissingFileError extends Error {
  readonly names: string[]
  constructor(names: string[], why: string) {
    super(why)
    this.names = names
  }
}

/** `toMaster`, `toPeers`: the connections. `transferMs` + bytes: the deadline of each transfer. */
export function createFetch(given: {
  master: string
  /** Peers must prove who they are: nothing is fetched without TLS. */
  secure: boolean
  transferMs: number
  toMaster: Agent
  toPeers: Agent
}) {
  return { fetchAll }

  /**
   * Fetches files into a folder and returns their paths by name. Rejects with MissingFileError when some
   * cannot be had, with the error of the disk, or when aborted.
   */
  async function fetchAll(files: InputFile[], folder: string, signal: AbortSignal) {
    const paths: Record<string, string> = {}
    const waiting = [...files]
    const missing: string[] = []
    let why = ''
    const work = async (): Promise<void> => {
      for (let file = waiting.shift(); file; file = waiting.shift()) {
        const path = join(folder, file.name)
        try {
          const mistake = filePathMistake(file.name)
          if (mistake !== null) throw new RefusedFileError(`its name ${mistake}`)
          await mkdir(dirname(path), { recursive: true })
          await fetchOne(file, path, signal)
          paths[file.name] = path
        } catch (error) {
          signal.throwIfAborted()
          // The error is of this disk: another slave may have room.
          if (LOCAL.includes((error as NodeJS.ErrnoException).code ?? '')) throw error
          missing.push(file.name)
          why = `${file.name} could not be fetched: ${(error as Error).message}`
        }
      }
    }
    await Promise.all(Array.from({ length: Math.min(FETCHES, files.length) }, work))
    if (missing.length > 0) throw new MissingFileError(missing, why)
    return paths
  }

  async function fetchOne(file: InputFile, path: string, signal: AbortSignal): Promise<void> {
    const isOfMaster = file.url.startsWith('/')
    let tries = 0
    for (let pause = RETRY_MS; ; pause = Math.min(RETRY_MS_MAX, pause * 2)) {
      try {
        return await fetchOnce(file, path, signal)
      } catch (error) {
        signal.throwIfAborted()
        // A master that is away comes back; a peer that is away has lost the file.
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
    if (given.secure && url.protocol !== 'https:')
      throw new Error(`${url.host} is not an https URL`)
    // The ticket is for the slave that has the file only.
    const shown = file.ticket !== undefined && !isOfMaster
    const headers = shown ? { authorization: `Bearer ${file.ticket}` } : {}
    const agent = isOfMaster ? given.toMaster : given.toPeers
    const dispatcher = agent.compose(paced({ timeoutMs: given.transferMs }))
    const { statusCode, body } = await request(url, { headers, signal, dispatcher })
    if (statusCode !== 200) {
      await body.dump()
      throw new StatusError(`${url.host} answered ${statusCode}`, statusCode)
    }
    const meter = createMeter(file.bytes)
    await pipeline(body, meter.stream, createWriteStream(path), { signal })
    const { bytes, sha256 } = meter.facts()
    if (file.bytes !== undefined && file.bytes !== bytes) {
      throw new WrongFileError(`${bytes} bytes were received instead of ${file.bytes}`)
    }
    if (file.sha256 !== undefined && file.sha256 !== sha256)
      throw new WrongFileError('its SHA-256 does not match')
  }
}

class WrongFileError extends Error {}
/** The file is at an address from which nothing is fetched. */
class RefusedFileError extends Error {}

/** Whether another try would end in the same way. */
const isFinal = (error: unknown): boolean =>
  error instanceof RefusedFileError ||
  error instanceof AddressRefusedError ||
  FINAL.includes((error as StatusError).status)

/** Whether the error is temporary, and not of the file or of this machine. */
const isAway = (error: { status?: number; code?: string }): boolean =>
  error.status === undefined
    ? !(error instanceof WrongFileError) && !LOCAL.includes(error.code ?? '')
    : [429, 502, 503, 504].includes(error.status)
