// Owns how a SQLite file becomes a store that is ours alone, and every refusal on the way, in words
// that say what to do. Looks first through a connection that cannot write: a file that is damaged,
// foreign or too new is left byte for byte as it was (closing a writing connection would already
// fold the write-ahead log into it). Must not know what a task means.
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, rmSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { NoRoomError } from '../../shared/process/usage-error.ts'
import * as sqlite from '../../shared/sqlite/database.ts'
import {
  DamagedError,
  isDamage,
  isFullDisk,
  NewerFileError,
  SQLITE,
  sqliteCode,
} from '../../shared/sqlite/errors.ts'
import { carryOver, hasTasksBefore } from './carry-over.ts'
import { APPLICATION_ID, MIGRATIONS } from './migrations.ts'

/** The store cannot be used as it is; the message says why and what to do. Nothing was changed. */
export class StoreRefusedError extends Error {
  override name = 'StoreRefusedError'
}

export type Tuning = {
  /** Bytes of a page of a file that is new. */
  pageBytes: number
  /** Bytes of pages kept in memory. */
  cacheBytes: number
  /** Pages in the write-ahead log before they are copied into the file. */
  checkpointPages: number
  /** Milliseconds to wait for a master that is just closing. */
  busyTimeoutMs: number
}

/** How many rows at each end of the table are read when a store is opened. */
const EDGE_ROWS = 500
/** A log that one huge commit made long is cut back to this. */
const LOG_BYTES_MAX = 64 << 20

/**
 * Opens or makes the store at `path` and locks it until it is closed.
 * Throws StoreRefusedError when another master has it, or it is damaged, foreign or too new.
 */
export function openDatabase(
  path: string,
  tuning: Tuning,
  onCarriedOver: (tasks: number) => void,
): DatabaseSync {
  return opened(path, () => {
    makeFolder(dirname(resolve(path)))
    if (existsSync(path)) examine(path, tuning)
    return lockAndMigrate(path, tuning, onCarriedOver)
  })
}

// Without a rowid or a checksum per page, what can be known cheaply is: the header and the file's
// length (SQLite compares them on the first read), the tables, the small ones in full, the totals
// against the live tasks, and the rows at both ends, where a crash or a bad copy shows. A full
// integrity check of a million tasks takes seconds and is for `sqlite3 FILE 'PRAGMA quick_check'`.
function examine(path: string, tuning: Tuning): void {
  const database = new DatabaseSync(path, { readOnly: true, timeout: tuning.busyTimeoutMs })
  try {
    const version = sqlite.pragmaOf(database, 'user_version')
    const application = sqlite.pragmaOf(database, 'application_id')
    const tables = numberOf(database, 'SELECT count(*) AS n FROM sqlite_schema')
    if (version === 0 && application === 0 && tables === 0) return
    if (application !== APPLICATION_ID) {
      throw new StoreRefusedError(
        `${path} is a database of another program: start with another --data folder; nothing was changed`,
      )
    }
    if (version > MIGRATIONS.length) throw new NewerFileError(version, MIGRATIONS.length)
    checkSmallTables(database)
    sqlite.checkIfSmall(database)
    if (version === MIGRATIONS.length && !hasTasksBefore(database)) checkTasks(database)
  } finally {
    database.close()
  }
}

function checkSmallTables(database: DatabaseSync): void {
  for (const table of ['totals', 'slaves', 'secrets']) {
    const row = database.prepare(`PRAGMA quick_check('${table}')`).get()
    const finding = String(row?.quick_check)
    if (finding !== 'ok') throw new DamagedError(finding)
  }
}

function checkTasks(database: DatabaseSync): void {
  const counted = numberOf(database, 'SELECT count(*) AS n FROM live')
  const stored = numberOf(database, 'SELECT total(pending + inProgress) AS n FROM totals')
  if (counted !== stored)
    throw new DamagedError(`${counted} tasks are live, and the totals say ${stored}`)
  for (const order of ['ASC', 'DESC']) {
    const bad = numberOf(
      database,
      `SELECT count(*) AS n FROM (SELECT * FROM tasks ORDER BY n ${order} LIMIT ${EDGE_ROWS})
       WHERE status IS NULL OR NOT (json_valid(trail) AND json_valid(tags)
         AND octet_length(input) >= 0
         AND typeof(createdAt) IN ('integer', 'real') AND ifnull(octet_length(outcome), 0) >= 0)`,
    )
    if (bad > 0) throw new DamagedError(`${bad} tasks cannot be read`)
  }
}

