// undici as both sides want it: JSON in lists, one pool per peer, and an error that says whether
// the request can have reached the peer.

import { Pool } from 'undici'
import type { Connector } from './secure.ts'

/** No usable answer. `delivered: false`: the request cannot have reached the peer. */
export class PeerError extends Error {
  override name = 'PeerError'
  readonly delivered: boolean
  readonly status: number | null
  constructor(message: string, delivered: boolean, status: number | null = null) {
    super(message)
    this.delivered = delivered
    this.status = status
  }
}

/** Errors of a connection that never was. */
const NOT_CONNECTED = ['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'ENOTFOUND', 'EAI_AGAIN']
const NEVER_SENT = [
  ...NOT_CONNECTED,
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_CLOSED',
  'UND_ERR_DESTROYED',
]
/** An answer of a peer is not read further than this, in bytes. */
const ANSWER_BYTES_MAX = 64 * 1024 * 1024

export type Peer = ReturnType<typeof createPeer>

/**
 * A peer at `origin`, such as http://10.0.0.5:9001, spoken to over at most `connections`
 * connections. A request that has no answer after `timeoutMs` is given up.
 */
export function createPeer(
  origin: string,
  given: { connections?: number; timeoutMs?: number; connect?: Connector | undefined } = {},
) {
  const { connections = 4, timeoutMs = 2000, connect } = given
  const open = () =>
    new Pool(origin, {
      connections,
      pipelining: 1,
      connect: connect ?? { timeout: timeoutMs },
      headersTimeout: timeoutMs,
      bodyTimeout: timeoutMs,
      keepAliveTimeout: 60_000,
      maxResponseSize: ANSWER_BYTES_MAX,
    })
  let pool = open()
  let closed: Promise<void> | undefined

  /**
   * Sends a request; gives the parsed answer, null when there is none (204). An answer that may take
   * longer has its own patience. Throws PeerError.
   */
  async function request(
    method: string,
    path: string,
    body?: string,
    patienceMs = timeoutMs,
  ): Promise<unknown> {
    const headers = body === undefined ? {} : { 'content-type': 'application/json' }
    let status: number
    let text: string
    try {
      const given = { method, path, headers, body: body ?? null, headersTimeout: patienceMs }
      const answer = await pool.request(given)
      status = answer.statusCode
      text = await answer.body.text()
    } catch (error) {
      throw toPeerError(error as Error & { code?: string })
    }
    if (status >= 300) throw new PeerError(`answered ${status}: ${detailOf(text)}`, true, status)
    if (status === 204) return null
    try {
      return JSON.parse(text)
    } catch {
      throw new PeerError('answered with something that is not JSON', true, status)
    }
  }

  return {
    origin,
    request,
    /** New connections from now on; what is under way ends on the old ones. */
    renew(): void {
      const old = pool
      pool = open()
      void old.close()
    },
    /** Ends all connections now; what is under way fails. Idempotent. */
    close: (): Promise<void> => (closed ??= pool.destroy()),
  }
}

/** What undici threw, as a PeerError in words. */
export function toPeerError(
  error: Error & { code?: string; errors?: { code?: string }[] },
): PeerError {
  const code = error.code ?? error.errors?.[0]?.code ?? ''
  const words = WORDS[code] ?? error.message
  return new PeerError(words, !NEVER_SENT.includes(code))
}

const WORDS: Record<string, string> = {
  ECONNREFUSED: 'connection refused',
  EHOSTUNREACH: 'host unreachable',
  ENETUNREACH: 'network unreachable',
  ENOTFOUND: 'name not found',
  UND_ERR_CONNECT_TIMEOUT: 'no connection in time',
  UND_ERR_HEADERS_TIMEOUT: 'no answer in time',
  UND_ERR_BODY_TIMEOUT: 'the answer broke off',
  UND_ERR_SOCKET: 'the connection broke',
  ECONNRESET: 'the connection was reset',
}

/** What a peer said of its refusal: a problem's detail, or the start of its text. */
function detailOf(text: string): string {
  try {
    const { detail, title } = JSON.parse(text) as { detail?: string; title?: string }
    return String(detail ?? title ?? text).slice(0, 500)
  } catch {
    return text.slice(0, 200)
  }
}
