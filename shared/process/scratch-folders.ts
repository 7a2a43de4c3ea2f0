// Scratch folders: temporary folders that are removed at the latest when a later process starts. Each has
// the file OWNER. The process that made the folder, and every process whose data folder is inside it,
// holds a shared lock on that file. The kernel releases the lock however a process ends, so a folder whose
// lock is free belongs to nobody. (A file with a process id does not show that: ids are used again, and
// each container has its own.) The lock is one of SQLite, which works on every system that Node runs on.
//
//   made --(locked)--> in use --(every holder has ended or closed it)--> dead --(a later start)--> removed

import type { BigIntStats } from 'node:fs'
import { lstatSync, mkdtempSync, readdirSync, rmdirSync, rmSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join, resolve } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

/** Earlier versions used other names and no lock: their folders are not touched. */
const PREFIX = 'askfirst-scratch-'
const OWNER = 'owner.lock'
/** A start of another process may remove a folder between the two steps of making it. */
const TRIES = 100
/** The locks of this process: one that nothing refers to would be collected as garbage, and released. */
const locks = new Set<DatabaseSync>()
const REMOVAL = { recursive: true, force: true, maxRetries: 5 }

export type Folder = {
  path: string
  /** Releases the folder; a scratch folder that was made is removed. Idempotent. */
  close(): void
}

/**
 * The folder in which a program keeps its data: `data`, or a scratch folder when there is none. If `data`
 * is inside a scratch folder, that one stays while this process lives, even when its maker has ended.
 */
export function openFolder(data: string | undefined): Folder {
  if (data === undefined) return makeScratch()
  const path = resolve(data)
  const scratch = scratchOf(path)
  const hold = scratch === undefined ? undefined : holdOn(scratch)
  return { path, close: () => hold?.close() }
}

/** Makes a scratch folder for this process in the folder for temporary files. */
export function makeScratch(): Folder {
  for (let i = 0; i < TRIES; i++) {
    const path = mkdtempSync(join(tmpdir(), PREFIX))
    const hold = holdOn(path)
    if (!hold) continue
    return {
      path,
      close(): void {
        hold.close()
        rmSync(path, REMOVAL)
      },
    }
  }
  throw new Error(`cannot create a scratch folder in ${tmpdir()}`)
}

/** Removes the scratch folders of this user that no process holds; gives their paths. */
export async function removeDeadScratch(): Promise<string[]> {
  const removed: string[] = []
  for (const path of scratchFolders()) if (await removeIfDead(path)) removed.push(path)
  return removed
}

/** Idempotent. */
type Lock = { close(): void }

/** The scratch folder that `path` is, or is in. */
function scratchOf(path: string): string | undefined {
  if (basename(path).startsWith(PREFIX)) return path
  return dirname(path) === path ? undefined : scratchOf(dirname(path))
}

function scratchFolders(): string[] {
  try {
    return readdirSync(tmpdir())
      .filter((name) => name.startsWith(PREFIX))
      .map((name) => join(tmpdir(), name))
      .filter(isOurs)
  } catch {
    return []
  }
}

/** Another user may have put a link of this name there. */
function isOurs(path: string): boolean {
  const stats = statsOf(path)
  return stats?.isDirectory() === true && Number(stats.uid) === (process.getuid?.() ?? 0)
}

/** Takes a shared lock. Gives nothing when the folder is being removed. */
function holdOn(path: string): Lock | undefined {
  const lock = lockIn(path, 'BEGIN; SELECT count(*) FROM sqlite_schema')
  if (!lock) return undefined
  // The lock may be on a file that another process has removed.
  if (statsOf(join(path, OWNER))) return lock
  lock.close()
  return undefined
}

async function removeIfDead(path: string): Promise<boolean> {
  // A folder without the file was made a moment ago, or its maker ended at that moment. Its maker makes
  // another one when this one is gone.
  if (!statsOf(join(path, OWNER))) return removeEmpty(path)
  const lock = lockIn(path, 'BEGIN EXCLUSIVE')
  if (!lock) return false
  try {
    await rm(path, REMOVAL).catch(() => {})
  } finally {
    lock.close()
  }
  // Windows removes no file that is open.
  await rm(path, REMOVAL).catch(() => {})
  return statsOf(path) === undefined
}

function removeEmpty(path: string): boolean {
  try {
    rmdirSync(path)
    return true
  } catch {
    return false
  }
}

/** A lock on the folder's file until it is closed. Gives nothing when another process has it. */
function lockIn(path: string, sql: string): Lock | undefined {
  let database: DatabaseSync | undefined
  try {
    database = new DatabaseSync(join(path, OWNER), { timeout: 0 })
    database.exec(sql)
  } catch {
    database?.close()
    return undefined
  }
  const lock = database
  locks.add(lock)
  return {
    close(): void {
      locks.delete(lock)
      if (lock.isOpen) lock.close()
    },
  }
}

const statsOf = (path: string): BigIntStats | undefined => {
  try {
    return lstatSync(path, { bigint: true, throwIfNoEntry: false })
  } catch {
    return undefined
  }
}
