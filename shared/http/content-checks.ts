// Checks of a request's content before any of it is read: whether the route takes content, its length,
// its codings and its type, and whether there is room for it (body-budget.ts). What is refused here has
// cost no memory, and the client hears why although it is still sending.

import type { Server as HttpServer, IncomingMessage, ServerResponse } from 'node:http'
import type { Readable } from 'node:stream'
import { Transform } from 'node:stream'
import type {
  FastifyContextConfig,
  FastifyInstance,
  FastifyRequest,
  preValidationHookHandler,
} from 'fastify'
import { Problem } from '../protocol/problems.ts'
import type { BodyPlace, BodyRoom } from './body-budget.ts'
import { invalidRequest, isObject } from './validate.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /**
     * What content the route takes. `json`: it must be there. `optional`: JSON, or nothing. `bytes`: any,
     * which the route streams. Default: `json` with a schema of its body, else none.
     */
    content?: 'json' | 'optional' | 'bytes'
  }
}

/** Which room a request's body is in, and whose it is there. */
export type PlaceOf = (request: FastifyRequest) => { room: BodyRoom; caller: unknown }

/** Memory that content which is streamed elsewhere needs on its way: buffers of the streams. */
const STREAMED_BYTES = 262_144

/** How many unwanted fields one answer names. */
const FIELDS_MAX = 10

/** Requests that wait for `100 Continue` before they send their content. */
const waiting = new WeakMap<IncomingMessage, () => void>()

/** Adds the checks to all routes, those that do not exist among them. */
export function watchContent(server: FastifyInstance, placeOf: PlaceOf): void {
  continueLater(server.server as HttpServer)
  server.addHook('onRoute', (route) => {
    route.config ??= {}
    const config: FastifyContextConfig = route.config
    if (route.schema?.body) config.content ??= 'json'
    const check = CHECKS[config.content ?? 'none']
    if (check) route.preValidation = [check, ...[route.preValidation ?? []].flat()]
  })
  server.addHook('preParsing', (request, reply, payload, done) => {
    const { raw } = request
    if (!hasContent(raw)) {
      // What is not there has no type: Fastify would look for a parser of it.
      delete raw.headers['content-type']
      return done(null, payload)
    }
    let checked: Readable
    try {
      assertWanted(request)
      checked = placed(request, reply.raw, payload as Readable, placeOf(request))
    } catch (error) {
      return done(error as Problem)
    }
    waiting.get(raw)?.()
    done(null, checked as typeof payload)
  })
}

/** Whether a request has content, as far as its head says. */
function hasContent({ headers }: IncomingMessage): boolean {
  const { 'content-length': length = '0', 'transfer-encoding': coding } = headers
  return coding !== undefined || Number(length) !== 0
}

/** Once it has been read: whether there is what the route takes. An empty object is nothing. */
const CHECKS: Partial<Record<string, preValidationHookHandler>> = {
  json({ body }, _reply, done) {
    const detail = 'the body is empty; it must be JSON (RFC 8259)'
    done(body === undefined ? new Problem('invalid-json', detail) : undefined)
  },
  none({ body, method, routeOptions }, _reply, done) {
    if (body === undefined || method === 'HEAD') return done()
    const fields = isObject(body) ? Object.keys(body).slice(0, FIELDS_MAX) : ['body']
    if (fields.length === 0) return done()
    const rule = `is not allowed: ${method} ${routeOptions.url ?? ''} has no body`
    done(invalidRequest(fields.map((field) => ({ field: field.slice(0, 64), rule }))))
  },
}

function assertWanted(request: FastifyRequest): void {
  const { headers, method, routeOptions } = request
  const { content } = routeOptions.config
  const isRead = method === 'GET' || method === 'HEAD'
  const { 'content-type': type = '', 'content-encoding': coding = 'identity' } = headers
  if (isRead || (content === undefined && !isJson(type))) {
    const rule = `is not allowed: ${method} ${routeOptions.url ?? ''} has no body`
    throw invalidRequest([{ field: 'body', rule }])
  }
  if (headers['content-range'] !== undefined) {
    const rule = 'is not allowed: send the whole content in one request'
    throw invalidRequest([{ field: 'Content-Range', rule }])
  }
  if (coding.trim().toLowerCase() !== 'identity') {
    const detail = `the content is encoded (Content-Encoding: ${coding.slice(0, 64)}); send it as it is, without that header`
    throw new Problem('unsupported-media-type', detail, {}, { 'accept-encoding': 'identity' })
  }
  if (content !== 'bytes') assertJson(type)
  const most = routeOptions.bodyLimit
  if (content !== 'bytes' && most !== undefined && Number(headers['content-length'] ?? 0) > most) {
    throw new Problem('body-too-large', `the body may be at most ${most} bytes`)
  }
}

const isJson = (type: string): boolean => /^\s*application\/json\s*(;|$)/i.test(type)

/** JSON between systems is UTF-8 (RFC 8259, 8.1); ASCII is UTF-8. */
function assertJson(type: string): void {
  if (!isJson(type)) throw new Problem('unsupported-media-type', wrongType(type))
  const charset = /;\s*charset\s*=\s*"?([^";\s]*)/i.exec(type)?.[1]?.toLowerCase()
  if (charset !== undefined && !['utf-8', 'utf8', 'us-ascii'].includes(charset)) {
    const detail = `JSON must be UTF-8; the Content-Type says charset=${charset.slice(0, 64)}`
    throw new Problem('unsupported-media-type', detail)
  }
}

function wrongType(type: string): string {
  const said =
    type.trim() === ''
      ? 'the body has no Content-Type'
      : `the Content-Type is ${type.slice(0, 128)}`
  const isForm = type.trim().toLowerCase().startsWith('application/x-www-form-urlencoded')
  const curl = isForm ? ' (curl -d sends this type by default; curl --json sends JSON)' : ''
  return `${said}${curl}; send JSON with the header "Content-Type: application/json"`
}

/** Takes a place for the content until it has arrived. Of unknown length it grows as it comes. */
function placed(
  request: FastifyRequest,
  answer: ServerResponse,
  payload: Readable,
  { room, caller }: ReturnType<PlaceOf>,
): Readable {
  const { raw, routeOptions } = request
  const isStreamed = routeOptions.config.content === 'bytes'
  const length = raw.headers['content-length']
  const place = room.enter(caller, isStreamed ? STREAMED_BYTES : Number(length ?? 0))
  // A request that is answered before its content has ended does not close by itself.
  raw.once('close', place.leave)
  answer.once('close', place.leave)
  return isStreamed || length !== undefined ? payload : counted(raw, payload, place)
}

function counted(raw: IncomingMessage, payload: Readable, place: BodyPlace): Readable {
  const counter = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      try {
        place.grow(chunk.length)
      } catch (error) {
        // The rest is read and dropped, so that the client can read the answer.
        payload.unpipe(counter)
        raw.resume()
        return done(error as Problem)
      }
      done(null, chunk)
    },
  })
  raw.once('aborted', () => counter.destroy())
  return payload.pipe(counter)
}

/**
 * `Expect: 100-continue`: the client is told to go on only after its request has been accepted. One
 * that is refused instead may or may not send its content, so its connection cannot be used again.
 */
function continueLater(server: HttpServer): void {
  server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
    const mayStay = response.shouldKeepAlive
    response.shouldKeepAlive = false
    waiting.set(request, () => {
      response.shouldKeepAlive = mayStay
      response.writeContinue()
    })
    server.emit('request', request, response)
  })
}
