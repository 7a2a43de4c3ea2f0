// What fetching and uploading have in common.

import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { Transform } from 'node:stream'

/** The pause after a failed transfer doubles from the first to the second. In milliseconds. */
export const RETRY_MS = 200
export const RETRY_MS_MAX = 5_000
/** Statuses that another try does not change. */
export const FINAL = [400, 401, 403, 404, 410, 413, 422]
/** Files of one run that are on their way at the same time. */
const AT_ONCE = 4

export class StatusError extends Error {
  readonly status: number
  constructor(message: string, status: number) {
    super(message)
    this.status = status
  }
}

/** Counts and hashes what it takes, and what passes through its stream; fails beyond `bytesMax`. */
export function createMeter(bytesMax = Number.POSITIVE_INFINITY) {
  const hash = createHash('sha256')
  let bytes = 0
  const take = (chunk: Buffer): void => {
    bytes += chunk.length
    if (bytes > bytesMax) throw new StatusError(`more than ${bytesMax} bytes were received`, 413)
    hash.update(chunk)
  }
  const stream = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      try {
        take(chunk)
      } catch (error) {
        return done(error as Error)
      }
      done(null, chunk)
    },
  })
  return { take, stream, facts: () => ({ bytes, sha256: hash.digest('hex') }) }
}

/**
 * Calls `work` for each item, a few at the same time. Gives the results in the order of the items. After an
 * error it begins no more; it rejects with the first one when none is at work.
 */
export async function inParallel<Item, Result>(
  items: readonly Item[],
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = []
  const errors: unknown[] = []
  const waiting = items.entries()
  const takeTurns = async (): Promise<void> => {
    for (const [i, item] of waiting) {
      try {
        results[i] = await work(item)
      } catch (error) {
        errors.push(error)
      }
      if (errors.length > 0) return
    }
  }
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, items.length) }, takeTurns))
  if (errors.length > 0) throw errors[0]
  return results
}

/** The SHA-256 of a file of the agent's own. */
export async function hashOfFile(path: string): Promise<string> {
  const meter = createMeter()
  for await (const chunk of createReadStream(path)) meter.take(chunk as Buffer)
  return meter.facts().sha256
}
