import {
  copyFileSync,
  cpSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as pause } from 'node:timers/promises'
import type { Test } from 'tap'
import t, { test } from 'tap'
import { FILE_NAME, openSqliteStore, StoreRefusedError } from '../../../master/store/sqlite.ts'
import type { Store } from '../../../master/store/store.ts'
import { wallTime } from '../../../shared/data/clock.ts'
import { storeContract } from './contract.ts'
import { anEndedTask, aTask, commit, insert, listAll } from './records.ts'

/** Opens the store in `folder` for this test. */
function open(t: Test, folder: string): Store {
  const store = openSqliteStore({ folder, reserveBytes: 1 << 16, busyTimeoutMs: 50 })
  t.teardown(() => store.close())
  return store
}

storeContract(t, 'sqlite', (t) => {
  const folder = t.testdir({})
  let store = open(t, folder)
  const reopen = async () => {
    await store.close()
    store = open(t, folder)
    return store
  }
  return { store, reopen }
})

/** A folder with a store of 2000 tasks, closed. */
async function aStoredFolder(t: Test): Promise<string> {
  const folder = t.testdir({})
  const store = open(t, folder)
  await store.load()
  await commit(store, ...Array.from({ length: 1000 }, () => insert(anEndedTask())))
  await commit(store, ...Array.from({ length: 1000 }, () => insert(aTask())))
  await store.close()
  return folder
}

/** A folder as a killed process leaves it: five tasks are in the log and not yet in the file. */
async function aKilledFolder(t: Test, root: string): Promise<string> {
  const folder = join(root, 'open')
  const store = open(t, folder)
  const killed = join(root, 'killed')
  await commit(store, ...Array.from({ length: 5 }, () => insert(aTask())))
  cpSync(folder, killed, { recursive: true })
  await store.close()
  return killed
}

/** What is in the files of a store; SQLite's scratch index aside. */
function bytesOf(folder: string): Record<string, string> {
  const files = readdirSync(folder).filter((name) => !name.endsWith('-shm'))
  const bytes = files.map((name) => [name, readFileSync(join(folder, name)).toString('base64')])
  return Object.fromEntries(bytes.filter(([, text]) => text !== ''))
}

/** Flips every bit of `count` bytes at `offset`. */
function damage(file: string, offset: number, count: number): void {
  const bytes = readFileSync(file)
  for (let at = offset; at < offset + count; at++) bytes[at] = ~bytes[at]! & 0xff
  writeFileSync(file, bytes)
}

function refused(t: Test, folder: string, words: RegExp): void {
  t.throws(
    () => openSqliteStore({ folder, busyTimeoutMs: 50 }),
    { name: 'StoreRefusedError', message: words },
    String(words),
  )
}

test('refuses a second master in the same process, and again when asked again', async (t) => {
  const folder = t.testdir({})
  const store = open(t, folder)
  for (let i = 0; i < 2; i++) refused(t, folder, /in use by another master.*--data/)
  await commit(store, insert(aTask()))
  await store.close()
  t.strictSame(await open(t, folder).counts(), { ...zero, pending: 1 })
})

const zero = { pending: 0, 'in progress': 0, done: 0, failed: 0, cancelled: 0, expired: 0 }

test('opens with what is whole when the log is cut or a bit of it is flipped', async (t) => {
  const root = t.testdir({ open: {} })
  const folder = await aKilledFolder(t, root)
  const log = `${FILE_NAME}-wal`
  const { length } = readFileSync(join(folder, log))
  for (let i = 0; i <= 20; i++) {
    const copy = join(root, `copy-${i}`)
    cpSync(folder, copy, { recursive: true })
    const at = Math.floor((length * i) / 20)
    if (i % 2 === 0) truncateSync(join(copy, log), at)
    else damage(join(copy, log), at, 1)
    const store = open(t, copy)
    const { tasks } = await store.load()
    const { pending, done } = await store.counts()
    if ((pending + done) % 5 !== 0 || tasks.length !== pending) t.fail(`cut ${i} at ${at}`)
    await commit(store, insert(aTask()))
    await store.close()
  }
  t.pass('21 logs')
})

