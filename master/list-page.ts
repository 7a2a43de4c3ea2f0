// A page of a list, bounded in bytes as well as in items: whatever the items hold, an answer stays
// small. Every list of a route goes through here.

import { encode } from '../shared/raw-json.ts'

/** An item that would make a page longer than this begins the next one. In bytes of JSON text. */
export const PAGE_BYTES_MAX = 1 << 20

/** The first of some items as JSON, at least one; `cut` says that some did not fit. */
export function pageWithin<T, J>(
  items: readonly T[],
  toJson: (item: T) => J,
  bytesMax = PAGE_BYTES_MAX,
): { page: J[]; cut: boolean } {
  const page: J[] = []
  let bytes = 0
  for (const item of items) {
    const json = toJson(item)
    bytes += Buffer.byteLength(encode(json))
    if (bytes > bytesMax && page.length > 0) return { page, cut: true }
    page.push(json)
  }
  return { page, cut: false }
}
