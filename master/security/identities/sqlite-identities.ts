// The SQLite driver of the identities: a small file of its own beside the tasks, because the command line
// writes to it while a master runs. It works in this thread: only the command line, joins and renewals write.

import { closeSync, existsSync, openSync } from 'node:fs'
import type { DatabaseSync, SQLOutputValue } from 'node:sqlite'
import type { WallTime } from '../../../shared/data/clock.ts'
import { later, msOf, wallTime } from '../../../shared/data/clock.ts'
import type { Scope } from '../../../shared/protocol/contract.ts'
import { SCOPES } from '../../../shared/protocol/contract.ts'
import {
  checkIfSmall,
  inTransaction,
  migrate,
  openDatabase,
  pragmaOf,
} from '../../../shared/sqlite/database.ts'
import type { StoreBrokenError } from '../../store/guard.ts'
import { createGuard } from '../../store/guard.ts'
import type { Certificate, Hashed, IdentityStore, Key, Token, Write } from './identity-store.ts'

const PRAGMAS = `
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = FULL;
`

// Files of earlier versions have some of these tables and no version.
const TABLES = `
  CREATE TABLE IF NOT EXISTS facts (name TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS keys (
    id TEXT NOT NULL PRIMARY KEY, hash TEXT NOT NULL UNIQUE, client TEXT NOT NULL,
    scopes TEXT NOT NULL, createdAt INTEGER NOT NULL, expiresAt INTEGER, revokedAt INTEGER
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS tokens (
    id TEXT NOT NULL PRIMARY KEY, hash TEXT NOT NULL UNIQUE, slave TEXT, usesLeft INTEGER NOT NULL,
    createdAt INTEGER NOT NULL, expiresAt INTEGER NOT NULL, revokedAt INTEGER
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS joins (
    token TEXT NOT NULL, publicKey TEXT NOT NULL, slave TEXT NOT NULL, PRIMARY KEY (token, publicKey)
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS certificates (
    serial TEXT NOT NULL PRIMARY KEY, slave TEXT NOT NULL, issuedAt INTEGER NOT NULL,
    expiresAt INTEGER NOT NULL, revokedAt INTEGER
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS expired (id TEXT NOT NULL PRIMARY KEY) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS shutOut (slave TEXT NOT NULL PRIMARY KEY) WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS tokens_by_expiry ON tokens (expiresAt);
  CREATE INDEX IF NOT EXISTS certificates_by_slave ON certificates (slave);
`
const MIGRATIONS = [TABLES]

const BUSY_MS = 5_000
/** Certificates are removed this long after they expired. In milliseconds. */
const KEEP_MS = 2_592_000_000

/**
 * Opens or makes the file at `path`. Throws the errors of SQLite. `onBroken` is called, once at most, when
 * the file is damaged or gone while it is in use.
 */
export function openSqliteIdentities(
  path: string,
  onBroken?: (error: StoreBrokenError) => void,
): IdentityStore {
  // SQLite gives its log the mode of the file.
  if (!existsSync(path)) closeSync(openSync(path, 'a', 0o600))
  const database = openDatabase(path, { busyMs: BUSY_MS, pragmas: PRAGMAS }, (opened) => {
    migrate(opened, MIGRATIONS)
    checkIfSmall(opened)
  })
  const guard = createGuard(path, onBroken)
  guard.watch()
  const sql = statements(database)
  let version = -1

  return {
    load: async (now) =>
      guard.run(() => {
        version = pragmaOf(database, 'data_version')
        sql.forget.run(msOf(later(now, -KEEP_MS)))
        return {
          facts: new Map(sql.facts.all().map((row) => [String(row.name), String(row.value)])),
          keys: sql.keys.all().map(keyOf),
          certificates: sql.certificates.all(msOf(now)).map(certificateOf),
          expired: sql.expired.all().map(({ id }) => String(id)),
          shutOut: sql.shutOut.all().map(({ slave }) => String(slave)),
        }
      }),

    async changed() {
      const stopped = guard.look()
      if (stopped) throw stopped
      return guard.run(() => pragmaOf(database, 'data_version') !== version)
    },

    tokens: async (expire) =>
      guard.run(() => {
        if (!expire) return sql.tokens.all().map(tokenOf)
        return sql.tokensBetween.all(msOf(expire.from), msOf(expire.to)).map(tokenOf)
      }),

    write: async (change) => guard.run(() => inTransaction(database, () => sql.write(change))),

    revoke: async (what, id, now) =>
      guard.run(() =>
        inTransaction(database, () => {
          if (what === 'slave') sql.shut.run(id)
          return Number(sql.revoke[what].run(msOf(now), id).changes)
        }),
      ),

    useToken: async ({ hash, slave, publicKey, now }, refuse) =>
      guard.run(() =>
        inTransaction(database, () => {
          const row = sql.tokenBy.get(hash)
          if (!row) return refuse(undefined)
          const token = tokenOf(row)
          const join = sql.join.get(token.id, publicKey)
          const refusal = refuse({
            token,
            joined: join ? String(join.slave) : null,
            isShutOut: sql.isShutOut.get(slave) !== undefined,
            hasCertificate: sql.hasCertificate.get(slave, msOf(now)) !== undefined,
          })
          if (refusal === null && !join) {
            sql.take.run(token.id)
            sql.addJoin.run(token.id, publicKey, slave)
            sql.letIn.run(slave)
          }
          return refusal
        }),
      ),

    addCertificate: async ({ serial, slave, issuedAt, expiresAt }, before) =>
      guard.run(() =>
        inTransaction(database, () => {
          if (sql.isShutOut.get(slave) || (before !== null && sql.isRevoked.get(before)))
            return false
          sql.addCertificate.run(serial, slave, msOf(issuedAt), msOf(expiresAt))
          return true
        }),
      ),

    async close() {
      if (database.isOpen) database.close()
    },
  }
}

