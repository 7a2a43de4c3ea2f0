// A master that assigns nothing by itself: it writes down what a slave says, checks it against the
// schemas, and answers as the rule under trial wants. It also keeps blobs.

import { createHash } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type {
  Callback,
  CallbacksRequest,
  Heartbeat,
  HeartbeatReply,
  Poll,
  PollReply,
  Registration,
} from '../../../shared/protocol/wire.ts'
import { checkOf } from './schemas.ts'

export type Seen<Body> = { at: number; body: Body }

/**
 * How a request is answered. `answer`: as it should be. `fail`: 503. `lose`: read, then the
 * connection is broken. `hang`: read, and never answered. `ignore`: 200, with nothing acknowledged.
 * `reject`: 400. A number: that status, with a problem document.
 */
export type Way = 'answer' | 'fail' | 'lose' | 'hang' | 'ignore' | 'reject' | 409 | 413 | 422

/** What a poll says of the slave; `polled`: the last poll that is over for it. */
export type PollSaid = {
  boot: string
  generation: number
  free: number
  mode: string
  reason: string
  polled: number
}

export type Fetched = { path: string; authorization: string | undefined }

export type FakeMaster = Awaited<ReturnType<typeof startFakeMaster>>

const fits = {
  registration: checkOf<Registration>('Registration'),
  heartbeat: checkOf<Heartbeat>('Heartbeat'),
  callbacks: checkOf<CallbacksRequest>('CallbacksRequest'),
  poll: checkOf<Poll>('Poll'),
}

/** Problem documents of refusals that a slave can meet. */
const REFUSALS = {
  409: { type: 'name-taken', title: 'Another living slave has this name.' },
  413: { type: 'body-too-large', title: 'The body is too large.' },
  422: { type: 'unprocessable', title: 'The request cannot be processed.' },
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
  const polls: Seen<PollSaid>[] = []
  /** The poll that is open, and how it is answered: null is nothing. */
  let open: { said: PollSaid; answer: (reply: PollReply | null) => void } | undefined
  /** What the slave said last of itself, by generation. */
  let latest: Omit<PollSaid, 'polled'> | undefined
  const leaves: Seen<{ name: string; boot: string | null }>[] = []
  /** What did not fit its schema, in words; `at` says of which message. */
  const misfits: { path: string; words: string }[] = []
  const fetched: Fetched[] = []
  /** Attempts whose outcome was acknowledged. */
  const acknowledged = new Set<string>()
  const blobs = new Map<string, { bytes: Buffer; type: string }>()
  /** Files of a peer, by path. */
  const partitions = new Map<string, Buffer>()
  /** Callback requests, registrations that were answered, polls that came while one was open. */
  const count = { callbackRequests: 0, registered: 0, pollsAtOnce: 0 }
  /** Rules set these. */
  const ways = {
    register: (): Way => 'answer',
    beat: (_heartbeat: Heartbeat): HeartbeatReply => ({ revoke: [], register: false }),
    callBack: (_request: CallbacksRequest): Way => 'answer',
    fetch: (_path: string): Way => 'answer',
    /** `reject` is 404: no such slave. */
    poll: (): Way => 'answer',
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
    polls,
    leaves,
    misfits,
    fetched,
    acknowledged,
    blobs,
    partitions,
    count,
    ways,
    latest: () => latest,
    openPoll: () => open?.said,
    /** `null` is 204: nothing came. */
    answerPoll: (reply: PollReply | null): void => open?.answer(reply),
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
    if (path === '/callbacks' || path === '/submit_result') return callBack(response, path, body)
    if (path.startsWith('/get_task?')) return poll(response, path)
    if (request.method === 'DELETE' && path.startsWith('/slaves/')) return leave(response, path)
    if (request.method === 'GET') return serve(request, response, path)
    misfits.push({ path, words: `there is no ${request.method} ${path} here` })
    send(response, 404, { type: 'not-found', title: 'There is nothing at this path.' })
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
    heard(body.state)
    send(response, 200, ways.beat(body))
  }

  function callBack(response: ServerResponse, path: string, body: unknown): void {
    if (!checked(response, path, fits.callbacks, body)) return
    const request = body as CallbacksRequest
    heard(request.state)
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

  /** Holds a poll until somebody has an answer, or its time is over. */
  function poll(response: ServerResponse, path: string): void {
    const query = Object.fromEntries(new URL(path, 'http://master').searchParams)
    const numbers = ['generation', 'free', 'polled', 'wait'].filter((name) => name in query)
    const body = {
      ...query,
      ...Object.fromEntries(numbers.map((name) => [name, Number(query[name])])),
    }
    if (!checked(response, '/get_task', fits.poll, body)) return
    const { boot = '', generation = 0, free = 0, mode = 'accepting', reason = '', wait = 20 } = body
    const said = { boot, generation, free, mode, reason, polled: body.polled ?? generation - 1 }
    if (open) count.pollsAtOnce++
    open?.answer(null)
    polls.push({ at: performance.now(), body: said })
    heard(said)
    const way = ways.poll()
    if (way === 'reject') return send(response, 404, { type: 'no-such-slave', status: 404 })
    if (way !== 'answer') return answer(response, way, () => ({}))
    const timer = setTimeout(() => settle(null), wait * 1000)
    const mine = { said, answer: settle }
    open = mine
    response.once('close', end)

    function settle(reply: PollReply | null): void {
      end()
      if (reply) return send(response, 200, reply)
      response.writeHead(204).end()
    }

    function end(): void {
      clearTimeout(timer)
      if (open === mine) open = undefined
    }
  }

  function heard(state: Omit<PollSaid, 'polled'>): void {
    if (latest?.boot !== state.boot || latest.generation <= state.generation) latest = state
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
    if (way === 'hang') return
    if (typeof way === 'number') return send(response, way, { ...REFUSALS[way], status: way })
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
