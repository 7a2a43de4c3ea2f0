// Sends the bytes of a blob: whole, a range of it (RFC 9110, section 14), or that it is unchanged.

import type { OutgoingHttpHeaders } from 'node:http'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Problem } from '../../../shared/protocol/problems.ts'
import type { BlobRecord, Blobs } from '../../jobs/blobs.ts'
import { isUnchanged } from './request-options.ts'

/** Uploaded content must not act as a page of this origin. */
export const SAFE = {
  'x-content-type-options': 'nosniff',
  'content-security-policy': "default-src 'none'; sandbox",
}

/** The headers of the reply, with the length that its body would have. */
export function headOnly(reply: FastifyReply): FastifyReply {
  reply.hijack()
  reply.raw.writeHead(reply.statusCode, reply.getHeaders() as OutgoingHttpHeaders).end()
  return reply
}

/** Throws `range-not-satisfiable`. */
export function sendBlob(
  request: FastifyRequest,
  reply: FastifyReply,
  blobs: Pick<Blobs, 'read'>,
  { sha256, bytes, type }: BlobRecord,
): FastifyReply {
  const etag = `"${sha256}"`
  if (isUnchanged(request, etag)) return reply.code(304).header('etag', etag).send()
  const range = rangeOf(request, etag, bytes)
  const [first, last] = range ?? [0, bytes - 1]
  reply.headers({
    'content-type': type,
    'content-length': last - first + 1,
    'accept-ranges': 'bytes',
    etag,
    ...SAFE,
  })
  if (range) reply.code(206).header('content-range', `bytes ${first}-${last}/${bytes}`)
  // Fastify would read the whole stream and discard it.
  if (request.method === 'HEAD') return headOnly(reply)
  return reply.send(blobs.read(sha256, range ?? undefined))
}

/** First and last byte that are wanted; null: all. A list of ranges, or another unit, is answered with all. */
function rangeOf(request: FastifyRequest, etag: string, bytes: number): [number, number] | null {
  const { range, 'if-range': ifRange } = request.headers
  if (range === undefined || (ifRange !== undefined && ifRange !== etag)) return null
  const [, from = '', to = ''] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(range) ?? []
  if (from === '' && to === '') return null
  const first = from === '' ? Math.max(0, bytes - Number(to)) : Number(from)
  const last = from === '' || to === '' ? bytes - 1 : Math.min(Number(to), bytes - 1)
  if (first <= last) return [first, last]
  const detail = `the file has ${bytes} bytes; the range ${range.slice(0, 64)} has none of them`
  throw new Problem('range-not-satisfiable', detail, {}, { 'content-range': `bytes */${bytes}` })
}
