// What all our SQLite files share: transactions and numbered migrations.

import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import t from 'tap'
import { inTransaction, migrate, openDatabase, pragmaOf } from '../../../shared/sqlite/database.ts'
import { NewerFileError } from '../../../shared/sqlite/errors.ts'

const OPTIONS = { busyMs: 100, pragmas: 'PRAGMA journal_mode = WAL' }
const rowsOf = (database: DatabaseSync) =>
  database
    .prepare('SELECT value FROM list ORDER BY value')
    .all()
    .map(({ value }) => value)

t.test('runs the steps that a file has not had, in order, once', async (t) => {
  const path = join(t.testdir(), 'file.sqlite')
  const ran: number[] = []
  const steps = [
    'CREATE TABLE list (value INTEGER NOT NULL)',
    (database: DatabaseSync) => {
      ran.push(2)
      database.exec('INSERT INTO list VALUES (2)')
    },
    'INSERT INTO list VALUES (3)',
  ]
  const open = (count: number) => {
    let before = -1
    const database = openDatabase(path, OPTIONS, (opened) => {
      before = migrate(opened, steps.slice(0, count), 7)
    })
    t.teardown(() => database.isOpen && database.close())
    return { database, before }
  }
  const first = open(2)
  t.equal(first.before, 0)
  t.same(rowsOf(first.database), [2])
  first.database.close()
  const second = open(3)
  t.equal(second.before, 2)
  t.same(rowsOf(second.database), [2, 3])
  t.equal(pragmaOf(second.database, 'user_version'), 3)
  t.equal(pragmaOf(second.database, 'application_id'), 7)
  t.equal(open(3).before, 3)
  t.same(ran, [2])
  t.throws(() => open(2), NewerFileError, 'a newer program wrote it')
})

t.test('a step that fails leaves the file as it was, and closes it', async (t) => {
  const path = join(t.testdir(), 'file.sqlite')
  let used: DatabaseSync | undefined
  const steps = [
    'CREATE TABLE list (value INTEGER NOT NULL)',
    'INSERT INTO list VALUES (1); INSERT INTO nothing VALUES (1)',
  ]
  const open = (count: number) =>
    openDatabase(path, OPTIONS, (opened) => {
      used = opened
      migrate(opened, steps.slice(0, count))
    })
  t.throws(() => open(2), /nothing/)
  t.notOk(used?.isOpen)
  const database = open(1)
  t.teardown(() => database.close())
  t.same(rowsOf(database), [])
  t.equal(pragmaOf(database, 'user_version'), 1)
})

t.test('a transaction is written as a whole, or not at all', async (t) => {
  const database = new DatabaseSync(':memory:')
  t.teardown(() => database.close())
  database.exec('CREATE TABLE list (value INTEGER NOT NULL)')
  const add = (value: number) => database.exec(`INSERT INTO list VALUES (${value})`)
  const fail = () => {
    add(1)
    throw new Error('no')
  }
  t.throws(() => inTransaction(database, fail), /no/)
  t.notOk(database.isTransaction)
  t.equal(
    inTransaction(database, () => {
      add(2)
      return 'result'
    }),
    'result',
  )
  t.same(rowsOf(database), [2])
})
