// People who signed in to the page: a cookie that stands for a key, so that the key itself need not
// be kept by the browser. In memory: a master that starts again asks again.

import { hash, randomBytes } from 'node:crypto'
import type { WallTime } from '../../shared/data/clock.ts'
import { later } from '../../shared/data/clock.ts'
import type { Identities, Key } from './identities/store.ts'

/** A session ends after this, in milliseconds; so many are open at most, and of one key. */
export const SESSION_MS = 43_200_000
const SESSIONS_MAX = 10_000
const SESSIONS_OF_KEY_MAX = 20
const COOKIE = 'askfirst-session'

export type Sessions = ReturnType<typeof createSessions>

export function createSessions(given: { identities: Identities; wall: () => WallTime }) {
  const { identities, wall } = given
  const sessions = new Map<string, { key: string; until: WallTime }>()
  /** The hashes of each key's sessions, oldest first. */
  const ofKey = new Map<string, Set<string>>()

  return {
    /** Opens a session for a key; gives its id. Beyond what is open at most, its oldest ends. */
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
      // For good: it has ended, even when the wall clock is set back.
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
export const sessionOf = (cookie: string): string | null =>
  new RegExp(`(?:^|;\\s*)${COOKIE}=([A-Za-z0-9_-]{43})(?:;|$)`).exec(cookie)?.[1] ?? null

/** The Set-Cookie header that begins a session, or with an empty id ends it. */
export const cookieFor = (id: string): string =>
  `${COOKIE}=${id}; Path=/; HttpOnly; Secure; SameSite=Strict; Max-Age=${id ? SESSION_MS / 1000 : 0}`
