// The packed executor: a snapshot of the heap of a child process whose kinds are loaded (snapshot.ts), made
// by `npm run pack` (deploy/pack/). It is code, and lies inside node_modules, where whoever can write can
// replace the program anyway. It is used only when its list says that it was made by this Node, from the
// sources and packages as they are now.

import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

export const ROOT = new URL('../../', import.meta.url)
export const PACKED_FOLDER = new URL('node_modules/.cache/askfirst/executor/', ROOT)
const INSTALLED = 'node_modules/.package-lock.json'

/** What a snapshot was made of. */
export type PackedList = {
  node: string
  /** Names of its kinds. */
  kinds: string[]
  /** Files of ours, and npm's list of what is installed, by path from the root; with their hashes. */
  files: Record<string, string>
}

/** The list of a snapshot that is made now, from these files of ours. */
export function listOf(kinds: string[], paths: string[]): PackedList {
  const files = Object.fromEntries([INSTALLED, ...paths].map((path) => [path, hashOf(path)]))
  return { node: nodeOf(), kinds, files }
}

/** The path of the snapshot, when there is one that has these kinds and is not outdated. */
export function findSnapshot(kinds: string[], folder = PACKED_FOLDER): string | undefined {
  try {
    const list = JSON.parse(readFileSync(new URL('list.json', folder), 'utf8')) as PackedList
    const isCurrent =
      list.node === nodeOf() &&
      kinds.every((name) => list.kinds.includes(name)) &&
      Object.entries(list.files).every(([path, hash]) => hashOf(path) === hash)
    return isCurrent ? fileURLToPath(new URL('snapshot', folder)) : undefined
  } catch {
    return undefined
  }
}

const nodeOf = (): string => `${process.version} ${process.platform} ${process.arch}`

const hashOf = (path: string): string =>
  createHash('sha256')
    .update(readFileSync(new URL(path, ROOT)))
    .digest('base64')
