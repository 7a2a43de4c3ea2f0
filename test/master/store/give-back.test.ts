// Free pages are returned in small steps, and a file that cannot be read stops the store as a damaged
// page does everywhere else.

import { DatabaseSync } from 'node:sqlite'
import type { Test } from 'tap'
import t from 'tap'
import { createGiveBack } from '../../../master/store/give-back.ts'
import { createGuard } from '../../../master/store/guard.ts'
import { SQLITE } from '../../../shared/sqlite/errors.ts'

const corrupt = () =>
  Object.assign(new Error('database disk image is malformed'), { errcode: SQLITE.CORRUPT })

/** A file with 2,000 free pages, and what is done with it. */
function setUp(t: Test, about: { isShort?: boolean[]; damaged?: boolean } = {}) {
  const path = '/data/some.sqlite'
  const database = new DatabaseSync(':memory:')
  database.exec(`PRAGMA auto_vacuum = INCREMENTAL; CREATE TABLE a (b);
    INSERT INTO a VALUES (zeroblob(2000 * 4096)); DELETE FROM a`)
  const did: string[] = []
  const stopped = Promise.withResolvers<Error>()
  const ended = Promise.withResolvers<void>()
  const guard = createGuard(path, stopped.resolve)
  const isShort = about.isShort ?? [true]
  const giveBack = createGiveBack({
    guard,
    database: {
      get isOpen() {
        return database.isOpen
      },
      exec: (sql) => database.exec(sql),
      prepare(sql) {
        const statement = database.prepare(sql)
        if (about.damaged && sql.includes('freelist_count')) {
          statement.get = () => {
            throw corrupt()
          }
        }
        return statement
      },
    },
    write(change) {
      did.push('step')
      change()
      return true
    },
    truncateLog() {
      did.push('log')
      const is = isShort.shift() ?? true
      if (isShort.length === 0) ended.resolve()
      return is
    },
  })
  // Its timers keep no process alive. A test takes a second at most.
  const alive = setTimeout(() => {}, 20_000)
  t.teardown(() => {
    clearTimeout(alive)
    giveBack.close()
    database.close()
  })
  const pages = (): number => Number(database.prepare('PRAGMA page_count').get()?.page_count)
  return { giveBack, did, pages, ended: ended.promise, stopped: stopped.promise, path }
}

t.test('a file is made short in many steps, then its log', async (t) => {
  const { giveBack, did, pages, ended } = setUp(t)
  const before = pages()
  giveBack.start()
  giveBack.start()
  await ended
  const steps = did.filter((what) => what === 'step').length
  t.ok(steps >= (before - 256) / 256, `${steps} steps`)
  t.same(did.slice(steps), ['log'])
  t.ok(pages() < 300, `${pages()} pages`)
})

t.test('a long log is copied in one step and truncated in the next', async (t) => {
  const { giveBack, did, ended } = setUp(t, { isShort: [false, true] })
  giveBack.start()
  await ended
  t.same(did.slice(-3), ['step', 'log', 'log'])
})

t.test('a log that stays long is left until the next trim', async (t) => {
  const { giveBack, did, ended } = setUp(t, { isShort: [false, false, false, true] })
  giveBack.start()
  const logs = () => did.filter((what) => what === 'log').length
  while (logs() < 2) await new Promise((resolve) => setTimeout(resolve, 5))
  await new Promise((resolve) => setTimeout(resolve, 100))
  t.equal(logs(), 2)
  giveBack.start()
  await ended
  t.equal(logs(), 4)
})

t.test('a damaged page stops the store with the words of a start', async (t) => {
  const { giveBack, did, stopped, path } = setUp(t, { damaged: true })
  giveBack.start()
  const { name, message } = await stopped
  t.equal(name, 'StoreBrokenError')
  t.equal(
    message,
    `the store ${path} is damaged (database disk image is malformed): restore it (and ${path}-wal, ` +
      'if there is one) from a copy, or start with another --data folder',
  )
  t.same(did, [], 'nothing is written')
})
