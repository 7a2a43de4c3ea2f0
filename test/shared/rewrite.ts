// Rewrites a file in place with the same number of bytes, as a writer that a reader must notice.

import { lstatSync, readFileSync, utimesSync, writeFileSync } from 'node:fs'

/** In seconds; an old file, whose modification time the writer sets back. */
const MODIFIED = 1_700_000_000

/** Makes the file an old one. Call it before the reader opens the file. */
export const age = (path: string): void => utimesSync(path, MODIFIED, MODIFIED)

/**
 * Reverses the bytes and sets the modification time back, so that only the change time differs.
 * Repeats until the kernel's clock has ticked: two writes within one tick have one change time.
 */
export function rewrite(path: string): void {
  const before = lstatSync(path, { bigint: true })
  const bytes = readFileSync(path).reverse()
  do {
    writeFileSync(path, bytes)
    age(path)
  } while (lstatSync(path, { bigint: true }).ctimeNs === before.ctimeNs)
}
