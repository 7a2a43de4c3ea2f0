// What every SQLite file of ours needs: what an error means, and whether a file is whole.
// Must not know what is stored.

import { statfsSync } from 'node:fs'
import { dirname } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'

/** A file that is not larger is read whole when it is opened: some 100 ms. In bytes. */
const CHECKED_BYTES_MAX = 32 << 20

// SQLite's primary result codes, https://sqlite.org/rescode.html
export const SQLITE = {
  ERROR: 1,
  BUSY: 5,
  LOCKED: 6,
  NOMEM: 7,
  READONLY: 8,
  IOERR: 10,
  CORRUPT: 11,
  FULL: 13,
  CANTOPEN: 14,
  CONSTRAINT: 19,
  NOTADB: 26,
} as const

/** SQLite's primary result code of an error, or 0. */
export function sqliteCode(error: unknown): number {
  const code = error instanceof Error && 'errcode' in error ? error.errcode : 0
  return typeof code === 'number' ? code & 0xff : 0
}

/** SQLite's log and index need about this much when a file is opened. In bytes. */
const ROOM_TO_OPEN_BYTES = 1 << 20

/** Whether an error may be due to a full disk: SQLite seldom says so itself. */
export function mayBeForWantOfRoom(error: unknown): boolean {
  const { FULL, IOERR, CANTOPEN } = SQLITE
  return [FULL, IOERR, CANTOPEN].some((code) => code === sqliteCode(error))
}

/** Whether the disk of the file at `path` has too little room to open it. */
export function isDiskFull(path: string): boolean {
  const { bavail, bsize } = statfsSync(dirname(path))
  return bavail * bsize < ROOM_TO_OPEN_BYTES
}

/** An error that a full disk has caused, while it is full. */
export const isWantOfRoom = (error: unknown, path: string): boolean =>
  sqliteCode(error) === SQLITE.FULL || (mayBeForWantOfRoom(error) && isDiskFull(path))

/** A row or page holds what no program of ours wrote. */
export class DamagedError extends Error {
  override name = 'DamagedError'
}

/** Whether the file itself is wrong: a damaged page, or text in a row that is not the JSON it was. */
export function isDamage(error: unknown): boolean {
  const code = sqliteCode(error)
  if (code === SQLITE.CORRUPT || code === SQLITE.NOTADB) return true
  return error instanceof DamagedError || error instanceof SyntaxError
}

/** Reads a file that is not large from end to end. Throws DamagedError where it is not sound. */
export function checkIfSmall(database: DatabaseSync): void {
  const pages = Number(database.prepare('PRAGMA page_count').get()?.page_count)
  const bytes = Number(database.prepare('PRAGMA page_size').get()?.page_size)
  if (pages * bytes > CHECKED_BYTES_MAX) return
  const finding = String(database.prepare('PRAGMA integrity_check(1)').get()?.integrity_check)
  if (finding !== 'ok') throw new DamagedError(finding.split('\n').join(' '))
}

/**
 * Makes a file of an earlier version return its free pages, by writing it anew (VACUUM) where it is small:
 * some 100 ms. A larger one stays as it is until somebody runs `PRAGMA auto_vacuum = INCREMENTAL; VACUUM`
 * on it while no process has it open. Does nothing where the disk has no room for that.
 */
export function shrinkIfSmall(database: DatabaseSync): void {
  const value = (name: string) => Number(database.prepare(`PRAGMA ${name}`).get()?.[name])
  if (value('auto_vacuum') !== 0) return
  if (value('page_count') * value('page_size') > CHECKED_BYTES_MAX) return
  try {
    database.exec('PRAGMA auto_vacuum = INCREMENTAL; VACUUM')
  } catch (error) {
    if (sqliteCode(error) !== SQLITE.FULL) throw error
  }
}
