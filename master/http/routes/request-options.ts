// What handlers read of a request beside its parsed body: options in its headers (Prefer, Idempotency-Key,
// traceparent, If-None-Match) and query, and the JSON text of the body's fields.

import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Static } from 'typebox'
import { textOf } from '../../../shared/data/json-bytes.ts'
import { oddNumbers } from '../../../shared/data/json-numbers.ts'
import type { Span, TextOf } from '../../../shared/data/raw-json.ts'
import { fieldsOf, scan } from '../../../shared/data/raw-json.ts'
import { invalidRequest } from '../../../shared/http/validate.ts'
import type { DryRunQuery } from '../../../shared/protocol/api/fields.ts'
import { readTrace } from '../../../shared/protocol/trace.ts'
import { EVERYBODY } from '../../security/identities/identities.ts'
import type { Manners } from '../task-requests.ts'
import { requestHash } from '../task-requests.ts'

/** The JSON text of each field of a body that is an object. */
export const bodyFields = ({ bodyBytes }: FastifyRequest): TextOf =>
  bodyBytes.length === 0 ? () => undefined : fieldsOf(bodyBytes, scan(bodyBytes, 1))

/** Ids and SHA-256 are stored in small letters (RFC 9562, 4). Text that is not hexadecimal stays as it is. */
export const inSmallLetters = (text: string): string =>
  /^[0-9A-Fa-f-]+$/.test(text) ? text.toLowerCase() : text

/** `Prefer: wait=N`, `Idempotency-Key`, `traceparent`. Throws `invalid-request`. */
export function manners(request: FastifyRequest, waitMsMax: number): Manners {
  const waitMs = preferredWaitMs(request, waitMsMax)
  const trace = readTrace(request.headers)
  const key = request.headers['idempotency-key']
  const client = ownerOf(request)
  if (key === undefined) return { waitMs, trace, client, idempotencyKey: null, requestHash: null }
  // Implementations disagree about the meaning of other bytes in a header (RFC 9110, 5.5).
  if (typeof key === 'string' && !/^[\x20-\x7e]*$/.test(key)) {
    const rule = 'must be printable ASCII (letters without accents, digits, punctuation)'
    throw invalidRequest([{ field: 'Idempotency-Key', rule }])
  }
  const odd = oddNumbers(request.bodyBytes.toString())
  const said = keyed('Idempotency-Key', key, [request.url, request.body], client, odd)
  return { waitMs, trace, client, ...said }
}

/**
 * An item of a batch without its key, and the key. The hash is that of a single POST with the same header
 * and body, so that each can repeat the other. Throws `invalid-request`.
 */
export function itemManners(
  item: unknown,
  common: Pick<Manners, 'waitMs' | 'trace' | 'client'>,
  bytes: Buffer,
  span: Span | undefined,
): [body: unknown, said: Manners] {
  const { waitMs, trace, client } = common
  if (typeof item !== 'object' || item === null || !('idempotencyKey' in item)) {
    return [item, { waitMs, trace, client, idempotencyKey: null, requestHash: null }]
  }
  const { idempotencyKey, ...body } = item
  const odd = span === undefined ? '' : oddNumbers(textOf(bytes, span))
  const said = keyed('idempotencyKey', idempotencyKey, ['/tasks', body], client, odd)
  return [body, { waitMs, trace, client, ...said }]
}

/** Keys are stored per client: two clients that choose the same key get tasks of their own. */
function keyed(field: string, key: unknown, said: unknown, client: string | null, odd: string) {
  // The store replaces a lone surrogate, so that two different keys would become equal.
  if (typeof key === 'string' && key.length > 0 && key.length <= 255 && key.isWellFormed()) {
    const idempotencyKey = client === null ? ofNobody(key) : `client:${client}:${key}`
    return { idempotencyKey, requestHash: requestHash(said, odd) }
  }
  throw invalidRequest([{ field, rule: 'must be well-formed text of 1 to 255 characters' }])
}

/** Prefixes of the keys of clients and of job parts. */
const TAKEN = /^(client|part|any):/

/** The key of a request without a client: it never equals one with such a prefix. */
const ofNobody = (key: string): string => (TAKEN.test(key) ? `any:${key}` : key)

/** `Prefer: wait=N` (RFC 7240): N seconds, as milliseconds; 0 when not given. */
export function preferredWaitMs(request: FastifyRequest, mostMs: number): number {
  const given = request.headers.prefer
  if (given === undefined) return 0
  const seconds = /(?:^|[,;\s])wait\s*=\s*"?(\d{1,9})"?(?=$|[,;\s])/i.exec(String(given))?.[1]
  return seconds === undefined ? 0 : Math.min(mostMs, Number(seconds) * 1000)
}

/** Aborts when the connection of a held request closes; undefined for a request that is not held. */
export function goneOf({ raw }: FastifyReply, waitMs: number): AbortSignal | undefined {
  if (waitMs <= 0) return undefined
  const gone = new AbortController()
  if (raw.destroyed) gone.abort()
  else raw.once('close', () => raw.writableFinished || gone.abort())
  return gone.signal
}

/** The client that owns what this request creates; null: no particular client. */
export const ownerOf = ({ caller }: FastifyRequest): string | null =>
  caller.client === EVERYBODY ? null : caller.client

const DRY_RUN = new Map([
  ['', true],
  ['true', true],
  ['1', true],
  ['false', false],
  ['0', false],
])

/** Whether the client asks only what would happen. Throws `invalid-request`. */
export function isDryRun({ 'dry-run': said }: Static<typeof DryRunQuery>): boolean {
  const isDry = said === undefined ? false : DRY_RUN.get(said.toLowerCase())
  if (isDry !== undefined) return isDry
  throw invalidRequest([{ field: 'dry-run', rule: 'must be true, false or without a value' }])
}

/** Whether the client's copy is current, by If-None-Match (RFC 9110, 13.1.2). */
export function isUnchanged({ headers }: FastifyRequest, etag: string): boolean {
  const asked = headers['if-none-match']
  if (asked === undefined) return false
  if (asked.trim() === '*') return true
  return asked.split(',').some((each) => each.trim().replace(/^W\//, '') === etag)
}
