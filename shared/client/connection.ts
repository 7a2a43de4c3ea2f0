// HTTP connection to one master: retries, JSON responses, problems as errors. Knows no task and no job.
//
// A request is retried for `patienceMs` when the connection breaks or the master refuses for now (503, 429):
// after `Retry-After` if the master sent it, else with exponential backoff. Only idempotent requests are
// sent twice: a POST needs an Idempotency-Key.

import type { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { Pool } from 'undici'
import { parseAsWritten } from '../data/written-numbers.ts'
import { paced } from '../http/exchange-deadline.ts'
import { toPeerError } from '../http/peer.ts'
import { withoutTrailingSlashes } from '../http/url.ts'
import type { ProblemDocument } from './errors.ts'
import { ProblemError, UnreachableError } from './errors.ts'

export type ConnectionSettings = {
  /** URL of the master; its path is a prefix of all addresses. Default http://127.0.0.1:8080 */
  url?: string
  /** Sent as `Authorization: Bearer`. */
  key?: string | undefined
  /** CA certificates (PEM) in place of the system's. */
  ca?: string | undefined
  /** How long a request is retried while the master is unreachable or refuses for now. Default 30,000 ms. */
  patienceMs?: number
  /** The most connections at a time. Default 16. */
  connections?: number
  /** Numbers that JSON.stringify would change keep the text that the master sent. */
  asWritten?: boolean
  /** Called before each retry. */
  onRetry?: ((why: Error, inMs: number) => void) | undefined
}

export type Manners = {
  /** Aborts the request and its retries. */
  signal?: AbortSignal | undefined
  /** Overrides the connection's. */
  patienceMs?: number | undefined
}

export type Request = Manners & {
  method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE'
  path: string
  headers?: Record<string, string>
  /** The body: JSON, or bytes that are created for each try. */
  json?: unknown
  bytes?: () => Readable | Uint8Array
  /** The master may hold the request this long before it responds. */
  waitMs?: number
  /** Whether the request may be sent again although it may have arrived. Default: all but a POST. */
  repeatable?: boolean
  /** The response has no end (a stream of events): it is broken when it is silent. */
  endless?: boolean
}

export type Answer = {
  status: number
  headers: Record<string, string | string[] | undefined>
  body: Readable & { text(): Promise<string> }
}

export type Connection = ReturnType<typeof createConnection>

export const DEFAULT_URL = 'http://127.0.0.1:8080'
export const PATIENCE_MS = 30_000
/**
 * The whole exchange is over within this, beyond what the master was allowed to wait and what the
 * bytes of a transfer take (shared/http/exchange-deadline.ts). In milliseconds.
 */
const ANSWER_MS = 30_000
/** A master writes to a stream of events every 10 s: after this silence the stream is broken. */
const SILENCE_MS = 35_000
/** Longer JSON responses are not read. In bytes. */
const JSON_BYTES_MAX = 256 * 1024 * 1024
const CONNECT_MS = 10_000
/** Backoff before a retry without Retry-After: doubled each time. */
const REST_MS = { first: 200, most: 5_000 }
/** At most this share is added to a pause, so that clients do not retry all at once. */
const JITTER = 0.2

export function createConnection(settings: ConnectionSettings = {}) {
  const { url = DEFAULT_URL, key, ca, connections = 16, onRetry } = settings
  const { origin, pathname } = new URL(url)
  const base = withoutTrailingSlashes(pathname)
  const pool = new Pool(origin, {
    connections,
    pipelining: 1,
    connect: { timeout: CONNECT_MS, ...(ca === undefined ? {} : { ca }) },
    keepAliveTimeout: 60_000,
  })
  const own = key === undefined ? {} : { authorization: `Bearer ${key}` }
  let closed: Promise<void> | undefined

  return {
    url: `${origin}${base}`,

    /** Sends a request; the parsed response, null when it is empty. Throws ProblemError, UnreachableError. */
    async json<T>(request: Request): Promise<{ status: number; value: T; answer: Answer }> {
      return insist(request, async () => {
        const answer = await once(request, JSON_BYTES_MAX)
        const text = await textOf(answer)
        return { status: answer.status, value: parse(text) as T, answer }
      })
    },

    /** Sends a request; the response as a stream, which the caller must read to its end or destroy. */
    open: (request: Request): Promise<Answer> => insist(request, () => once(request)),

    /** Closes all connections; requests under way fail. Idempotent. */
    close: (): Promise<void> => (closed ??= pool.destroy()),
  }

  /**
   * p-retry is not used: its pause depends on the number of tries only, so that Retry-After would be a second
   * pause beside it, and a pause that cannot end in time is shortened, where this one fails at once.
   */
  async function insist<T>(request: Request, attempt: () => Promise<T>): Promise<T> {
    const { patienceMs = settings.patienceMs ?? PATIENCE_MS, signal } = request
    const until = performance.now() + patienceMs
    for (let tries = 0; ; tries++) {
      try {
        return await attempt()
      } catch (error) {
        const restMs = signal?.aborted ? null : restBefore(request, error as Error, tries)
        if (restMs === null || performance.now() + restMs > until) throw error
        onRetry?.(error as Error, restMs)
        await sleep(restMs, undefined, { signal })
      }
    }
  }

  /** Sends it once. Throws for every response that is not a success. */
  async function once(request: Request, bytesMax?: number): Promise<Answer> {
    const { method, path, headers, json, bytes, waitMs = 0, signal, endless = false } = request
    const timeoutMs = waitMs + ANSWER_MS
    const limits = { timeoutMs, ...(bytesMax === undefined ? {} : { bytesMax }) }
    const sender = endless ? pool : pool.compose(paced(limits))
    const type = json === undefined ? {} : { 'content-type': 'application/json' }
    const prefer = waitMs > 0 ? { prefer: `wait=${Math.ceil(waitMs / 1000)}` } : {}
    try {
      const {
        statusCode,
        headers: said,
        body,
      } = await sender.request({
        method,
        path: base + path,
        headers: { ...own, ...type, ...prefer, ...headers },
        body: json === undefined ? (bytes?.() ?? null) : JSON.stringify(json),
        headersTimeout: timeoutMs,
        bodyTimeout: endless ? SILENCE_MS : 0,
        ...(signal ? { signal } : {}),
      })
      const answer: Answer = { status: statusCode, headers: said, body }
      if (statusCode >= 300) throw await problemOf(answer)
      return answer
    } catch (error) {
      if (error instanceof ProblemError || signal?.aborted) throw error
      throw unreachable(error as Error)
    }
  }

  async function textOf({ body }: Answer): Promise<string> {
    try {
      return await body.text()
    } catch (error) {
      throw unreachable(error as Error)
    }
  }

  function parse(text: string): unknown {
    if (text === '') return null
    try {
      return settings.asWritten ? parseAsWritten(text) : JSON.parse(text)
    } catch {
      throw new UnreachableError(
        url,
        'another program answers at this address, not an askfirst master',
        true,
      )
    }
  }

  async function problemOf(answer: Answer): Promise<ProblemError> {
    const text = await answer.body.text()
    const seconds = Number(answer.headers['retry-after'] ?? Number.NaN)
    const retryAfterMs = Number.isFinite(seconds) ? seconds * 1000 : null
    return new ProblemError(documentOf(answer.status, text), retryAfterMs)
  }

  function unreachable(error: Error): UnreachableError {
    const { message, delivered } = toPeerError(error)
    return new UnreachableError(url, message, delivered)
  }
}

/** A query of the fields that are given, with its question mark; empty where none is. */
export function queryOf(fields: object): string {
  const given = Object.entries(fields).filter(([, value]) => value !== undefined)
  const query = new URLSearchParams(given.map(([name, value]) => [name, String(value)]))
  return query.size === 0 ? '' : `?${query}`
}

/** The problem document of a response; one is made if a proxy or another program sent something else. */
function documentOf(status: number, text: string): ProblemDocument {
  try {
    const document = JSON.parse(text) as ProblemDocument
    if (typeof document.type === 'string') return { ...document, status }
  } catch {
    // Not JSON: the document below says so.
  }
  return { type: 'not-understood', status, detail: `answered ${status}: ${text.slice(0, 200)}` }
}

/** The pause before a retry in milliseconds; null: no retry. */
function restBefore(request: Request, error: Error, tries: number): number | null {
  const repeatable = request.repeatable ?? request.method !== 'POST'
  if (error instanceof UnreachableError) {
    return repeatable || !error.delivered ? restMs(tries) : null
  }
  if (!isForNow(error)) return null
  const { retryAfterMs } = error
  return retryAfterMs === null ? restMs(tries) : retryAfterMs * jitter()
}

/** The backoff after this many failed tries, in milliseconds. */
export const restMs = (tries: number): number =>
  Math.min(REST_MS.most, REST_MS.first * 2 ** tries) * jitter()

const jitter = (): number => 1 + JITTER * Math.random()

/** Whether the master refused for now. Nothing was stored; the same request may be accepted later. */
export const isForNow = (error: unknown): error is ProblemError =>
  error instanceof ProblemError && (error.status === 503 || error.status === 429)
