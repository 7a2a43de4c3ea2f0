// The seam between the identities (identities.ts) and what stores them. Rules for every driver, which one
// contract suite checks (test/master/security/identities/contract.ts):
//   - a write is durable, all of it or nothing, when its promise resolves;
//   - calls of one process take effect in the order in which they are made;
//   - other processes may write at any time, such as the command line.
//
// Any call rejects with StoreBrokenError when the store is damaged or gone.

import type { WallTime } from '../../../shared/data/clock.ts'
import type { Scope } from '../../../shared/protocol/contract.ts'

/** A time that is null: never. */
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

/** Keys and tokens are stored with the SHA-256 of their secret, in hexadecimal. */
export type Hashed<Row> = Row & { hash: string }

/** What is kept in memory, so that no request waits for the store. */
export type Snapshot = {
  facts: ReadonlyMap<string, string>
  keys: readonly Hashed<Key>[]
  /** Those that have not expired. */
  certificates: readonly Certificate[]
  /** Ids of keys and tokens whose expiry was seen to pass. */
  expired: readonly string[]
  /** Slaves that are shut out. */
  shutOut: readonly string[]
}

/** What decides whether a slave may use a token. */
export type TokenUse = {
  token: Token
  /** The slave that has used this token with the same public key; null: none. */
  joined: string | null
  isShutOut: boolean
  /** Whether a slave of this name has a certificate that is neither revoked nor expired. */
  hasCertificate: boolean
}

export type Write =
  | { do: 'set-fact'; name: string; value: string }
  | { do: 'add-key'; key: Hashed<Key> }
  | { do: 'add-token'; token: Hashed<Token> }
  | { do: 'note-expired'; ids: readonly string[] }

export type IdentityStore = {
  /** Reads the snapshot, and removes what has been over for long. */
  load(now: WallTime): Promise<Snapshot>
  /** Whether another process has written since the last load. */
  changed(): Promise<boolean>
  /** The tokens that expire from one time to another, oldest first; without times all. */
  tokens(expire?: { from: WallTime; to: WallTime }): Promise<Token[]>
  write(change: Write): Promise<void>
  /**
   * Revokes a key, a token or all certificates of a slave, which is shut out from then on. Resolves with
   * how many keys, tokens or certificates were revoked: those that had been before do not count.
   */
  revoke(what: 'key' | 'token' | 'slave', id: string, now: WallTime): Promise<number>
  /**
   * In one transaction: reads what decides about the token (undefined: there is none with this hash),
   * calls `refuse`, and resolves with what that returns. When it returns null and this key has not joined
   * yet, takes a use from the token, notes the key, and no longer shuts the slave out.
   */
  useToken<R>(
    by: { hash: string; slave: string; publicKey: string; now: WallTime },
    refuse: (use: TokenUse | undefined) => R | null,
  ): Promise<R | null>
  /**
   * Stores a certificate, in place of the one with the serial `before`, if any. Resolves with false, and
   * stores nothing, when the slave is shut out or that one was revoked.
   */
  addCertificate(certificate: Certificate, before: string | null): Promise<boolean>
  /** Idempotent. */
  close(): Promise<void>
}
