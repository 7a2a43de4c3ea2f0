// The join line: all that a new slave must be told, in one piece that can be pasted. It carries a
// token and the SHA-256 of the authority, so that a slave knows whom it tells the token.

/** `afj_TOKEN@https://HOST:PORT#sha256:HEX` */
export type JoinLine = { token: string; master: string; pin: string }

const FORM = /^(afj_[A-Za-z0-9_-]{43})@(https:\/\/[^\s#@/]+)#sha256:([0-9a-f]{64})$/

/** Reads a join line; null when it is none. */
export function parseJoinLine(text: string): JoinLine | null {
  const [, token, master, pin] = FORM.exec(text.trim()) ?? []
  if (!token || !master || !pin || !URL.canParse(master)) return null
  return { token, master, pin }
}

export const formatJoinLine = ({ token, master, pin }: JoinLine): string =>
  `${token}@${master}#sha256:${pin}`