function lockAndMigrate(
  path: string,
  tuning: Tuning,
  onCarriedOver: (tasks: number) => void,
): DatabaseSync {
  // Exclusive before the first read: the lock is then kept until close, and the log's index lives
  // in this process' memory instead of a file. No mmap: an I/O error would be a SIGBUS.
  const pragmas = `
      PRAGMA locking_mode = EXCLUSIVE;
      PRAGMA page_size = ${tuning.pageBytes};
      PRAGMA auto_vacuum = INCREMENTAL;
      PRAGMA journal_mode = WAL;
      PRAGMA synchronous = FULL;
      PRAGMA wal_autocheckpoint = 0;
      PRAGMA journal_size_limit = ${LOG_BYTES_MAX};
      PRAGMA cache_size = ${-Math.ceil(tuning.cacheBytes / 1024)};
      PRAGMA temp_store = MEMORY;
      PRAGMA cell_size_check = ON;
      PRAGMA foreign_keys = OFF;
    `
  return sqlite.openDatabase(path, { busyMs: tuning.busyTimeoutMs, pragmas }, (database) => {
    database.exec('BEGIN EXCLUSIVE; COMMIT')
    // The index file that examining left; we hold the lock and do not use it.
    rmSync(`${path}-shm`, { force: true })
    const before = sqlite.migrate(database, MIGRATIONS, APPLICATION_ID)
    if (before < MIGRATIONS.length || hasTasksBefore(database)) {
      carryOver(database, onCarriedOver)
      database.exec('PRAGMA wal_checkpoint(TRUNCATE)')
    }
    sqlite.shrinkIfSmall(database)
    // From here on the log is synced by us (log-sync.ts); SQLite still syncs around checkpoints.
    database.exec('PRAGMA synchronous = NORMAL')
  })
}

function makeFolder(folder: string): void {
  if (mkdirSync(folder, { recursive: true }) === undefined || process.platform === 'win32') return
  const parent = openSync(dirname(folder), 'r')
  fsyncSync(parent)
  closeSync(parent)
}

/** Opens another file of SQLite. Throws StoreRefusedError, with words about what to do. */
export function opened<T>(path: string, open: () => T): T {
  try {
    return open()
  } catch (error) {
    throw inWords(path, error as Error)
  }
}

/**
 * An error of SQLite, of the folder or of a row's JSON as a StoreRefusedError that says what to do; that
 * the disk is full as a NoRoomError.
 */
export function inWords(path: string, error: Error): Error {
  if (error instanceof StoreRefusedError) return error
  if (isFullDisk(error, path)) {
    const text = `the disk has no space to open ${path} (${error.message}): free space, or start with another --data folder`
    return new NoRoomError(text, { cause: error })
  }
  const text = words(path, error)
  return text === undefined ? error : new StoreRefusedError(text, { cause: error })
}

function words(path: string, error: Error): string | undefined {
  const why = error.message
  if (error instanceof NewerFileError) {
    return `the store ${path} was written by a newer askfirst (store version ${error.version}, this program supports ${error.known}): start the newer program, or start with another --data folder; nothing was changed`
  }
  if (isDamage(error)) return `${damaged(path, why)}; nothing was changed`
  switch (sqliteCode(error)) {
    case SQLITE.BUSY:
      return `the store ${path} is in use by another master: stop it first, or start this one with another --data folder; nothing was changed`
    case SQLITE.ERROR: // a table or column that should be there is not
      return `${damaged(path, why)}; nothing was changed`
    case SQLITE.READONLY:
    case SQLITE.CANTOPEN:
      return `the store ${path} cannot be opened for writing (${why}): check the folder's owner and permissions, or start with another --data folder`
    case SQLITE.IOERR:
    case SQLITE.NOMEM:
      return `the store ${path} cannot be read (${why}): check the disk; nothing was deleted`
    default:
      return 'code' in error && typeof error.code === 'string' && 'syscall' in error
        ? `the folder of the store ${path} cannot be created (${why})`
        : undefined
  }
}

/** That a store is damaged, and what to do: the same words at a start and while it is in use. */
export function damaged(path: string, why: string): string {
  return `the store ${path} is damaged (${why}): restore it (and ${path}-wal, if there is one) from a copy, or start with another --data folder`
}

function numberOf(database: DatabaseSync, sql: string): number {
  return Number(database.prepare(sql).get()?.n)
}
