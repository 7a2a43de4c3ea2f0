// The store on one SQLite file (node:sqlite), for one master: the default. Owns what is read and
// written when; how rows look, transactions, and the refusals at the start are in the files beside
// it. Must not know HTTP, slaves' answers or the clock.
//
// Rows are written on the main thread by choice: that costs less than sending them to another thread
// and back (design.md, Speed). The sync that makes them durable is waited for beside it (log-sync.ts).
import { randomBytes } from 'node:crypto'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { isDiskFull, mayBeFullDisk } from '../../shared/sqlite/errors.ts'
import { createGiveBack } from './give-back.ts'
import type { StoreBrokenError } from './guard.ts'
import { createGuard, watchGuards } from './guard.ts'
import { createLogSync } from './log-sync.ts'
import { createReserve } from './reserve.ts'
import { createLister } from './sqlite-list.ts'
import type { Tuning } from './sqlite-open.ts'
import { inWords, openDatabase } from './sqlite-open.ts'
import { LIVE_COLUMNS, TASK_COLUMNS, timeOf, toLive, toSlave, toTask } from './sqlite-rows.ts'
import { createTransactions } from './sqlite-transaction.ts'
import { createTrimSearch } from './sqlite-trim.ts'
import { createWriter } from './sqlite-write.ts'
import type { Change, Loaded, Store, TrimLimits } from './store.ts'
import { idWith, numberOf } from './task-numbers.ts'
import { createNeighbours, createPlaces } from './task-places.ts'

export { StoreBrokenError } from './guard.ts'
export { StoreRefusedError } from './sqlite-open.ts'

export type SqliteOptions = Partial<Tuning> & {
  /** Where `askfirst.sqlite` is, or is made. */
  folder: string
  /** Bytes kept back for outcomes when the disk is full. Default 16 MiB; 0 keeps none. */
  reserveBytes?: number
  /** The disk's reserve, of which new tasks leave a part free (disk-room.ts). Default: none. */
  diskReserveBytes?: number
  /** A store of an earlier form is carried over, at its opening: hears how many tasks have been. */
  onCarriedOver?: (tasks: number) => void
  /** The store is damaged or gone: it has stopped, and so must the master. Called once at most. */
  onBroken?: (error: StoreBrokenError) => void
}

/** The store's file in its folder; SQLite's log `-wal` and our `-reserve` are beside it. */
export const FILE_NAME = 'askfirst.sqlite'

const RESERVE_BYTES = 16 << 20
const defaults: Tuning = {
  pageBytes: 4096,
  cacheBytes: 32 << 20,
  checkpointPages: 2000,
  busyTimeoutMs: 1000,
}

const reservePath = (path: string): string => `${path}-reserve`

/**
 * On a full disk SQLite cannot even open its log: then the reserve is given up, and tried again. Also
 * without one: a disk that was full may have room now.
 */
function openWithRoom(
  path: string,
  settings: Tuning,
  onCarriedOver: (tasks: number) => void,
): DatabaseSync {
  try {
    return openDatabase(path, settings, onCarriedOver)
  } catch (error) {
    const { cause = error } = error as Error
    if (!mayBeFullDisk(cause)) throw error
    if (isDiskFull(path)) rmSync(reservePath(path), { force: true })
    return openDatabase(path, settings, onCarriedOver)
  }
}

/**
 * Opens or makes the store in `folder` and keeps it locked until `close`. Throws StoreRefusedError,
 * with words about what to do, when another master has it or it is damaged, foreign or too new.
 */
