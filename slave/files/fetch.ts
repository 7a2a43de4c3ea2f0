// Fetches one input file, from the master or from a peer. A ticket goes only to the slave that has the
// file; an address of the master leads nowhere else. After a connection that broke, the rest is fetched,
// if the file's SHA-256 is known and its server sends parts.

import { createReadStream, createWriteStream } from 'node:fs'
import { rm, stat } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import { setTimeout as delay } from 'node:timers/promises'
import type { Agent } from 'undici'
import { request } from 'undici'
import { AddressRefusedError } from '../../shared/http/address-guard.ts'
import { paced } from '../../shared/http/exchange-deadline.ts'
import type { InputFile } from '../../shared/protocol/wire.ts'
import { createMeter, FINAL, RETRY_MS, RETRY_MS_MAX, StatusError } from './transfer.ts'

/** Tries until a file of a peer is missing. */
const FETCH_TRIES = 5
/** Errors of this machine. */
const LOCAL = ['ENOSPC', 'EDQUOT', 'EROFS', 'EACCES', 'EIO', 'EMFILE']

export type Fetch = (file: InputFile, path: string, signal: AbortSignal) => Promise<void>

/** Whether the file is on the master: it has one address there, by its content. */
export const isOfMaster = ({ url }: InputFile): boolean => url.startsWith('/')

/** Whether an error is of this machine: another slave may have room. */
export const isLocal = (error: unknown): boolean =>
  LOCAL.includes((error as NodeJS.ErrnoException).code ?? '')

/**
 * `toMaster`, `toPeers`: the connections. `transferMs` + bytes: the deadline of each transfer. The fetch
 * writes the file at a path at which there is none; it rejects when the file cannot be had, with the error of the disk, or when aborted, and may
 * leave a part of it.
 */
export function createFetch(given: {
  master: string
  /** Peers must prove who they are: nothing is fetched without TLS. */
  secure: boolean
  transferMs: number
  toMaster: Agent
  toPeers: Agent
}): Fetch {
  return async (file, path, signal) => {
    let tries = 0
    for (let pause = RETRY_MS; ; pause = Math.min(RETRY_MS_MAX, pause * 2)) {
      try {
        return await fetchOnce(file, path, signal)
      } catch (error) {
        signal.throwIfAborted()
        // A master that is away comes back; a peer that is away has lost the file.
        if (!isOfMaster(file) || !isAway(error as Partial<StatusError> & NodeJS.ErrnoException))
          tries++
        if (tries >= FETCH_TRIES || isFinal(error) || isLocal(error)) throw error
        if (!isAway(error as Partial<StatusError>)) await rm(path, { force: true })
        await delay(pause, undefined, { signal })
      }
    }
  }

  async function fetchOnce(file: InputFile, path: string, signal: AbortSignal): Promise<void> {
    const have = file.sha256 === undefined ? 0 : await sizeOf(path)
    const meter = createMeter(file.bytes)
    if (have === 0 || have !== file.bytes) await transfer(file, path, have, meter, signal)
    else await takeWritten(path, meter)
    const { bytes, sha256 } = meter.facts()
    if (file.bytes !== undefined && file.bytes !== bytes) {
      throw new WrongFileError(`${bytes} bytes were received instead of ${file.bytes}`)
    }
    if (file.sha256 !== undefined && file.sha256 !== sha256)
      throw new WrongFileError('its SHA-256 does not match')
  }

  /** Fetches what follows the first `have` bytes, or everything if the server sends everything. */
  async function transfer(
    file: InputFile,
    path: string,
    have: number,
    meter: ReturnType<typeof createMeter>,
    signal: AbortSignal,
  ): Promise<void> {
    const url = addressOf(file)
    // The ticket is for the slave that has the file only.
    const shown = file.ticket !== undefined && !isOfMaster(file)
    const headers = {
      ...(shown ? { authorization: `Bearer ${file.ticket}` } : {}),
      ...(have > 0 ? { range: `bytes=${have}-` } : {}),
    }
    const agent = isOfMaster(file) ? given.toMaster : given.toPeers
    const dispatcher = agent.compose(paced({ timeoutMs: given.transferMs }))
    const reply = await request(url, { headers, signal, dispatcher })
    const { statusCode, body } = reply
    const isRest = statusCode === 206 && startsAt(reply.headers['content-range'], have)
    if (statusCode !== 200 && !isRest) {
      await body.dump()
      const isOfRange = have > 0 && (statusCode === 206 || statusCode === 416)
      if (isOfRange) throw new WrongFileError(`${url.host} answered ${statusCode} to a range`)
      throw new StatusError(`${url.host} answered ${statusCode}`, statusCode)
    }
    if (isRest) await takeWritten(path, meter)
    const target = createWriteStream(path, { flags: isRest ? 'a' : 'w' })
    await pipeline(body, meter.stream, target, { signal })
  }

  function addressOf(file: InputFile): URL {
    const url = new URL(file.url, given.master)
    // "//host/path" begins with a slash too, and leads elsewhere.
    if (isOfMaster(file) && url.origin !== new URL(given.master).origin) {
      throw new RefusedFileError(`${file.url} is not at the master`)
    }
    if (given.secure && url.protocol !== 'https:')
      throw new Error(`${url.host} is not an https URL`)
    return url
  }
}

class WrongFileError extends Error {}
/** The file is at an address from which nothing is fetched. */
class RefusedFileError extends Error {}

const sizeOf = async (path: string): Promise<number> =>
  (await stat(path).catch(() => ({ size: 0 }))).size

async function takeWritten(
  path: string,
  meter: Pick<ReturnType<typeof createMeter>, 'take'>,
): Promise<void> {
  for await (const chunk of createReadStream(path)) meter.take(chunk as Buffer)
}

const startsAt = (range: string | string[] | undefined, at: number): boolean =>
  typeof range === 'string' && range.startsWith(`bytes ${at}-`)

/** Whether another try would end in the same way. */
const isFinal = (error: unknown): boolean =>
  error instanceof RefusedFileError ||
  error instanceof AddressRefusedError ||
  FINAL.includes((error as StatusError).status)

/** Whether the error is temporary, and not of the file or of this machine. */
const isAway = (error: { status?: number; code?: string }): boolean =>
  error.status === undefined
    ? !(error instanceof WrongFileError) && !isLocal(error)
    : [429, 502, 503, 504].includes(error.status)
