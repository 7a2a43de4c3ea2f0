// Removes a folder in which a program may have worked: folders without permissions, and processes that write
// into it until they are killed, do not keep it.

import { readdirSync, rmdirSync } from 'node:fs'
import { chmod, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

/** Tries, and the pause between them in milliseconds. */
const TRIES = 20
const PAUSE_MS = 500

/** Never rejects. What cannot be removed is removed by the next start. */
export async function removeFolder(folder: string): Promise<void> {
  if (removeEmpty(folder)) return
  for (let tries = 1; ; tries++) {
    try {
      return await rm(folder, { recursive: true, force: true, maxRetries: 3 })
    } catch {
      if (tries >= TRIES) return
    }
    await openFolders(folder).catch(() => {})
    if (tries > 1) await delay(PAUSE_MS, undefined, { ref: false })
  }
}

/** Gives the agent its permissions of all folders back. Follows no links. */
async function openFolders(folder: string): Promise<void> {
  await chmod(folder, 0o700)
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) await openFolders(join(folder, entry.name)).catch(() => {})
  }
}

/**
 * Removes a folder in which there is nothing but empty folders, as most runs leave theirs. Synchronous: that takes a
 * fraction of what `rm` and its threads cost. False when there is more in it.
 */
function removeEmpty(folder: string): boolean {
  try {
    for (const name of readdirSync(folder)) rmdirSync(join(folder, name))
    rmdirSync(folder)
    return true
  } catch {
    return false
  }
}
