// undici as both sides want it: JSON in lists, one pool per peer, and an error that says whether
// the request can have reached the peer.

import type { Dispatcher } from 'undici'
import { Pool } from 'undici'
import type { Connector } from './tls.ts'

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
/** An answer of a peer may be this long when the caller does not say, in bytes. */
const ANSWER_BYTES_MAX = 64 * 1024 * 1024
/** Of an answer that is not a success no more than this is read, in bytes. */
const REFUSAL_BYTES_MAX = 64 * 1024

/** Limits of one exchange. */
export type ExchangeLimits = {
  /** The deadline of the whole exchange: connect, send, headers and body together. */
  timeoutMs?: number
  /** A longer answer is cut off, and is no answer. */
  bytesMax?: number
}

export type Peer = ReturnType<typeof createPeer>

/**
 * A peer at `origin`, such as http://10.0.0.5:9001, reached over at most `connections` connections.
 * `timeoutMs` is the deadline of a whole exchange, however the peer spreads its answer over time.
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
      // The deadline of the exchange covers these.
      headersTimeout: 0,
      bodyTimeout: 0,
      keepAliveTimeout: 60_000,
    })
  let pool = open()
  let closed: Promise<void> | undefined

  /**
   * Sends a request; gives the parsed answer, null when there is none (204). `decode` parses an answer
   * in place of JSON.parse: for one whose text is passed on. Throws PeerError.
   */
  async function request(
    method: Dispatcher.HttpMethod,
    path: string,
    body?: string,
    limits: ExchangeLimits = {},
    decode: (text: string) => unknown = JSON.parse,
  ): Promise<unknown> {
    const { status, text } = await exchange(
      pool,
      { method, path, headers: body === undefined ? {} : JSON_TYPE, body: body ?? null },
      { timeoutMs, bytesMax: ANSWER_BYTES_MAX, ...limits },
    )
    if (status >= 300) throw new PeerError(`answered ${status}: ${detailOf(text)}`, true, status)
    if (status === 204) return null
    try {
      return decode(text)
    } catch {
      throw new PeerError('the response is not JSON', true, status)
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

const JSON_TYPE = { 'content-type': 'application/json' }

/** One request and its whole answer, within one deadline. Throws PeerError. */
function exchange(
  pool: Pool,
  request: Dispatcher.DispatchOptions,
  { timeoutMs, bytesMax }: Required<ExchangeLimits>,
): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    let sending: Dispatcher.DispatchController | undefined
    let status = 0
    let bytes = 0
    let given: PeerError | undefined
    const chunks: Buffer[] = []
    const timer = setTimeout(() => {
      const what = sending ? WORDS.UND_ERR_HEADERS_TIMEOUT : WORDS.UND_ERR_CONNECT_TIMEOUT
      const words = status === 0 ? what : `the response took longer than ${timeoutMs} ms`
      giveUp(new PeerError(`${words}`, sending !== undefined))
    }, timeoutMs)

    // A handler in place of `pool.request`: it knows whether the request was ever sent.
    pool.dispatch(request, {
      onRequestStart(controller) {
        if (given) controller.abort(given)
        else sending = controller
      },
      onResponseStart(_controller, statusCode) {
        status = statusCode
      },
      onResponseData(_controller, chunk) {
        bytes += chunk.length
        const most = status >= 300 ? Math.min(bytesMax, REFUSAL_BYTES_MAX) : bytesMax
        if (bytes <= most) chunks.push(chunk)
        else giveUp(new PeerError(`answered ${status} with more than ${most} bytes`, true, status))
      },
      onResponseEnd() {
        clearTimeout(timer)
        resolve({ status, text: Buffer.concat(chunks).toString('utf8') })
      },
      onResponseError(_controller, error) {
        clearTimeout(timer)
        reject(given ?? toPeerError(error))
      },
    })

    function giveUp(error: PeerError): void {
      if (given) return
      given = error
      clearTimeout(timer)
      reject(error)
      sending?.abort(error)
    }
  })
}

/** What undici threw, as a PeerError in words. */
export function toPeerError(
  error: Error & { code?: string; errors?: { code?: string }[] },
): PeerError {
  if (error instanceof PeerError) return error
  const code = error.code ?? error.errors?.[0]?.code ?? ''
  const words = WORDS[code] ?? error.message
  return new PeerError(words, !NEVER_SENT.includes(code))
}

const NOT_TRUSTED =
  'its certificate is signed by an unknown authority: give the authority with --ca FILE or ASKFIRST_CA (ca.pem in the data folder of the master)'
const NO_TLS = 'the port does not use TLS: use http://, or check the port'

/** Somebody answers there; what is wrong is how he is asked. */
export const isMisaddressed = (words: string): boolean => [NOT_TRUSTED, NO_TLS].includes(words)

const WORDS: Record<string, string> = {
  SELF_SIGNED_CERT_IN_CHAIN: NOT_TRUSTED,
  DEPTH_ZERO_SELF_SIGNED_CERT: NOT_TRUSTED,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: NOT_TRUSTED,
  UNABLE_TO_GET_ISSUER_CERT: NOT_TRUSTED,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: NOT_TRUSTED,
  ERR_SSL_WRONG_VERSION_NUMBER: NO_TLS,
  ERR_SSL_PACKET_LENGTH_TOO_LONG: NO_TLS,
  ECONNREFUSED: 'connection refused',
  EHOSTUNREACH: 'host unreachable',
  ENETUNREACH: 'network unreachable',
  ENOTFOUND: 'name not found',
  UND_ERR_CONNECT_TIMEOUT: 'connection timeout',
  UND_ERR_HEADERS_TIMEOUT: 'response timeout',
  UND_ERR_BODY_TIMEOUT: 'the response was interrupted',
  UND_ERR_SOCKET: 'the connection was interrupted',
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