test('opens a store of the first version, and adds what it lacks', async (t) => {
  const folder = t.testdir({})
  copyFileSync(join(import.meta.dirname, '../../fixtures/store-1.sqlite'), join(folder, FILE_NAME))
  const store = open(t, folder)
  const { tasks } = await store.list({ limit: 1000 })
  t.ok(tasks.length > 0)
  for (const { id } of tasks) t.equal((await store.get(id))?.queueMs, null, 'it was not kept then')
  const task = aTask({ queueMs: 5 })
  await commit(store, insert(task))
  t.strictSame(await store.get(task.id), task)
})

test('refuses what it must not touch, and leaves it byte for byte', async (t) => {
  t.test('a store that a newer program wrote', async (t) => {
    const folder = await aStoredFolder(t)
    const database = new DatabaseSync(join(folder, FILE_NAME))
    database.exec('PRAGMA user_version = 999')
    database.close()
    const before = bytesOf(folder)
    refused(t, folder, /newer askfirst .*999.*nothing was changed/)
    t.strictSame(bytesOf(folder), before)
  })

  t.test('a database of another program', async (t) => {
    const folder = t.testdir({})
    const database = new DatabaseSync(join(folder, FILE_NAME))
    database.exec('CREATE TABLE theirs (x)')
    database.close()
    const before = bytesOf(folder)
    refused(t, folder, /another program.*nothing was changed/)
    t.strictSame(bytesOf(folder), before)
  })

  t.test('a file that is no database', async (t) => {
    const folder = t.testdir({ [FILE_NAME]: 'dear diary\n'.repeat(1000) })
    const before = bytesOf(folder)
    refused(t, folder, /damaged .*restore it .*--data folder; nothing was changed/)
    t.strictSame(bytesOf(folder), before)
  })

  t.test('a file that was cut', async (t) => {
    const folder = await aStoredFolder(t)
    truncateSync(join(folder, FILE_NAME), 40_960)
    const before = bytesOf(folder)
    refused(t, folder, /damaged/)
    t.strictSame(bytesOf(folder), before)
  })

  t.test('a damaged file with a log that has not been copied into it', async (t) => {
    const folder = await aKilledFolder(t, t.testdir({ open: {} }))
    damage(join(folder, `${FILE_NAME}-wal`), 0, 100)
    damage(join(folder, FILE_NAME), 0, 4096)
    const before = bytesOf(folder)
    t.ok(before[`${FILE_NAME}-wal`])
    refused(t, folder, /damaged/)
    t.strictSame(bytesOf(folder), before)
  })

  t.test('a data folder that is a file', async (t) => {
    const folder = t.testdir({ data: 'x' })
    refused(t, join(folder, 'data'), /cannot be created/)
  })
})

test('survives a byte that is wrong anywhere: refuses, or reads on and says so', async (t) => {
  const folder = await aStoredFolder(t)
  const good = readFileSync(join(folder, FILE_NAME))
  let refusals = 0
  for (let i = 0; i < 60; i++) {
    writeFileSync(join(folder, FILE_NAME), good)
    damage(join(folder, FILE_NAME), Math.floor((good.length * i) / 60), 64)
    try {
      const store = openSqliteStore({ folder, reserveBytes: 0 })
      const errors: unknown[] = []
      await store.load().catch((error) => errors.push(error))
      await listAll(store, { limit: 1000 }).catch((error) => errors.push(error))
      await store.close()
      if (errors.length > 0) refusals++
    } catch (error) {
      if (!(error instanceof StoreRefusedError)) throw error
      refusals++
    }
  }
  t.ok(refusals > 20, `${refusals} of 60 noticed`)
})

