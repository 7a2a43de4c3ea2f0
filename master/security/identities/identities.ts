// Who may speak to the master: keys of clients, tokens to join with, certificates that were issued.
// One small SQLite file of its own beside the tasks, because the command line writes to it while a
// master runs; the master holds a copy in memory and looks each second whether the file has changed.
//
// Keys and tokens are 256 random bits, kept as their SHA-256. A slow hash, as for passwords, would
// protect nothing: there is no list of likely keys to try, and each request would pay for it.

import { createHash, hash, randomBytes } from 'node:crypto'
import { closeSync, existsSync, openSync } from 'node:fs'
import type { WallTime } from '../../../shared/data/clock.ts'
import { msBetween, msOf, systemClock } from '../../../shared/data/clock.ts'
import type { Scope } from '../../../shared/protocol/contract.ts'
import { inTransaction, migrate, openDatabase } from '../../../shared/sqlite/database.ts'
import type { StoreBrokenError } from '../../store/guard.ts'
import { createGuard } from '../../store/guard.ts'

/** Whoever has this in place of a client's name sees the tasks of all clients. */
export const EVERYBODY = '*'

/** Of times null is: never. */
export type Key = {
  id: string
  /** Whose tasks it sees. */
  client: string
  scopes: readonly Scope[]
  createdAt: WallTime
  expiresAt: WallTime | null
  revokedAt: WallTime | null
}
export type Token = {
  id: string
  /** The name that it is good for; null: any that is not in use. */
  slave: string | null
  usesLeft: number
  createdAt: WallTime
  expiresAt: WallTime
  revokedAt: WallTime | null
}
export type Certificate = {
  serial: string
  slave: string
  issuedAt: WallTime
  expiresAt: WallTime
  revokedAt: WallTime | null
}

/** As it stands now. An expiry that has been seen to pass stays passed, whatever the wall clock says. */
export type Listed<Row> = Row & { hasExpired: boolean }

type NewCertificate = Omit<Certificate, 'revokedAt' | 'issuedAt'>

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
const LOOK_MS = 1_000
/** Rows of what is over are removed after this. */
const KEEP_MS = 2_592_000_000

/** Keys and tokens are told apart by how they begin, by people and by scanners of secrets. */
export const KEY_PATTERN = /^afk_[A-Za-z0-9_-]{43}$/
const draw = (prefix: string): string => `${prefix}${randomBytes(32).toString('base64url')}`
const hashOf = (secret: string): string => hash('sha256', secret, 'hex')

export type Identities = ReturnType<typeof openIdentities>

/**
 * Opens or makes the file. `onBroken` is called, once at most, when the file is damaged or gone while
 * it is in use.
 */
