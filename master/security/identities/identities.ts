// Who may speak to a master: keys of clients, tokens to join with, certificates that were issued. Checks
// read a snapshot of the store in memory; each second it is read again if another process has written.
//
// Keys and tokens are 256 random bits, kept as their SHA-256. A slow hash, as for passwords, would
// protect nothing: there is no list of likely keys to try, and each request would pay for it.

import { hash, randomBytes } from 'node:crypto'
import type { WallTime } from '../../../shared/data/clock.ts'
import { later, msBetween, systemClock, wallTime } from '../../../shared/data/clock.ts'
import type { Scope } from '../../../shared/protocol/contract.ts'
import type { Certificate, Hashed, IdentityStore, Key, Token, TokenUse } from './identity-store.ts'

/** Instead of a client's name: sees the tasks of all clients. */
export const EVERYBODY = '*'

/** As it is now. An expiry that was seen to pass stays passed, whatever the wall clock says. */
export type Listed<Row> = Row & { hasExpired: boolean }

/** Why a token does not let a slave in. */
export type Refusal = 'unknown' | 'expired' | 'other-name' | 'used' | 'name-taken' | 'shut-out'

const LOOK_MS = 1_000
const BEGINNING = wallTime(0)

/** The prefix tells keys and tokens apart, for people and for scanners of secrets. */
const draw = (prefix: string): string => `${prefix}${randomBytes(32).toString('base64url')}`
const drawId = (prefix: string): string => `${prefix}${randomBytes(5).toString('hex')}`
const hashOf = (secret: string): string => hash('sha256', secret, 'hex')

export type Identities = Awaited<ReturnType<typeof openIdentities>>