test('stops when a page is damaged while it is in use, and never says "not there"', async (t) => {
  const folder = t.testdir({})
  const tasks = Array.from({ length: 1000 }, () => anEndedTask())
  const id = (i: number): string => tasks[i]!.id
  const filled = open(t, folder)
  await commit(filled, ...tasks.map(insert))
  await filled.close()
  const good = readFileSync(join(folder, FILE_NAME))
  for (const i of [1, 400, 777]) {
    writeFileSync(join(folder, FILE_NAME), good)
    const told: Error[] = []
    const store = openSqliteStore({
      folder,
      reserveBytes: 0,
      onBroken: (error) => told.push(error),
    })
    // Where pages were split there are older copies.
    const row = `${id(i).slice(18)}expression`
    for (let at = good.indexOf(row); at >= 0; at = good.indexOf(row, at + 1)) {
      damage(join(folder, FILE_NAME), at - 25, 30)
    }
    const broken = {
      name: 'StoreBrokenError',
      type: 'store-broken',
      message: /is damaged.*restore/,
    }
    await t.rejects(store.get(id(i)), broken, `task ${i}`)
    await t.rejects(store.get(id(5)), broken, 'nothing more is said')
    t.match(told, { length: 1, 0: broken })
    await t.rejects(commit(store, insert(aTask())), broken, 'nothing more is written')
    await store.close()
  }
  writeFileSync(join(folder, FILE_NAME), good)
  const store = open(t, folder)
  t.equal(await store.get(aTask().id), undefined, 'what is really not there')
  t.equal(await store.get('nix'), undefined)
  t.equal(await store.get(id(0).replaceAll('9', '8')), undefined)
  t.equal(
    await store.get(id(7).replace('-8000-', '-9000-')),
    undefined,
    'another of the same number',
  )
})

test('stops when its files are removed, renamed or replaced while it is in use', async (t) => {
  for (const name of [FILE_NAME, `${FILE_NAME}-wal`]) {
    const folder = t.testdir({})
    const broken = new Promise<Error>((onBroken) => {
      const store = openSqliteStore({ folder, reserveBytes: 0, onBroken })
      t.teardown(() => store.close())
      void store.counts()
    })
    // Keeps this process alive: the watch alone does not.
    const alive = setInterval(() => {}, 1000)
    renameSync(join(folder, name), join(folder, 'elsewhere'))
    writeFileSync(join(folder, name), 'another')
    t.match(await broken, { name: 'StoreBrokenError', message: /was replaced.*put it back/ }, name)
    clearInterval(alive)
  }
})

test('promises nothing more from the first commit after its file is gone', async (t) => {
  const folder = t.testdir({})
  const store = openSqliteStore({ folder, reserveBytes: 0 })
  await commit(store, insert(aTask()))
  rmSync(join(folder, FILE_NAME))
  await new Promise((resolve) => setTimeout(resolve, 150))
  await t.rejects(commit(store, insert(aTask())), { message: /sqlite was removed or renamed/ })
  await store.close()
})

/** A store whose many large tasks have been removed, and the sizes of its files. */
async function afterAPeak(t: Test, folder: string) {
  const store = open(t, folder)
  await store.load()
  const input = JSON.stringify('x'.repeat(20_000))
  for (let i = 0; i < 20; i++) {
    const tasks = Array.from({ length: 50 }, () => insert(anEndedTask({ input })))
    await commit(store, ...tasks)
  }
  const bytesOfFile = (end = '') => statSync(join(folder, FILE_NAME + end)).size
  const atPeak = bytesOfFile() + bytesOfFile('-wal')
  const limits = { endedBefore: wallTime(0), keepMax: 1, rowsMax: 100 }
  while ((await store.trim(limits)) > 0);
  return { store, atPeak, limits, bytesOfFile }
}

test('what removed tasks took is given back to the disk, the log included', async (t) => {
  const { atPeak, store, bytesOfFile } = await afterAPeak(t, t.testdir({}))
  t.ok(atPeak > 20e6, `${atPeak} bytes`)
  while (bytesOfFile() > 2e6 || bytesOfFile('-wal') > 0) await pause(5)
  t.match(await store.counts(), { done: 1 })
  await commit(store, insert(aTask()))
  t.match(await store.counts(), { done: 1, pending: 1 }, 'and it works on')
})

test('a small store of an earlier version learns to give back when it is opened', async (t) => {
  const folder = t.testdir({})
  await open(t, folder).close()
  const file = join(folder, FILE_NAME)
  const vacuumOf = (sql: string) => {
    const database = new DatabaseSync(file)
    database.exec(sql)
    const mode = database.prepare('PRAGMA auto_vacuum').get()?.auto_vacuum
    database.close()
    return mode
  }
  t.equal(vacuumOf(''), 2, 'a new store')
  t.equal(vacuumOf('PRAGMA journal_mode = DELETE; PRAGMA auto_vacuum = NONE; VACUUM'), 0)
  const store = open(t, folder)
  await commit(store, insert(aTask()))
  await store.close()
  t.equal(vacuumOf(''), 2)
})
