// The files of a run on their way to the master: hashed here, and uploaded if the master has not got them. A
// file that many inputs need is read once.

import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import type { Client } from '../../../shared/client/client.ts'

/** So many files are remembered. */
const REMEMBERED_MAX = 10_000

/** A file that changed while it was read. */
export class ChangedError extends Error {
  override name = 'ChangedError'
}

export type Uploads = ReturnType<typeof createUploads>

export function createUploads(master: Pick<Client, 'hasBlob' | 'putBlob'>, signal: AbortSignal) {
  /** By path, size and time of change, in the order of their use. */
  const known = new Map<string, Promise<string>>()
  let bytes = 0

  async function upload(path: string): Promise<string> {
    const hash = createHash('sha256')
    await pipeline(createReadStream(path), hash, { signal })
    const sha256 = hash.digest('hex')
    if (await master.hasBlob(sha256, { signal })) return sha256
    const { sha256: stored, bytes: size } = await master.putBlob(() => createReadStream(path), {
      signal,
    })
    if (stored !== sha256) throw new ChangedError(`${path} changed while it was read`)
    bytes += size
    return sha256
  }

  return {
    /** The SHA-256 of a file, once the master has it. */
    async sha256Of(path: string): Promise<string> {
      const { size, mtimeMs, ino } = await stat(path)
      const name = `${ino} ${size} ${mtimeMs} ${path}`
      const found = known.get(name)
      known.delete(name)
      const made = found ?? upload(path)
      known.set(name, made)
      made.catch(() => known.delete(name))
      const [oldest] = known.keys()
      if (known.size > REMEMBERED_MAX && oldest !== undefined) known.delete(oldest)
      return made
    },

    /** The master says that it has not got a blob: it is uploaded again. */
    forget: (): void => known.clear(),

    /** How much was uploaded. */
    bytes: (): number => bytes,
  }
}
