// People who signed in to the page: a cookie that stands for a key, so that the key itself need not
// be kept by the browser. In memory: a master that starts again asks again.

import { hash, randomBytes } from 'node:crypto'
import type { Identities, Key } from './identities/store.ts'

/** A session ends after this, in milliseconds, and at most so many are open. */
export const SESSION_MS = 43_200_000
const SESSIONS_MAX = 10_000
const COOKIE = 'askfirst-session'

export type Sessions = ReturnType<typeof createSessions>

export function createSessions(given: { identities: Identities; now: () => number }) {
  const { identities, now } = given
  const sessions = new Map<string, { key: string; until: number }>()

  return {
    /** Opens a session for a key; gives its id. */
    open(key: Key): string {
      const id = randomBytes(32).toString('base64url')
      sessions.set(hashOf(id), { key: key.id, until: now() + SESSION_MS })
      if (sessions.size > SESSIONS_MAX) sessions.delete(sessions.keys().next().value as string)
      return id
    },
    /** The key that a session stands for, as it is now. */
    keyOf(id: string): Key | undefined {
      const session = sessions.get(hashOf(id))
      return session && session.until > now() ? identities.keyById(session.key) : undefined
    },
    close: (id: string): void => void sessions.delete(hashOf(id)),
  }
}

const hashOf = (id: string): string => hash('sha256', id, 'hex')

/** The session's id in a Cookie header, or null. */
export const sessionOf = (cookie: string): string | null =>
  new RegExp(`(?:^|;\\s*)${COOKIE}=([A-Za-z0-9_-]{43})(?:;|$)`).exec(cookie)?.[1] ?? null

/** The Set-Cookie header that begins a session, or with an empty id ends it. */
export const cookieFor = (id: string): string =>
  `${COOKIE}=${id}; Path=/; HttpOnly; Secure; SameSite=Strict; Max-Age=${id ? SESSION_MS / 1000 : 0}`
