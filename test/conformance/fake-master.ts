// A master that assigns nothing by itself: it writes down what a slave says, checks it against the
// schemas, and answers as the rule under trial wants. It also keeps blobs.

import { createHash } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createCheck } from '../../shared/validate.ts'
import type {
  Callback,
  CallbacksRequest,
  Heartbeat,
  HeartbeatReply,
  Registration,
} from '../../shared/wire.ts'
import {
  CallbacksRequest as CallbacksRequestSchema,
  Heartbeat as HeartbeatSchema,
  Registration as RegistrationSchema,
} from '../../shared/wire.ts'

export type Seen<Body> = { at: number; body: Body }

/**
 * How a request is answered. `answer`: as it should be. `fail`: 503. `lose`: read, then the
 * connection is broken. `ignore`: 200, with nothing acknowledged. `reject`: 400.
 */
export type Way = 'answer' | 'fail' | 'lose' | 'ignore' | 'reject'

export type Fetched = { path: string; authorization: string | undefined }

export type FakeMaster = Awaited<ReturnType<typeof startFakeMaster>>

const fits = {
  registration: createCheck(RegistrationSchema),
  heartbeat: createCheck(HeartbeatSchema),
  callbacks: createCheck(CallbacksRequestSchema),
}

export const sha256Of = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')

