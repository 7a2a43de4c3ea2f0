// Notices that files or folders were removed, renamed or replaced while this process had them open:
// what is written to them from then on is found by nobody. Compares which file a path leads to now
// with the one that it led to at first.

import { statSync } from 'node:fs'

type Identity = { dev: bigint; ino: bigint }

/** Remembers which files are at `paths` now. Those that are not there are not watched. */
export function createPresence(paths: readonly string[]) {
  const known = new Map<string, Identity>()
  for (const path of paths) add(path)

  return {
    /** Watches this path too, as it is now; nothing changes when it is watched already. */
    add,
    /** What has happened to the first path that leads elsewhere now, for people; null: nothing. */
    change(): string | null {
      for (const [path, { dev, ino }] of known) {
        const now = identityOf(path)
        if (now === undefined) return `${path} was removed or renamed`
        if (now instanceof Error) return `${path} cannot be read (${now.message})`
        if (now.dev !== dev || now.ino !== ino) return `${path} was replaced by another`
      }
      return null
    },
  }

  function add(path: string): void {
    const identity = identityOf(path)
    if (identity && !(identity instanceof Error) && !known.has(path)) known.set(path, identity)
  }
}

function identityOf(path: string): Identity | Error | undefined {
  try {
    return statSync(path, { bigint: true, throwIfNoEntry: false })
  } catch (error) {
    return error as Error
  }
}