/** The identities in a store, which is closed with them. Rejects when the store cannot be read. */
export async function openIdentities(
  store: IdentityStore,
  wall: () => WallTime = systemClock.wall,
) {
  let facts = new Map<string, string>()
  let byHash = new Map<string, Key>()
  let byId = new Map<string, Key>()
  let bySerial = new Map<string, Certificate>()
  let shutOut = new Set<string>()
  /** Keys and tokens whose expiry has passed: it stays so when the wall clock is set back. */
  let expired = new Set<string>()
  /** Those of them that the store has. */
  let written = new Set<string>()
  /** Grows whenever a caller may have been let in or shut out. */
  let epoch = 0
  let lookedAt = BEGINNING
  const listeners: ((slave: string) => void)[] = []
  let last: Promise<unknown> = Promise.resolve()
  await read()
  const timer = setInterval(() => void inTurn(look).catch(() => {}), LOOK_MS)
  timer.unref()

  return {
    get epoch() {
      return epoch
    },

    fact: (name: string): string | undefined => facts.get(name),
    setFact: (name: string, value: string): Promise<void> =>
      inTurn(async () => {
        await store.write({ do: 'set-fact', name, value })
        facts.set(name, value)
      }),

    /** The key, if there is one, whatever became of it. One hash and one look in a map. */
    keyOf: (secret: string): Key | undefined => byHash.get(hashOf(secret)),
    keyById: (id: string): Key | undefined => byId.get(id),
    /** Whether a key lets its owner in: it was not revoked and has not expired. */
    isGood: (key: Key | undefined): key is Key => key?.revokedAt === null && !hasExpired(key),
    keys: (): Listed<Key>[] =>
      [...byId.values()].map(listed).toSorted((a, b) => msBetween(b.createdAt, a.createdAt)),
    /** Makes a key. Its secret is not kept. Without a client the key is a client of its own. */
    createKey(about: { client?: string; scopes: readonly Scope[]; ttlMs?: number }) {
      const secret = draw('afk_')
      const id = drawId('k')
      const { scopes, ttlMs } = about
      const client = about.client ?? (scopes.includes('admin') ? EVERYBODY : id)
      const createdAt = wall()
      const expiresAt = ttlMs === undefined ? null : later(createdAt, ttlMs)
      const key = {
        id,
        hash: hashOf(secret),
        client,
        scopes,
        createdAt,
        expiresAt,
        revokedAt: null,
      }
      return inTurn(async () => {
        await store.write({ do: 'add-key', key })
        await read()
        return { id, secret }
      })
    },
    /** Whether there was a key to revoke. */
    revokeKey: (id: string): Promise<boolean> => revoke('key', id).then(Boolean),

    tokens: async (): Promise<Listed<Token>[]> => (await store.tokens()).map(listed),
    createToken(about: { slave: string | null; uses: number; ttlMs: number }) {
      const secret = draw('afj_')
      const id = drawId('t')
      const { slave, uses: usesLeft, ttlMs } = about
      const createdAt = wall()
      const token: Hashed<Token> = {
        id,
        hash: hashOf(secret),
        slave,
        usesLeft,
        createdAt,
        expiresAt: later(createdAt, ttlMs),
        revokedAt: null,
      }
      return inTurn(async () => {
        await store.write({ do: 'add-token', token })
        return { id, secret }
      })
    },
    /** Whether there was a token to revoke. */
    revokeToken: (id: string): Promise<boolean> => revoke('token', id).then(Boolean),

    /**
     * Uses up a token for a slave and its public key. Resolves with null, or why not. The same slave with
     * the same key may repeat it while the token lasts: an answer may have been lost.
     */
    useToken: (secret: string, slave: string, publicKey: string): Promise<Refusal | null> =>
      inTurn(async () => {
        const by = { hash: hashOf(secret), slave, publicKey, now: wall() }
        const refusal = await store.useToken(by, (use) => refusalOf(use, slave))
        if (refusal === null) shutOut.delete(slave)
        return refusal
      }),

    /** The certificates of slaves that have not expired. */
    certificates: (): Certificate[] =>
      [...bySerial.values()].toSorted((a, b) => msBetween(b.issuedAt, a.issuedAt)),
    certificateOf: (serial: string): Certificate | undefined => bySerial.get(serial),
    /**
     * Notes a certificate before it is handed out, in place of the one with the serial `before`, if any.
     * Resolves with false when the slave was shut out meanwhile.
     */
    noteCertificate: (
      about: Pick<Certificate, 'serial' | 'slave' | 'expiresAt'>,
      before: string | null,
    ): Promise<boolean> =>
      inTurn(async () => {
        const certificate = { ...about, issuedAt: wall(), revokedAt: null }
        const noted = await store.addCertificate(certificate, before)
        if (noted) bySerial.set(about.serial, certificate)
        return noted
      }),
    /** Shuts a slave out until a token for its name lets it in. Resolves with its number of certificates. */
    revokeSlave: (slave: string): Promise<number> => revoke('slave', slave),
    /** Calls `run` with each slave that is shut out, by whichever process. */
    onShutOut: (run: (slave: string) => void): void => void listeners.push(run),

    /** Idempotent. */
    close(): Promise<void> {
      clearInterval(timer)
      return inTurn(() => store.close())
    },
  }

  /** One call after the other: a snapshot that is being read must not lack what is written meanwhile. */
  function inTurn<T>(run: () => Promise<T>): Promise<T> {
    const next = last.then(run)
    last = next.catch(() => {})
    return next
  }

  function revoke(what: 'key' | 'token' | 'slave', id: string): Promise<number> {
    return inTurn(async () => {
      const revoked = await store.revoke(what, id, wall())
      await read()
      return revoked
    })
  }

  function refusalOf(use: TokenUse | undefined, slave: string): Refusal | null {
    if (!use || use.token.revokedAt !== null) return 'unknown'
    const { token, joined } = use
    if (hasExpired(token)) return 'expired'
    if (token.slave !== null && token.slave !== slave) return 'other-name'
    if (joined !== null) return joined === slave ? null : 'other-name'
    if (token.usesLeft <= 0) return 'used'
    // A token for this very name takes it over: the VM was made again.
    if (token.slave !== null) return null
    if (use.isShutOut) return 'shut-out'
    return use.hasCertificate ? 'name-taken' : null
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

  /**
   * Reads what another process has written, and writes what has expired. What fails is tried again a second
   * later: a store that is broken has said so, and the command line may have the file for a moment.
   */
  async function look(): Promise<void> {
    if (await store.changed()) await read()
    const now = wall()
    const from = now < lookedAt ? BEGINNING : lookedAt
    for (const each of [...byId.values(), ...(await store.tokens({ from, to: now }))])
      hasExpired(each)
    lookedAt = now
    const ids = [...expired.difference(written)]
    if (ids.length === 0) return
    await store.write({ do: 'note-expired', ids })
    for (const id of ids) written.add(id)
  }

  async function read(): Promise<void> {
    const snapshot = await store.load(wall())
    facts = new Map(snapshot.facts)
    byHash = new Map(snapshot.keys.map(({ hash, ...key }) => [hash, key]))
    byId = new Map([...byHash.values()].map((key) => [key.id, key]))
    bySerial = new Map(snapshot.certificates.map((each) => [each.serial, each]))
    written = new Set(snapshot.expired)
    expired = expired.union(written)
    epoch++
    const before = shutOut
    shutOut = new Set(snapshot.shutOut)
    for (const slave of shutOut.difference(before)) for (const tell of listeners) tell(slave)
  }
}
