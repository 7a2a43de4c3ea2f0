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
import { DamagedError, isDiskFull, mayBeFullDisk } from '../../shared/sqlite/errors.ts'
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
import { createWriter } from './sqlite-write.ts'
import type { Change, Loaded, Store, TaskStatus, TrimLimits } from './store.ts'
import { TRIM_SCAN_ROWS } from './store.ts'

export { StoreBrokenError } from './guard.ts'
export { StoreRefusedError } from './sqlite-open.ts'

export type SqliteOptions = Partial<Tuning> & {
  /** Where `askfirst.sqlite` is, or is made. */
  folder: string
  /** Bytes kept back for outcomes when the disk is full. Default 16 MiB; 0 keeps none. */
  reserveBytes?: number
  /** The disk's reserve, of which new tasks leave a part free (disk-room.ts). Default: none. */
  diskReserveBytes?: number
  /** The store is damaged or gone: it has stopped, and so must the master. Called once at most. */
  onBroken?: (error: StoreBrokenError) => void
}

/** The store's file in its folder; SQLite's log `-wal` and our `-reserve` are beside it. */
export const FILE_NAME = 'askfirst.sqlite'

const RESERVE_BYTES = 16 << 20
/** So many tasks on each side of one that is not there must be in order. */
const NEIGHBOURS = 3
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
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
function openWithRoom(path: string, settings: Tuning): DatabaseSync {
  try {
    return openDatabase(path, settings)
  } catch (error) {
    const { cause = error } = error as Error
    if (!mayBeFullDisk(cause)) throw error
    if (isDiskFull(path)) rmSync(reservePath(path), { force: true })
    return openDatabase(path, settings)
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
    onBroken,
    ...tuning
  } = options
  const settings = { ...defaults, ...tuning }
  const path = join(folder, FILE_NAME)
  const database = openWithRoom(path, settings)
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
  const list = createLister(database)
  const get = database.prepare(`SELECT ${TASK_COLUMNS} FROM tasks WHERE id = ?`)
  const neighbours = {
    below: database.prepare(
      `SELECT id FROM tasks WHERE id < ? ORDER BY id DESC LIMIT ${NEIGHBOURS}`,
    ),
    above: database.prepare(`SELECT id FROM tasks WHERE id > ? ORDER BY id LIMIT ${NEIGHBOURS}`),
  }
  const find = database.prepare('SELECT id, requestHash FROM tasks WHERE idempotencyKey = ?')
  const oldest = database.prepare(
    'SELECT id, status, createdAt, endedAt FROM tasks WHERE id > ? ORDER BY id',
  )
  const scanned = database.prepare(
    `SELECT id, status, endedAt FROM tasks WHERE id > ? ORDER BY id LIMIT ${TRIM_SCAN_ROWS}`,
  )
  /** The search for old tasks among newer ones goes on after this id. */
  let scanAfter = ''
  const idAt = database.prepare('SELECT id FROM tasks ORDER BY id LIMIT 1 OFFSET ?')
  const endedUpTo = database.prepare(
    `SELECT id, status FROM tasks WHERE id <= ? AND status NOT IN ('pending', 'in progress')
     ORDER BY id LIMIT ?`,
  )

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
      const row = get.get(id)
      if (row) return toTask(row)
      assertSound(id)
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

  /**
   * A damaged key can hide a task: the search turns the wrong way there, and ends beside the damaged
   * key. So before a task is said not to be there, its neighbours must be in order around it.
   */
  function assertSound(id: string): void {
    const below = neighbours.below.all(id).map((row) => row.id as string)
    const above = neighbours.above.all(id).map((row) => row.id as string)
    const around = [...below.toReversed(), id, ...above].map((each) => Buffer.from(each))
    const isOrdered = around.every((each, i) => i === 0 || each.compare(around[i - 1]!) > 0)
    if (!isOrdered) throw new DamagedError('its tasks are not in order')
    if (!UUID.test(id)) return
    for (const each of [below[0], above[0]]) {
      if (each !== undefined && !UUID.test(each)) throw new DamagedError(`a task has no id`)
    }
  }

  function write(changes: Change[]): Error | undefined {
    return totalled(
      () => {
        for (const change of changes) writer.apply(change)
      },
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
    const error = totalled(() => {
      for (const { id, status } of doomed) writer.remove(id, status)
    }, false)
    if (error) throw error
    return doomed.length
  }

  type Doomed = { id: string; status: TaskStatus }

  // First those that are too many: of as many as a line may hold the oldest may all be live, and SQLite
  // steps over them much faster than this loop would.
  function findDoomed(limits: TrimLimits): Doomed[] {
    const { keepMax, rowsMax } = limits
    const totals = writer.totals()
    const tooMany = Object.values(totals).reduce((sum, n) => sum + n) - keepMax
    // Among so many of the oldest enough have ended, however many more are too many.
    const enough = totals.pending + totals['in progress'] + rowsMax
    const upTo = tooMany > 0 ? (idAt.get(Math.min(tooMany, enough) - 1)?.id as string) : ''
    const doomed = upTo === '' ? [] : (endedUpTo.all(upTo, rowsMax) as Doomed[])
    addOld(doomed, upTo, limits)
    addOutOfOrder(doomed, limits)
    return doomed
  }

  // From the oldest, as long as a row can be one of them: a task that ended before a time was
  // accepted before it. What is stepped over is live, or was when the others ended: never much.
  function addOld(doomed: Doomed[], after: string, { endedBefore, rowsMax }: TrimLimits): void {
    for (const { id, status, createdAt, endedAt } of oldest.iterate(after)) {
      if (doomed.length >= rowsMax || timeOf(createdAt) >= endedBefore) break
      if (status === 'pending' || status === 'in progress') continue
      if (timeOf(endedAt) < endedBefore) doomed.push({ id, status } as Doomed)
    }
  }

  // Ids grow also while the wall clock is behind, so where that clock was ahead for a time, older tasks
  // stand after younger ones. A scan of a bounded number of rows a step finds them.
  function addOutOfOrder(doomed: Doomed[], { endedBefore, rowsMax }: TrimLimits): void {
    const known = new Set(doomed.map(({ id }) => id))
    const rows = scanned.all(scanAfter)
    for (const { id, status, endedAt } of rows) {
      if (doomed.length >= rowsMax) return
      scanAfter = id as string
      if (status === 'pending' || status === 'in progress' || known.has(scanAfter)) continue
      if (timeOf(endedAt) < endedBefore) doomed.push({ id, status } as Doomed)
    }
    if (rows.length < TRIM_SCAN_ROWS) scanAfter = ''
  }
}

function loadFrom(database: DatabaseSync) {
  const tasks = database
    .prepare(
      `SELECT ${LIVE_COLUMNS} FROM tasks INDEXED BY tasks_by_status
       WHERE status <> 'done' AND status IN ('pending', 'in progress') ORDER BY id`,
    )
    .all()
  const slaves = database.prepare('SELECT * FROM slaves ORDER BY position, name').all()
  const newest = database.prepare('SELECT id, createdAt FROM tasks ORDER BY id DESC LIMIT 1').get()
  const newestId = (newest?.id ?? null) as string | null
  const kinds = database.prepare('SELECT name FROM kinds').all()
  return {
    tasks: tasks.map(toLive),
    slaves: slaves.map(toSlave),
    newestId,
    newestAt: newest ? timeOf(newest.createdAt) : null,
    kinds: kinds.map(({ name }) => name as string),
  }
}
