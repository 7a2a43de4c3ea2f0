// Fastify as both sides want it: strict bodies, limits, every error an RFC 9457 problem.

import { once } from 'node:events'
import type { Server as HttpServer, IncomingMessage, ServerResponse } from 'node:http'
import { createServer as createProbe } from 'node:net'
import type { Server as TlsServer } from 'node:tls'
import type { FastifyError, FastifyReply, FastifyRequest, FastifyServerOptions } from 'fastify'
import Fastify, { LogController } from 'fastify'
import type { TSchema } from 'typebox'
import { Value } from 'typebox/value'
import { systemClock } from '../data/clock.ts'
import { encode } from '../data/raw-json.ts'
import type { Logger } from '../process/log.ts'
import type { Slices } from '../process/time-slices.ts'
import { createSlices } from '../process/time-slices.ts'
import type { ProblemType } from '../protocol/problems.ts'
import { Problem } from '../protocol/problems.ts'
import { BODY_LIMITS, createBodyRoom } from './body-budget.ts'
import { limitConnections } from './connection-limits.ts'
import type { PlaceOf } from './content-checks.ts'
import { watchContent } from './content-checks.ts'
import { parseJsonBodies } from './json-body.ts'
import type { Material } from './tls.ts'
import { answerPlainHttp, serverOptions } from './tls.ts'
import { createCheck, invalidRequest } from './validate.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Its body may be longer under way than others: who calls this watches over it. */
    mayTakeLong(): void
  }
}

export type ServerOptions = {
  log: Logger
  /** Larger bodies are refused with 413. In bytes. */
  bodyBytesMax: number
  /** A request must have arrived whole within this. In milliseconds. */
  requestTimeoutMs?: number
  /** Requests of routes that say `request.mayTakeLong()` may take so long. In milliseconds. */
  longBodyMs?: number
  /** With it the server speaks TLS. */
  secure?: Material | undefined
  /** Arrays and objects in one another. Default JSON_DEPTH_MAX. */
  depthMax?: number
  /** Connections at a time: see connection-limits.ts. */
  socketsMax?: number
  /** Where long bodies are parsed, piece by piece. Default: slices of its own. */
  slices?: Slices
  /** Room for bodies that are arriving. Default: one room of BODY_LIMITS, in which addresses are callers. */
  placeOf?: PlaceOf
}

/**
 * Finds out whether one could listen there, before anything is made or opened that only the one who
 * listens may have. Throws what listening throws: EADDRINUSE ...
 */
export async function assertFree(host: string, port: number): Promise<void> {
  if (port === 0) return
  const probe = createProbe().listen({ host, port, exclusive: true })
  await once(probe, 'listening')
  probe.close()
  await once(probe, 'close')
}

/**
 * Connections that wait to be accepted, as many as Linux allows unless told otherwise. Node's 511 are full
 * when some thousands come at once: the others are dropped, and their clients try again after seconds.
 */
export const BACKLOG = 4_096

/** While it closes, connections that have fallen idle are ended this often. In milliseconds. */
const IDLE_SWEEP_MS = 20

/** A request's line and headers together, in bytes and in number, and how long they may take. */
const HEADER_BYTES_MAX = 16_384
const HEADERS_MAX = 100
const HEADERS_TIMEOUT_MS = 15_000
/** Connections that are over their time are looked for this often. */
const LOOK_MS = 5_000
/** Arrays and objects in one another: nothing that a client sends is deeper. */
export const JSON_DEPTH_MAX = 512