export function openIdentities(
  path: string,
  wall: () => WallTime = systemClock.wall,
  onBroken?: (error: StoreBrokenError) => void,
) {
  // SQLite gives its log the mode of the file.
  if (!existsSync(path)) closeSync(openSync(path, 'a', 0o600))
  const options = { busyMs: BUSY_MS, pragmas: PRAGMAS }
  const database = openDatabase(path, options, (opened) => void migrate(opened, MIGRATIONS))
  let byHash = new Map<string, Key>()
  let byId = new Map<string, Key>()
  let bySerial = new Map<string, Certificate>()
  let version = -1
  /** Grows whenever somebody may have been let in or shut out. */
  let epoch = 0
  const nowMs = (): number => msOf(wall())
  const versionOf = database.prepare('PRAGMA data_version')
  const listeners: ((slave: string) => void)[] = []
  let shutOut = new Set<string>()
  /** Keys and tokens whose expiry has passed: if the wall clock is set back, it has passed still. */
  let expired = new Set<string>()
  /** Those of them that are written down. */
  let written = new Set<string>()
  let lookedMs = 0
  const guard = createGuard(path, onBroken)
  read()
  guard.watch()
  const { run } = guard
  const timer = setInterval(lookAround, LOOK_MS)
  timer.unref()

  return {
    get epoch() {
      return epoch
    },
    look,

    fact: (name: string): string | undefined =>
      run(() => database.prepare('SELECT value FROM facts WHERE name = ?').get(name))?.value as
        | string
        | undefined,
    setFact: (name: string, value: string): void =>
      void run(() => database.prepare('REPLACE INTO facts VALUES (?, ?)').run(name, value)),

    /** The key, when there is one, whatever became of it. One hash and one look in a map. */
    keyOf: (secret: string): Key | undefined => byHash.get(hashOf(secret)),
    keyById: (id: string): Key | undefined => byId.get(id),
    /** Whether a key lets its owner in: it was neither revoked nor has it expired. */
    isGood: (key: Key | undefined): key is Key => key?.revokedAt === null && !hasExpired(key),
    keys: (): Listed<Key>[] =>
      [...byHash.values()].map(listed).toSorted((a, b) => msBetween(b.createdAt, a.createdAt)),
    /** Makes a key and gives it, this once. Without a client it is its own. */
    createKey(about: { client?: string; scopes: readonly Scope[]; ttlMs?: number }) {
      const secret = draw('afk_')
      const id = `k${randomBytes(5).toString('hex')}`
      const { client = about.scopes.includes('admin') ? EVERYBODY : id, scopes, ttlMs } = about
      const expiresAt = ttlMs === undefined ? null : nowMs() + ttlMs
      run(() => {
        database
          .prepare('INSERT INTO keys VALUES (?, ?, ?, ?, ?, ?, NULL)')
          .run(id, hashOf(secret), client, scopes.join(','), nowMs(), expiresAt)
        read()
      })
      return { id, secret }
    },
    revokeKey: (id: string): boolean => revokeOne('keys', id),

    tokens: (): Listed<Token>[] => {
      const sql = `SELECT id, slave, usesLeft, createdAt, expiresAt, revokedAt FROM tokens`
      const rows = run(() => database.prepare(`${sql} ORDER BY createdAt`).all())
      return (rows as unknown as Token[]).map(listed)
    },
    createToken(about: { slave: string | null; uses: number; ttlMs: number }) {
      const secret = draw('afj_')
      const id = `t${randomBytes(5).toString('hex')}`
      run(() =>
        database
          .prepare('INSERT INTO tokens VALUES (?, ?, ?, ?, ?, ?, NULL)')
          .run(id, hashOf(secret), about.slave, about.uses, nowMs(), nowMs() + about.ttlMs),
      )
      return { id, secret }
    },
    revokeToken: (id: string): boolean => revokeOne('tokens', id),

    /**
     * Uses up a token for a slave and its public key: null, or why not. The same slave with the same
     * key may say it again while the token lasts: an answer may have been lost.
     */
    useToken: (secret: string, slave: string, publicKey: string): Refusal | null =>
      atomically(() => useToken(secret, slave, publicKey)),

    /** The certificates of slaves that have not expired. */
    certificates: (): Certificate[] =>
      [...bySerial.values()].toSorted((a, b) => msBetween(b.issuedAt, a.issuedAt)),
    certificateOf: (serial: string): Certificate | undefined => bySerial.get(serial),
    /**
     * Notes one before it is handed out, in place of the one with the serial `before`, if any; false
     * when the slave was shut out meanwhile.
     */
    noteCertificate: (certificate: NewCertificate, before: string | null): boolean =>
      atomically(() => noteCertificate(certificate, before)),
    /** Shuts a slave out, until a token for its name lets it in again. Gives how many certificates it had. */
    revokeSlave: (slave: string): number => {
      const revoked = atomically(() => {
        database.prepare('REPLACE INTO shutOut VALUES (?)').run(slave)
        return revoke('certificates', 'slave', slave)
      })
      read()
      return revoked
    },
    /** Calls back with each slave that is shut out, by whichever process. */
    onShutOut: (run: (slave: string) => void): void => void listeners.push(run),

    /** Idempotent. */
    close(): void {
      clearInterval(timer)
      if (database.isOpen) database.close()
    },
  }

  function atomically<T>(change: () => T): T {
    return run(() => inTransaction(database, change))
  }

  function useToken(secret: string, slave: string, publicKey: string): Refusal | null {
    const found = hashOf(secret)
    const token = database.prepare('SELECT * FROM tokens WHERE hash = ?').get(found) as
      | Token
      | undefined
    if (!token || token.revokedAt !== null) return 'unknown'
    if (hasExpired(token)) return 'expired'
    if (token.slave !== null && token.slave !== slave) return 'other-name'
    const known = database
      .prepare('SELECT slave FROM joins WHERE token = ? AND publicKey = ?')
      .get(token.id, publicKey)
    if (known) return known.slave === slave ? null : 'other-name'
    if (token.usesLeft <= 0) return 'used'
    if (token.slave === null && isShutOut(slave)) return 'shut-out'
    const named = [...bySerial.values()].some(
      (each) => each.slave === slave && each.revokedAt === null && each.expiresAt > wall(),
    )
    // Whoever was given a token for this very name may take it over: a VM was made anew.
    if (named && token.slave === null) return 'name-taken'
    database.prepare('UPDATE tokens SET usesLeft = usesLeft - 1 WHERE id = ?').run(token.id)
    database.prepare('INSERT INTO joins VALUES (?, ?, ?)').run(token.id, publicKey, slave)
    database.prepare('DELETE FROM shutOut WHERE slave = ?').run(slave)
    shutOut.delete(slave)
    return null
  }

  function noteCertificate(certificate: NewCertificate, before: string | null): boolean {
    const { serial, slave, expiresAt } = certificate
    if (isShutOut(slave)) return false
    // What is in memory may lack what another process has just revoked.
    const revoked = 'SELECT 1 FROM certificates WHERE serial = ? AND revokedAt IS NOT NULL'
    if (before !== null && database.prepare(revoked).get(before)) return false
    database
      .prepare('INSERT INTO certificates VALUES (?, ?, ?, ?, NULL)')
      .run(serial, slave, nowMs(), msOf(expiresAt))
    bySerial.set(serial, { ...certificate, issuedAt: wall(), revokedAt: null })
    return true
  }

  function isShutOut(slave: string): boolean {
    return database.prepare('SELECT 1 FROM shutOut WHERE slave = ?').get(slave) !== undefined
  }

  function revoke(table: 'keys' | 'tokens' | 'certificates', by: string, value: string): number {
    const { changes } = database
      .prepare(`UPDATE ${table} SET revokedAt = ? WHERE ${by} = ? AND revokedAt IS NULL`)
      .run(nowMs(), value)
    return Number(changes)
  }

  function revokeOne(table: 'keys' | 'tokens', id: string): boolean {
    return run(() => {
      const revoked = revoke(table, 'id', id) > 0
      read()
      return revoked
    })
  }

  function lookAround(): void {
    if (guard.look()) return
    try {
      run(look)
      run(keepExpired)
    } catch {
      // A damaged page has been told; the command line may have the file for a moment.
    }
  }

  /** Once it has, it stays so, whatever the wall clock says later. */
  function hasExpired({ id, expiresAt }: Pick<Key, 'id' | 'expiresAt'>): boolean {
    if (expired.has(id)) return true
    if (expiresAt === null || expiresAt > wall()) return false
    expired.add(id)
    epoch++
    return true
  }

  function listed<Row extends Pick<Key, 'id' | 'expiresAt'>>(row: Row): Listed<Row> {
    return { ...row, hasExpired: hasExpired(row) }
  }

  /** Finds what has expired since it looked last, and writes down what is not written yet. */
  function keepExpired(): void {
    if (!database.isOpen) return
    const ms = nowMs()
    const sql = 'SELECT id, expiresAt FROM tokens WHERE expiresAt BETWEEN ? AND ?'
    const tokens = database.prepare(sql).all(ms < lookedMs ? 0 : lookedMs, ms)
    lookedMs = ms
    for (const each of [...byHash.values(), ...(tokens as unknown as Token[])]) hasExpired(each)
    if (expired.size === written.size) return
    const insert = database.prepare('INSERT OR IGNORE INTO expired VALUES (?)')
    for (const id of expired.difference(written)) {
      insert.run(id)
      written.add(id)
    }
  }

  /** Takes over what another process has written. */
  function look(): void {
    if (database.isOpen && Number(versionOf.get()?.data_version) !== version) read()
  }

  function read(): void {
    version = Number(versionOf.get()?.data_version)
    const rows = database.prepare('SELECT * FROM keys').all()
    byHash = new Map(
      rows.map((row) => {
        const { hash, scopes, ...key } = row as unknown as Key & { hash: string; scopes: string }
        return [hash, { ...key, scopes: (scopes as unknown as string).split(',') as Scope[] }]
      }),
    )
    byId = new Map([...byHash.values()].map((key) => [key.id, key]))
    database.prepare('DELETE FROM certificates WHERE expiresAt < ?').run(nowMs() - KEEP_MS)
    const issued = database.prepare('SELECT * FROM certificates WHERE expiresAt > ?').all(nowMs())
    bySerial = new Map((issued as unknown as Certificate[]).map((each) => [each.serial, each]))
    const over = database.prepare('SELECT id FROM expired').all()
    written = new Set(over.map(({ id }) => id as string))
    expired = expired.union(written)
    epoch++
    const before = shutOut
    const names = database.prepare('SELECT slave FROM shutOut').all()
    shutOut = new Set(names.map(({ slave }) => slave as string))
    for (const slave of shutOut) {
      if (!before.has(slave)) for (const tell of listeners) tell(slave)
    }
  }
}

/** Why a token does not let a slave in. */
export type Refusal = 'unknown' | 'expired' | 'other-name' | 'used' | 'name-taken' | 'shut-out'

/** What names a secret where the secret itself must not stand, such as in a log. */
export const fingerprint = (secret: string): string =>
  createHash('sha256').update(secret).digest('hex').slice(0, 8)
