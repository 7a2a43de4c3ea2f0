// Uploads output files to the master. Repeats it until the master has them: a result survives an outage of
// the master.

import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Agent } from 'undici'
import { request } from 'undici'
import { paced } from '../../shared/http/exchange-deadline.ts'
import { TaskFailure } from '../../shared/kinds/kind.ts'
import { fileChanged, readSteady } from '../../shared/process/unchanged-file.ts'
import { NotAFileError, openOutput } from './outputs.ts'
import { FINAL, RETRY_MS, RETRY_MS_MAX, StatusError } from './transfer.ts'

/** The response to an upload. In bytes. */
const ANSWER_BYTES_MAX = 64 * 1024
/** For files of this length it is worth asking whether the master has the bytes. */
const ASKED_BYTES_MIN = 64 * 1024

/** A file of which the length and SHA-256 are known. */
export type HashedFile = { root: string; name: string; bytes: number; sha256: string }

export type Upload = (file: HashedFile, signal: AbortSignal) => Promise<void>

export function createUpload(given: {
  master: string
  toMaster: Agent
  transferMs: number
}): Upload {
  const dispatcher = given.toMaster.compose(
    paced({ timeoutMs: given.transferMs, bytesMax: ANSWER_BYTES_MAX }),
  )

  /**
   * Resolves when the master has the file. Rejects when it refuses the file for good, when the file changed
   * or is a link (NotAFileError), and when aborted.
   */
  return async (file, signal) => {
    for (let pause = RETRY_MS; ; pause = Math.min(RETRY_MS_MAX, pause * 2)) {
      try {
        if (file.bytes >= ASKED_BYTES_MIN && (await isThere(file.sha256, signal))) return
        const { root, name } = file
        return await readSteady(join(root, name), name, () => put(file, signal))
      } catch (error) {
        signal.throwIfAborted()
        if (error instanceof NotAFileError || error instanceof TaskFailure) throw error
        const { status = 0, message = '' } = error as Partial<StatusError>
        if (status === 413)
          throw new TaskFailure('result-too-large', `the output ${file.name}: ${message}`)
        if (FINAL.includes(status)) throw error
        await delay(pause, undefined, { signal })
      }
    }
  }

  async function isThere(sha256: string, signal: AbortSignal): Promise<boolean> {
    const url = new URL(`/blobs/${sha256}`, given.master)
    const { statusCode, body } = await request(url, { method: 'HEAD', signal, dispatcher })
    await body.dump()
    return statusCode === 200
  }

  async function put({ root, name, bytes: size, sha256: made }: HashedFile, signal: AbortSignal) {
    await using file = await openOutput(root, name)
    if ((await file.stat()).size !== size) throw fileChanged(name)
    const { statusCode, body } = await request(new URL('/blobs', given.master), {
      method: 'PUT',
      headers: { 'content-type': 'application/octet-stream', 'content-length': String(size) },
      body: file.createReadStream({ autoClose: false }),
      signal,
      dispatcher,
    })
    const text = await body.text()
    if (statusCode >= 300) {
      throw new StatusError(`the master answered ${statusCode}: ${text.slice(0, 300)}`, statusCode)
    }
    const { sha256, bytes } = JSON.parse(text) as { sha256: string; bytes: number }
    if (bytes !== size) throw new Error(`the master received ${bytes} of ${size} bytes`)
    if (sha256 !== made) throw fileChanged(name)
  }
}