/** Starts a master on a port of its own. `trace` gets every message, as text. */
export async function startFakeMaster(given: {
  port: number
  heartbeatMs: number
  trace: (line: string) => void
}) {
  const registrations: Seen<Registration>[] = []
  const heartbeats: Seen<Heartbeat>[] = []
  const callbacks: Seen<Callback & { boot: string }>[] = []
  const leaves: Seen<{ name: string; boot: string | null }>[] = []
  /** What did not fit its schema, in words; `at` says of which message. */
  const misfits: { path: string; words: string }[] = []
  const fetched: Fetched[] = []
  /** Attempts whose outcome was acknowledged. */
  const acknowledged = new Set<string>()
  const blobs = new Map<string, { bytes: Buffer; type: string }>()
  /** Files of a peer, by path. */
  const partitions = new Map<string, Buffer>()
  /** How many callback requests have come, and registrations that were answered. */
  const count = { callbackRequests: 0, registered: 0 }
  /** Rules set these. */
  const ways = {
    register: (): Way => 'answer',
    beat: (_heartbeat: Heartbeat): HeartbeatReply => ({ revoke: [], register: false }),
    callBack: (_request: CallbacksRequest): Way => 'answer',
    fetch: (_path: string): Way => 'answer',
  }
  const usual = { ...ways }
  const server = createServer((request, response) => {
    receive(request, response).catch((error: Error) => {
      misfits.push({ path: request.url ?? '', words: error.message })
      response.destroy()
    })
  })
  await back()
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`

  return {
    url,
    registrations,
    heartbeats,
    callbacks,
    leaves,
    misfits,
    fetched,
    acknowledged,
    blobs,
    partitions,
    count,
    ways,
    /** Answers everything as it should be again. */
    beUsual: (): void => void Object.assign(ways, usual),
    /** The callbacks that came of one attempt. */
    callbacksOf: (attempt: string) => callbacks.filter(({ body }) => body.attempt === attempt),
    /** Stops listening and breaks all connections. */
    away,
    /** Listens again at the same address. */
    back,
    close: away,
  }

  function away(): Promise<void> {
    return new Promise((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections()
    })
  }

  async function back(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(given.port, '127.0.0.1', resolve)
    })
  }

  async function receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url ?? ''
    const bytes = await bodyOf(request)
    if (path === '/blobs' && request.method === 'PUT') return keepBlob(request, response, bytes)
    const text = bytes.length > 0 ? bytes.toString() : ''
    given.trace(`slave -> master  ${request.method} ${path} ${text}`)
    const body: unknown = text === '' ? undefined : JSON.parse(text)
    if (path === '/slaves') return register(response, body)
    if (/^\/slaves\/[^/]+\/heartbeat$/.test(path)) return beat(response, path, body)
    if (path === '/callbacks') return callBack(response, body)
    if (request.method === 'DELETE' && path.startsWith('/slaves/')) return leave(response, path)
    if (request.method === 'GET') return serve(request, response, path)
    misfits.push({ path, words: `there is no ${request.method} ${path} here` })
    send(response, 404, { type: 'not-found', title: 'There is nothing at this address.' })
  }

  function register(response: ServerResponse, body: unknown): void {
    if (!checked(response, '/slaves', fits.registration, body)) return
    registrations.push({ at: performance.now(), body })
    answer(response, ways.register(), () => {
      count.registered++
      return { heartbeatMs: given.heartbeatMs }
    })
  }

  function beat(response: ServerResponse, path: string, body: unknown): void {
    if (!checked(response, path, fits.heartbeat, body)) return
    heartbeats.push({ at: performance.now(), body })
    send(response, 200, ways.beat(body))
  }

  function callBack(response: ServerResponse, body: unknown): void {
    if (!checked(response, '/callbacks', fits.callbacks, body)) return
    const request = body as CallbacksRequest
    count.callbackRequests++
    for (const each of request.callbacks) {
      const seen = { ...each, boot: request.state.boot }
      callbacks.push({ at: performance.now(), body: seen })
    }
    const way = ways.callBack(request)
    answer(response, way, () => {
      const known = way === 'ignore' ? [] : request.callbacks.map(({ attempt }) => attempt)
      for (const attempt of known) acknowledged.add(attempt)
      return { acknowledged: known }
    })
  }

  function leave(response: ServerResponse, path: string): void {
    const { pathname, searchParams } = new URL(path, 'http://master')
    const name = decodeURIComponent(pathname.slice('/slaves/'.length))
    leaves.push({ at: performance.now(), body: { name, boot: searchParams.get('boot') } })
    send(response, 200, { message: `${name} has left.` })
  }

  function keepBlob(request: IncomingMessage, response: ServerResponse, bytes: Buffer): void {
    const sha256 = sha256Of(bytes)
    const type = request.headers['content-type'] ?? ''
    given.trace(`slave -> master  PUT /blobs (${type}, ${bytes.length} bytes)`)
    const known = blobs.has(sha256)
    blobs.set(sha256, { bytes, type })
    send(response, known ? 200 : 201, { sha256, bytes: bytes.length, type })
  }

  function serve(request: IncomingMessage, response: ServerResponse, path: string): void {
    fetched.push({ path, authorization: request.headers.authorization })
    const bytes = blobs.get(path.replace('/blobs/', ''))?.bytes ?? partitions.get(path)
    const way = ways.fetch(path)
    if (way !== 'answer') return answer(response, way, () => ({}))
    if (!bytes) return send(response, 404, { type: 'not-found', title: 'There is no such blob.' })
    response.writeHead(200, { 'content-type': 'image/png', 'content-length': bytes.length })
    response.end(bytes)
  }

  function checked<Body>(
    response: ServerResponse,
    path: string,
    check: {
      fits(value: unknown): value is Body
      mistakes(value: unknown): { field: string; rule: string }[]
    },
    body: unknown,
  ): body is Body {
    if (check.fits(body)) return true
    const words = check.mistakes(body).map(({ field, rule }) => `${field} ${rule}`)
    misfits.push({ path, words: words.join('; ') })
    send(response, 400, { type: 'invalid-request', status: 400, detail: words.join('; ') })
    return false
  }

  function answer(response: ServerResponse, way: Way, body: () => unknown): void {
    if (way === 'lose') return void response.destroy()
    if (way === 'fail') return send(response, 503, { type: 'draining', title: 'Not now.' })
    if (way === 'reject') return send(response, 400, { type: 'invalid-request', detail: 'Never.' })
    send(response, 200, body())
  }

  function send(response: ServerResponse, status: number, body: unknown): void {
    const text = JSON.stringify(body)
    given.trace(`master answers   ${status} ${text}`)
    const kind = status < 300 ? 'application/json' : 'application/problem+json'
    response.writeHead(status, {
      'content-type': kind,
      'content-length': Buffer.byteLength(text),
    })
    response.end(text)
  }
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}
