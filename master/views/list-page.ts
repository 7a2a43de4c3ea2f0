// A page of a list, bounded in bytes as well as in items: whatever the items hold, an answer stays
// small. Lists of tasks, of jobs and of the parts of a job go through here. What is bounded by other
// means does not: the trail of a task has 64 entries, and slaves register with a key.

import { encode } from '../../shared/data/raw-json.ts'

/** An item that would make a page longer than this begins the next one. In bytes of JSON text. */
export const PAGE_BYTES_MAX = 1 << 20

/** The first of some items as JSON, at least one, and their bytes; `cut`: some did not fit. */
export function pageWithin<T, J>(
  items: readonly T[],
  toJson: (item: T) => J,
  bytesMax = PAGE_BYTES_MAX,
): { page: J[]; bytes: number; cut: boolean } {
  const page: J[] = []
  let bytes = 0
  for (const item of items) {
    const json = toJson(item)
    const more = Buffer.byteLength(encode(json))
    if (bytes + more > bytesMax && page.length > 0) return { page, bytes, cut: true }
    bytes += more
    page.push(json)
  }
  return { page, bytes, cut: false }
}
