// What an error of SQLite means: a full disk, a damaged file, a file in use. Must not know what is
// stored.

import { statfsSync } from 'node:fs'
import { dirname } from 'node:path'

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
export function mayBeFullDisk(error: unknown): boolean {
  const { FULL, IOERR, CANTOPEN } = SQLITE
  return [FULL, IOERR, CANTOPEN].some((code) => code === sqliteCode(error))
}

/** Whether the disk of the file at `path` has too little room to open it. */
export function isDiskFull(path: string): boolean {
  const { bavail, bsize } = statfsSync(dirname(path))
  return bavail * bsize < ROOM_TO_OPEN_BYTES
}

/** Whether a full disk caused the error, and is still full. */
export const isFullDisk = (error: unknown, path: string): boolean =>
  sqliteCode(error) === SQLITE.FULL || (mayBeFullDisk(error) && isDiskFull(path))

/** A row or page holds what no program of ours wrote. */
export class DamagedError extends Error {
  override name = 'DamagedError'
}

/** A newer program wrote the file: it has migrations that this program does not know. */
export class NewerFileError extends Error {
  override name = 'NewerFileError'
  readonly version: number
  readonly known: number
  constructor(version: number, known: number) {
    super(`file version ${version}, this program supports ${known}`)
    this.version = version
    this.known = known
  }
}

/** Whether the file itself is wrong: a damaged page, or text in a row that is not the JSON it was. */
export function isDamage(error: unknown): boolean {
  const code = sqliteCode(error)
  if (code === SQLITE.CORRUPT || code === SQLITE.NOTADB) return true
  return error instanceof DamagedError || error instanceof SyntaxError
}