export function openSqliteStore(options: SqliteOptions): Store {
  const {
    folder,
    reserveBytes = RESERVE_BYTES,
    diskReserveBytes = 0,
    onCarriedOver = () => {},
    onBroken,
    ...tuning
  } = options
  const settings = { ...defaults, ...tuning }
  const path = join(folder, FILE_NAME)
  const database = openWithRoom(path, settings, onCarriedOver)
  const reserve = createReserve(reservePath(path), reserveBytes, diskReserveBytes)
  const log = createLogSync(`${path}-wal`)
  const guard = createGuard(path, onBroken)
  const transactions = createTransactions(database, reserve, guard, settings.checkpointPages)
  const writer = createWriter(database)
  const giveBack = createGiveBack({
    database,
    guard,
    // As for new tasks: the reserve is kept.
    write: (change) => transactions.write(change, true) === undefined,
    truncateLog: transactions.truncateLog,
  })
  const placeOf = createPlaces(database)
  const list = createLister(database, placeOf)
  const get = database.prepare(`SELECT ${TASK_COLUMNS} FROM tasks WHERE n = ?`)
  const neighbours = createNeighbours(database)
  const find = database.prepare('SELECT id, requestHash FROM tasks WHERE idempotencyKey = ?')
  const findDoomed = createTrimSearch(database, writer.totals)

  guard.watch()
  const watch = watchGuards([guard])

  return {
    load: read(load),
    commit(changes, done) {
      const error = write(changes)
      if (error) return done(error)
      log.sync((failure) => {
        if (failure) guard.stop(failure)
        done(failure ?? guard.lookNow())
      })
    },
    get: read((id: string) => {
      const n = placeOf(id)
      if (n === undefined) return undefined
      const row = get.get(n)
      if (row?.id === id) return toTask(row)
      neighbours.assertSound(n)
      return undefined
    }),
    find: read((key: string) => {
      const row = find.get(key)
      return row && { id: row.id as string, requestHash: row.requestHash as string }
    }),
    list: read(list),
    counts: read(writer.totals),
    trim: read(trim),
    close: () =>
      new Promise<void>((resolve) =>
        log.whenDurable(() => {
          watch.close()
          giveBack.close()
          log.close()
          transactions.close()
          resolve()
        }),
      ),
  }

  function read<A extends unknown[], T>(from: (...args: A) => T): (...args: A) => Promise<T> {
    return (...args) =>
      new Promise((resolve, reject) =>
        log.whenDurable(() => {
          try {
            resolve(guard.run(() => from(...args)))
          } catch (error) {
            reject(error)
          }
        }),
      )
  }

  function write(changes: Change[]): Error | undefined {
    return totalled(
      () => writer.apply(changes),
      changes.some((change) => change.do === 'insert'),
    )
  }

  function totalled(change: () => void, inserts: boolean): Error | undefined {
    const error = transactions.write(() => {
      writer.begin()
      change()
      writer.note()
    }, inserts)
    if (error) writer.rolledBack()
    else writer.committed()
    return error
  }

  function load(): Loaded {
    try {
      return { secret: secretOf(), ...loadFrom(database) }
    } catch (error) {
      throw inWords(path, error as Error)
    }
  }

  function secretOf(): string {
    const stored = database.prepare(`SELECT value FROM secrets WHERE name = 'attempts'`).get()
    if (stored) return stored.value as string
    const secret = randomBytes(32).toString('base64url')
    const insert = database.prepare(`INSERT INTO secrets VALUES ('attempts', ?)`)
    const error = transactions.write(() => insert.run(secret), false)
    if (error) throw error
    return secret
  }

  function trim(limits: TrimLimits): number {
    const doomed = findDoomed(limits)
    giveBack.start()
    if (doomed.length === 0) return 0
    const error = totalled(() => writer.remove(doomed), false)
    if (error) throw error
    return doomed.length
  }
}

function loadFrom(database: DatabaseSync) {
  const tasks = database
    .prepare(`SELECT ${LIVE_COLUMNS} FROM tasks WHERE n IN (SELECT n FROM live) ORDER BY n`)
    .all()
  const slaves = database.prepare('SELECT * FROM slaves ORDER BY position, name').all()
  const newest = database
    .prepare('SELECT n, id, createdAt FROM tasks ORDER BY n DESC LIMIT 1')
    .get()
  const kinds = database.prepare('SELECT name FROM kinds').all()
  return {
    tasks: tasks.map(toLive),
    slaves: slaves.map(toSlave),
    newestId: newest ? newestIdOf(newest.id as string, newest.n as number) : null,
    newestAt: newest ? timeOf(newest.createdAt) : null,
    kinds: kinds.map(({ name }) => name as string),
  }
}

/** New ids must have greater numbers than the newest task, also when its number is not that of its id. */
const newestIdOf = (id: string, n: number): string => (numberOf(id) === n ? id : idWith(n))