/** A Fastify instance without routes. */
export function createServer(given: ServerOptions) {
  const { log, bodyBytesMax, requestTimeoutMs = 30_000, secure, longBodyMs } = given
  const { depthMax = JSON_DEPTH_MAX, slices = createSlices(systemClock) } = given
  const headersTimeout = Math.min(HEADERS_TIMEOUT_MS, Math.ceil(requestTimeoutMs / 2))
  const wire = {
    maxHeaderSize: HEADER_BYTES_MAX,
    headersTimeout,
    // Node looks each 30 s when it is not told.
    connectionsCheckingInterval: Math.min(LOOK_MS, Math.ceil(headersTimeout / 2)),
  }
  const server = Fastify({
    loggerInstance: log,
    // One logger for all requests: a child of its own for each costs, and says only a number.
    childLoggerFactory: (logger) => logger,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: bodyBytesMax,
    requestTimeout: longBodyMs ?? requestTimeoutMs,
    keepAliveTimeout: 75_000,
    forceCloseConnections: 'idle',
    routerOptions: { maxParamLength: 256 },
    ...(secure ? { https: { ...wire, ...serverOptions(secure) } } : { http: wire }),
    frameworkErrors: (error, request, reply) => void answerError(error, request, reply),
  } as FastifyServerOptions)
  server.server.maxHeadersCount = HEADERS_MAX
  if (secure) answerPlainHttp(server.server as unknown as TlsServer)
  if (given.socketsMax !== undefined) {
    limitConnections(server.server as HttpServer, given.socketsMax)
  }
  server.decorateRequest('mayTakeLong', function mayTakeLong(this: FastifyRequest) {
    patient.add(this.raw)
  })
  // A browser takes no answer for something else than it says it is.
  server.addHook('onRequest', (_request, reply, done) => {
    reply.header('x-content-type-options', 'nosniff')
    done()
  })
  // Before content is read that nothing takes.
  server.addHook('preParsing', (request, reply, payload, done) => {
    if (request.is404) nothingThere(request, reply)
    else done(null, payload)
  })
  watchContent(server, given.placeOf ?? oneRoom())
  if (longBodyMs !== undefined) watchArrivals(server.server as HttpServer, requestTimeoutMs)
  // Closing ends the connections that are idle then: one whose last answer is still to come would
  // keep the server open until its keep-alive is over.
  server.addHook('preClose', async () => {
    const sweep = setInterval(() => server.server.closeIdleConnections(), IDLE_SWEEP_MS)
    server.server.once('close', () => clearInterval(sweep))
  })
  server.removeAllContentTypeParsers()
  parseJsonBodies(server, { slices, depthMax })
  server.setValidatorCompiler(({ schema, httpPart }) => {
    const { fits, mistakes } = createCheck(schema as TSchema)
    return (value: unknown) => {
      // Most requests have no query: converting nothing took 3 % of the master's time.
      const isAsItCame = httpPart === 'body' || isEmpty(value)
      const given = isAsItCame ? value : Value.Convert(schema as TSchema, value)
      return fits(given) ? { value: given } : { error: invalidRequest(mistakes(given)) }
    }
  })
  server.setSerializerCompiler(() => encode)
  server.setReplySerializer(encode)
  server.setErrorHandler(answerError)
  const routes: { method: string; path: RegExp }[] = []
  server.addHook('onRoute', ({ method, url }) => {
    const path = new RegExp(`^${url.replace(/:\w+/g, '[^/]+').replace('*', '.*')}$`)
    for (const each of [method].flat()) routes.push({ method: each, path })
  })
  const nothingThere = (request: FastifyRequest, reply: FastifyReply): void => {
    const path = pathOf(request)
    const found = routes.filter((route) => route.path.test(path)).map(({ method }) => method)
    const allow = [...new Set([...found, 'OPTIONS'])].join(', ')
    if (request.method === 'OPTIONS' && (found.length > 0 || path === '*')) {
      return void reply.code(204).header('allow', allow).send()
    }
    const detail = `${path} supports ${allow}, not ${request.method}`
    const problem =
      found.length === 0
        ? new Problem('not-found', `there is no ${request.method} ${path}`)
        : new Problem('method-not-allowed', detail, {}, { allow })
    void sendProblem(reply, problem)
  }
  server.setNotFoundHandler(nothingThere)
  return server
}

export type Server = ReturnType<typeof createServer>

function isEmpty(value: unknown): boolean {
  for (const _name in value as object) return false
  return true
}