function statements(database: DatabaseSync) {
  const sql = (text: string) => database.prepare(text)
  const setFact = sql('REPLACE INTO facts VALUES (?, ?)')
  const addKey = sql('INSERT INTO keys VALUES (?, ?, ?, ?, ?, ?, NULL)')
  const addToken = sql('INSERT INTO tokens VALUES (?, ?, ?, ?, ?, ?, NULL)')
  const noteExpired = sql('INSERT OR IGNORE INTO expired VALUES (?)')
  const revoke = (table: string, column: string) =>
    sql(`UPDATE ${table} SET revokedAt = ? WHERE ${column} = ? AND revokedAt IS NULL`)

  return {
    facts: sql('SELECT name, value FROM facts'),
    keys: sql('SELECT * FROM keys'),
    certificates: sql('SELECT * FROM certificates WHERE expiresAt > ?'),
    expired: sql('SELECT id FROM expired'),
    shutOut: sql('SELECT slave FROM shutOut'),
    forget: sql('DELETE FROM certificates WHERE expiresAt < ?'),
    tokens: sql('SELECT * FROM tokens ORDER BY createdAt'),
    tokensBetween: sql('SELECT * FROM tokens WHERE expiresAt BETWEEN ? AND ? ORDER BY createdAt'),
    tokenBy: sql('SELECT * FROM tokens WHERE hash = ?'),
    join: sql('SELECT slave FROM joins WHERE token = ? AND publicKey = ?'),
    addJoin: sql('INSERT INTO joins VALUES (?, ?, ?)'),
    take: sql('UPDATE tokens SET usesLeft = usesLeft - 1 WHERE id = ?'),
    isShutOut: sql('SELECT 1 FROM shutOut WHERE slave = ?'),
    shut: sql('REPLACE INTO shutOut VALUES (?)'),
    letIn: sql('DELETE FROM shutOut WHERE slave = ?'),
    hasCertificate: sql(
      'SELECT 1 FROM certificates WHERE slave = ? AND revokedAt IS NULL AND expiresAt > ?',
    ),
    isRevoked: sql('SELECT 1 FROM certificates WHERE serial = ? AND revokedAt IS NOT NULL'),
    addCertificate: sql('INSERT INTO certificates VALUES (?, ?, ?, ?, NULL)'),
    revoke: {
      key: revoke('keys', 'id'),
      token: revoke('tokens', 'id'),
      slave: revoke('certificates', 'slave'),
    },

    write(change: Write): void {
      switch (change.do) {
        case 'set-fact':
          return void setFact.run(change.name, change.value)
        case 'add-key': {
          const { id, hash, client, scopes, createdAt, expiresAt } = change.key
          const times = [msOf(createdAt), expiresAt === null ? null : msOf(expiresAt)]
          return void addKey.run(id, hash, client, scopes.join(','), ...times)
        }
        case 'add-token': {
          const { id, hash, slave, usesLeft, createdAt, expiresAt } = change.token
          return void addToken.run(id, hash, slave, usesLeft, msOf(createdAt), msOf(expiresAt))
        }
        case 'note-expired':
          for (const id of change.ids) noteExpired.run(id)
      }
    },
  }
}

type Row = Record<string, SQLOutputValue>

const timeOf = (value: SQLOutputValue | undefined): WallTime => wallTime(Number(value))
const timeOrNull = (value: SQLOutputValue | undefined): WallTime | null =>
  value === null ? null : timeOf(value)
const isScope = (word: string): word is Scope => SCOPES.some((scope) => scope === word)

const keyOf = (row: Row): Hashed<Key> => ({
  id: String(row.id),
  hash: String(row.hash),
  client: String(row.client),
  scopes: String(row.scopes).split(',').filter(isScope),
  createdAt: timeOf(row.createdAt),
  expiresAt: timeOrNull(row.expiresAt),
  revokedAt: timeOrNull(row.revokedAt),
})

const tokenOf = (row: Row): Token => ({
  id: String(row.id),
  slave: row.slave === null ? null : String(row.slave),
  usesLeft: Number(row.usesLeft),
  createdAt: timeOf(row.createdAt),
  expiresAt: timeOf(row.expiresAt),
  revokedAt: timeOrNull(row.revokedAt),
})

const certificateOf = (row: Row): Certificate => ({
  serial: String(row.serial),
  slave: String(row.slave),
  issuedAt: timeOf(row.issuedAt),
  expiresAt: timeOf(row.expiresAt),
  revokedAt: timeOrNull(row.revokedAt),
})
