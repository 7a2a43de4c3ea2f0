// The SQLite driver of the identities.

import { renameSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { Test } from 'tap'
import t from 'tap'
import { openSqliteIdentities } from '../../../../master/security/identities/sqlite-identities.ts'
import { StoreBrokenError } from '../../../../master/store/guard.ts'
import { wallTime } from '../../../../shared/data/clock.ts'
import { identityStoreContract } from './contract.ts'

const NOW = wallTime(1_790_000_000_000)

identityStoreContract(t, 'a file', async (t) => {
  const path = join(t.testdir(), 'auth.sqlite')
  let store = open(t, path)
  const reopen = async () => {
    await store.close()
    store = open(t, path)
    return store
  }
  return { store, reopen, another: async () => open(t, path) }
})

function open(t: Test, path: string, onBroken?: (error: Error) => void) {
  const store = openSqliteIdentities(path, onBroken)
  t.teardown(() => store.close())
  return store
}

t.test('only its owner can read the file', { skip: process.platform === 'win32' }, async (t) => {
  const path = join(t.testdir(), 'auth.sqlite')
  open(t, path)
  for (const each of [path, `${path}-wal`]) t.equal(statSync(each).mode & 0o777, 0o600)
})

t.test('a file of an earlier version, without a number and with fewer tables, opens', async (t) => {
  const path = join(t.testdir(), 'auth.sqlite')
  const database = new DatabaseSync(path)
  database.exec(`
    CREATE TABLE keys (
      id TEXT NOT NULL PRIMARY KEY, hash TEXT NOT NULL UNIQUE, client TEXT NOT NULL,
      scopes TEXT NOT NULL, createdAt INTEGER NOT NULL, expiresAt INTEGER, revokedAt INTEGER
    ) WITHOUT ROWID;
    INSERT INTO keys VALUES ('k1', 'h', '*', 'admin', 5, NULL, NULL);
  `)
  database.close()
  t.match(await open(t, path).load(NOW), { keys: [{ id: 'k1', scopes: ['admin'] }], expired: [] })
})

t.test('a file that is removed while it is in use breaks the store, once', async (t) => {
  const path = join(t.testdir(), 'auth.sqlite')
  const broken: Error[] = []
  const store = open(t, path, (error) => broken.push(error))
  await store.load(NOW)
  renameSync(path, `${path}.away`)
  await t.rejects(store.changed(), {
    name: StoreBrokenError.name,
    message: /was removed or renamed/,
  })
  await t.rejects(store.load(NOW), { name: StoreBrokenError.name })
  await t.rejects(store.write({ do: 'set-fact', name: 'a', value: 'b' }))
  t.equal(broken.length, 1)
})
