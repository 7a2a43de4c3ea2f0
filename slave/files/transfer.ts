// What fetching and uploading have in common.

import { createHash } from 'node:crypto'
import { Transform } from 'node:stream'

/** The pause after a failed transfer doubles from the first to the second. In milliseconds. */
export const RETRY_MS = 200
export const RETRY_MS_MAX = 5_000
/** Statuses that another try does not change. */
export const FINAL = [400, 401, 403, 404, 410, 413, 422]

export class StatusError extends Error {
  readonly status: number
  constructor(message: string, status: number) {
    super(message)
    this.status = status
  }
}

/** Counts and hashes what passes through its stream, which fails beyond `bytesMax`. */
export function createMeter(bytesMax = Number.POSITIVE_INFINITY) {
  const hash = createHash('sha256')
  let bytes = 0
  const stream = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length
      if (bytes > bytesMax)
        return done(new StatusError(`more than ${bytesMax} bytes were received`, 413))
      hash.update(chunk)
      done(null, chunk)
    },
  })
  return { stream, facts: () => ({ bytes, sha256: hash.digest('hex') }) }
}