function oneRoom(): PlaceOf {
  const room = createBodyRoom(BODY_LIMITS)
  return ({ ip }) => ({ room, caller: ip })
}

/** Requests whose bodies may take longer than others. */
const patient = new WeakSet<IncomingMessage>()

/** Bodies that are late are looked for this often, and sooner where their time is short. */
const ARRIVALS_LOOK_MS = 1_000

/**
 * Ends the connection of a request whose body has not come within so long, whatever is answered. One
 * timer looks after all of them: one for each, with two listeners, took 2 % of the master's time.
 */
function watchArrivals(server: HttpServer, ms: number): void {
  let arriving: { request: IncomingMessage; until: number }[] = []
  let timer: NodeJS.Timeout | undefined
  const lookMs = Math.min(ARRIVALS_LOOK_MS, Math.ceil(ms / 4))
  server.prependListener('request', (request: IncomingMessage) => {
    const { 'content-length': length = '0', 'transfer-encoding': chunked } = request.headers
    if (length === '0' && chunked === undefined) return
    // Most have arrived whole before the next one begins. Kept until the next look, they would all be moved
    // to the old generation: two thirds of what the garbage collector moved there.
    while (arriving.length > 0 && !isArriving(arriving.at(-1)!.request)) arriving.pop()
    arriving.push({ request, until: performance.now() + ms })
    timer ??= setTimeout(look, lookMs)
  })
  server.once('close', () => clearTimeout(timer))

  function look(): void {
    const now = performance.now()
    for (const { request, until } of arriving) {
      if (until <= now && isArriving(request)) request.socket.destroy()
    }
    arriving = arriving.filter(({ request }) => isArriving(request))
    timer = arriving.length === 0 ? undefined : setTimeout(look, lookMs)
  }
  server.on('checkExpectation', (_request: IncomingMessage, response: ServerResponse) => {
    response.writeHead(417, { connection: 'close' }).end()
  })
}

const isArriving = (request: IncomingMessage): boolean =>
  !request.complete && !request.destroyed && !patient.has(request)

const pathOf = (request: FastifyRequest): string =>
  request.url.slice(0, 200).split('?')[0] as string

/** Codes of Fastify's own errors, as ours. */
const CODES: Record<string, ProblemType> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'unsupported-media-type',
  FST_ERR_CTP_BODY_TOO_LARGE: 'body-too-large',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'invalid-json',
  FST_ERR_CTP_INVALID_JSON_BODY: 'invalid-json',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'invalid-request',
  FST_ERR_BAD_URL: 'invalid-request',
  // An address that does not begin with a slash.
  FST_ERR_NOT_FOUND: 'not-found',
  FST_ERR_MAX_PARAM_LENGTH: 'not-found',
}

function answerError(error: FastifyError | Error, request: FastifyRequest, reply: FastifyReply) {
  const problem = error instanceof Problem ? error : problemOf(error as FastifyError, request)
  if (problem.type === 'internal')
    request.log.error(
      { err: error, method: request.method, path: pathOf(request) },
      'internal error',
    )
  return sendProblem(reply, problem)
}

function problemOf(error: FastifyError, request: FastifyRequest): Problem {
  const type = CODES[error.code] ?? (error.statusCode === 400 ? 'invalid-json' : 'internal')
  if (type === 'internal') return new Problem(type, 'the server had an internal error; see its log')
  if (type === 'unsupported-media-type') {
    return new Problem(type, 'the Content-Type must be application/json')
  }
  if (type === 'body-too-large') {
    const most = request.routeOptions.bodyLimit
    return new Problem(type, `the body may be at most ${most} bytes`)
  }
  return new Problem(type, error.message)
}

/** Writes a problem as the answer. */
export function sendProblem(reply: FastifyReply, problem: Problem) {
  return reply
    .code(problem.status)
    .headers(problem.headers)
    .header('content-type', 'application/problem+json')
    .send(problem.document())
}
