// Sessions of users who signed in to the page: a cookie stands for a key, so that the browser does not
// store the key. Sessions are kept in memory: after a restart of the master, users sign in again.
//
// @fastify/cookie is not used: its plugin parses the cookies of every request in a hook, and one cookie of a
// fixed form takes one expression to read and one line to write.

import { hash, randomBytes } from 'node:crypto'
import type { WallTime } from '../../shared/data/clock.ts'
import { later } from '../../shared/data/clock.ts'
import type { Identities } from './identities/identities.ts'
import type { Key } from './identities/identity-store.ts'

/** Lifetime of a session in milliseconds; the most open sessions, and the most of one key. */
export const SESSION_MS = 43_200_000
const SESSIONS_MAX = 10_000
const SESSIONS_OF_KEY_MAX = 20
const COOKIE = 'askfirst-session'
const IN_HEADER = new RegExp(`(?:^|;\\s*)${COOKIE}=([A-Za-z0-9_-]{43})(?:;|$)`)

export type Sessions = ReturnType<typeof createSessions>

export function createSessions(given: { identities: Identities; wall: () => WallTime }) {
  const { identities, wall } = given
  const sessions = new Map<string, { key: string; until: WallTime }>()
  /** The hashes of each key's sessions, oldest first. */
  const ofKey = new Map<string, Set<string>>()

  return {
    /** Opens a session for a key and returns its id. Above a limit, the oldest session ends. */
    open(key: Key): string {
      const id = randomBytes(32).toString('base64url')
      const hashed = hashOf(id)
      sessions.set(hashed, { key: key.id, until: later(wall(), SESSION_MS) })
      const mine = ofKey.get(key.id) ?? new Set()
      ofKey.set(key.id, mine.add(hashed))
      if (mine.size > SESSIONS_OF_KEY_MAX) close(first(mine))
      if (sessions.size > SESSIONS_MAX) close(first(sessions))
      return id
    },
    /** The key that a session stands for, as it is now. */
    keyOf(id: string): Key | undefined {
      const hashed = hashOf(id)
      const session = sessions.get(hashed)
      if (!session) return undefined
      if (session.until > wall()) return identities.keyById(session.key)
      // A session that has expired stays so, even if the wall clock is set back.
      close(hashed)
      return undefined
    },
    close: (id: string): void => close(hashOf(id)),
  }

  function close(hashed: string): void {
    const key = sessions.get(hashed)?.key
    if (key === undefined) return
    sessions.delete(hashed)
    const mine = ofKey.get(key)
    mine?.delete(hashed)
    if (mine?.size === 0) ofKey.delete(key)
  }
}

const first = (ids: Set<string> | Map<string, unknown>): string => ids.keys().next().value as string

const hashOf = (id: string): string => hash('sha256', id, 'hex')

/** The session's id in a Cookie header, or null. */
export const sessionOf = (cookie: string): string | null => IN_HEADER.exec(cookie)?.[1] ?? null

/** The Set-Cookie header that starts a session; with an empty id, the one that ends it. */
export const cookieFor = (id: string): string =>
  `${COOKIE}=${id}; Path=/; HttpOnly; Secure; SameSite=Strict; Max-Age=${id ? SESSION_MS / 1000 : 0}`
