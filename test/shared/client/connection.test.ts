// One request at a time against a server in this process: what is sent, what is understood, and what is
// repeated.

import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { performance } from 'node:perf_hooks'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import type { Test } from 'tap'
import t from 'tap'
import type { ConnectionSettings } from '../../../shared/client/connection.ts'
import { createConnection, isForNow, restMs } from '../../../shared/client/connection.ts'
import { ProblemError, UnreachableError } from '../../../shared/client/errors.ts'

type Handler = (response: ServerResponse, request: IncomingMessage, number: number) => void
type Seen = { method: string; url: string; headers: IncomingMessage['headers']; body: string }

/** A server that answers in this way, and a connection to it. */
async function connectTo(t: Test, handler: Handler, settings: ConnectionSettings = {}) {
  const seen: Seen[] = []
  const server = createServer((request, response) => {
    const { method = '', url = '', headers } = request
    void text(request).then((body) => {
      seen.push({ method, url, headers, body })
      handler(response, request, seen.length - 1)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const origin = `http://127.0.0.1:${port}`
  const connection = createConnection({ url: origin, ...settings })
  t.teardown(async () => {
    await connection.close()
    server.closeAllConnections()
    server.close()
  })
  return { connection, seen, origin, server }
}
const says =
  (status: number, body: string, headers: Record<string, string> = {}): Handler =>
  (response) =>
    response.writeHead(status, headers).end(body)
/** The first answer, then another for all others. */
const first =
  (one: Handler, others: Handler): Handler =>
  (response, request, number) =>
    (number === 0 ? one : others)(response, request, number)
const cutOff: Handler = (response) => void response.destroy()
const good = says(200, '{"a":1}')

t.test('sends JSON, and gives the parsed answer', async (t) => {
  const { connection, seen } = await connectTo(t, says(201, '{"a":1}', { 'x-y': 'z' }), {
    key: 'k',
  })
  const { status, value, answer } = await connection.json({
    method: 'POST',
    path: '/tasks',
    json: { b: 2 },
    headers: { 'idempotency-key': 'i' },
  })
  t.same({ status, value }, { status: 201, value: { a: 1 } })
  t.equal(answer.headers['x-y'], 'z')
  t.match(seen, [
    {
      method: 'POST',
      url: '/tasks',
      body: '{"b":2}',
      headers: {
        authorization: 'Bearer k',
        'content-type': 'application/json',
        'idempotency-key': 'i',
      },
    },
  ])
})

t.test('sends no key, no type and no wait that it does not have', async (t) => {
  const { connection, seen } = await connectTo(t, says(200, ''))
  t.equal((await connection.json({ method: 'GET', path: '/a' })).value, null, 'an empty answer')
  const { headers, body } = seen[0] as Seen
  t.same([headers.authorization, headers['content-type'], headers.prefer], Array(3).fill(undefined))
  t.equal(body, '')
})

t.test('asks the master to hold the request for whole seconds', async (t) => {
  const { connection, seen } = await connectTo(t, good)
  await connection.json({ method: 'GET', path: '/', waitMs: 1_001 })
  t.equal(seen[0]?.headers.prefer, 'wait=2')
})

t.test('takes the path of the URL as a prefix', async (t) => {
  const { origin, seen } = await connectTo(t, good)
  const connection = createConnection({ url: `${origin}/base//` })
  t.teardown(() => connection.close())
  t.equal(connection.url, `${origin}/base`)
  await connection.json({ method: 'GET', path: '/tasks' })
  t.equal(seen[0]?.url, '/base/tasks')
  t.equal(createConnection().url, 'http://127.0.0.1:8080')
})

t.test('keeps the text of numbers when it is told to', async (t) => {
  const body = '{"a":1.0}'
  const plain = await connectTo(t, says(200, body))
  const written = await connectTo(t, says(200, body), { asWritten: true })
  const request = { method: 'GET', path: '/' } as const
  t.equal((await plain.connection.json<{ a: number }>(request)).value.a, 1)
  t.not((await written.connection.json<{ a: number }>(request)).value.a, 1)
})

t.test('gives an answer as a stream', async (t) => {
  const { connection } = await connectTo(t, says(200, 'bytes', { 'content-type': 'a/b' }))
  for (const endless of [false, true]) {
    const answer = await connection.open({ method: 'GET', path: '/', endless })
    t.match(answer, { status: 200, headers: { 'content-type': 'a/b' } })
    t.equal(await text(answer.body), 'bytes')
  }
})

t.test('throws the problem that the master answers, with the status of the answer', async (t) => {
  const document = '{"type":"already-ended","status":1,"detail":"words"}'
  const { connection, seen } = await connectTo(t, says(409, document))
  const error = await connection.json({ method: 'GET', path: '/' }).catch((error: unknown) => error)
  t.ok(error instanceof ProblemError)
  t.match(error, { type: 'already-ended', status: 409, message: 'words', retryAfterMs: null })
  t.equal(seen.length, 1, 'it is not repeated')
})

t.test('says what else answered: no problem, and its first 200 characters', async (t) => {
  for (const body of ['x'.repeat(201), '{"type":1}', 'null']) {
    const { connection } = await connectTo(t, says(404, body))
    await t.rejects(connection.json({ method: 'GET', path: '/' }), {
      type: 'not-understood',
      status: 404,
      message: `answered 404: ${body.slice(0, 200)}`,
    })
  }
  const redirect = await connectTo(t, says(300, ''))
  await t.rejects(redirect.connection.json({ method: 'GET', path: '/' }), {
    name: 'ProblemError',
    status: 300,
  })
})

t.test('takes what answers without JSON for no master', async (t) => {
  const { connection, seen } = await connectTo(t, says(200, '<html>'), { patienceMs: 50 })
  await t.rejects(connection.json({ method: 'POST', path: '/' }), {
    name: 'UnreachableError',
    reason: /not an askfirst master/,
    delivered: true,
  })
  t.equal(seen.length, 1)
})

t.test('repeats what the master refuses for now, after Retry-After', async (t) => {
  for (const status of [503, 429]) {
    const retries: [Error, number][] = []
    const { connection, seen } = await connectTo(
      t,
      first(says(status, '{"type":"at-capacity"}', { 'retry-after': '0' }), good),
      { onRetry: (why, inMs) => retries.push([why, inMs]) },
    )
    const request = { method: 'POST', path: '/', bytes: () => Readable.from(['a', 'b']) } as const
    t.same((await connection.json(request)).value, { a: 1 })
    t.same(
      seen.map(({ body }) => body),
      ['ab', 'ab'],
      'a stream is made for each try',
    )
    t.match(retries, [[{ type: 'at-capacity', retryAfterMs: 0 }, 0]])
    t.equal(retries.length, 1)
  }
})

t.test('repeats nothing that the master refuses for good', async (t) => {
  for (const status of [400, 404, 409, 500, 502]) {
    const { connection, seen } = await connectTo(t, says(status, '{}', { 'retry-after': '0' }))
    await t.rejects(connection.json({ method: 'GET', path: '/' }), { name: 'ProblemError', status })
    t.equal(seen.length, 1)
  }
})

t.test('fails at once when the pause would outlast the patience', async (t) => {
  const later = says(503, '{"type":"at-capacity"}', { 'retry-after': '2' })
  const { connection, seen } = await connectTo(t, later, { patienceMs: 1_000 })
  const began = performance.now()
  await t.rejects(connection.json({ method: 'GET', path: '/' }), {
    name: 'ProblemError',
    retryAfterMs: 2_000,
  })
  t.ok(performance.now() - began < 900)
  t.equal(seen.length, 1)
})

t.test('has the patience of the request, else of the connection', async (t) => {
  const { connection, seen } = await connectTo(t, first(says(503, '{}'), good), { patienceMs: 0 })
  await t.rejects(connection.json({ method: 'GET', path: '/' }), {
    name: 'ProblemError',
    status: 503,
  })
  t.equal(seen.length, 1)
  const other = await connectTo(t, first(says(503, '{}'), good), { patienceMs: 0 })
  await other.connection.json({ method: 'GET', path: '/', patienceMs: 5_000 })
  t.equal(other.seen.length, 2)
})

t.test('backs off from 200 ms, doubled each time up to 5 s, and up to a fifth more', async (t) => {
  for (const [tries, ms] of [
    [0, 200],
    [1, 400],
    [4, 3_200],
    [5, 5_000],
    [60, 5_000],
  ] as const) {
    const rests = Array.from({ length: 50 }, () => restMs(tries))
    t.ok(Math.min(...rests) >= ms)
    t.ok(Math.max(...rests) <= ms * 1.2)
    t.ok(Math.max(...rests) > Math.min(...rests))
  }
})

t.test('repeats a lost request, but a POST only when that is harmless', async (t) => {
  const paces: number[] = []
  const onRetry = (_: Error, inMs: number) => void paces.push(inMs)
  const lost = await connectTo(t, first(cutOff, good), { onRetry })
  await lost.connection.json({ method: 'GET', path: '/' })
  t.equal(lost.seen.length, 2)
  t.ok((paces[0] as number) >= 200 && (paces[0] as number) <= 240)

  const post = await connectTo(t, cutOff)
  await t.rejects(post.connection.json({ method: 'POST', path: '/' }), {
    name: 'UnreachableError',
    url: post.origin,
    delivered: true,
  })
  t.equal(post.seen.length, 1)

  const again = await connectTo(t, first(cutOff, good))
  await again.connection.json({ method: 'POST', path: '/', repeatable: true })
  t.equal(again.seen.length, 2)

  const once = await connectTo(t, cutOff)
  await t.rejects(once.connection.json({ method: 'GET', path: '/', repeatable: false }))
  t.equal(once.seen.length, 1)
})

t.test('repeats a POST that cannot have arrived', async (t) => {
  const { server, origin } = await connectTo(t, good)
  await new Promise((resolve) => server.close(resolve))
  let retries = 0
  const connection = createConnection({ url: origin, patienceMs: 300, onRetry: () => retries++ })
  t.teardown(() => connection.close())
  await t.rejects(connection.json({ method: 'POST', path: '/' }), {
    name: 'UnreachableError',
    delivered: false,
  })
  t.equal(retries, 1)
})

t.test('repeats a request whose answer breaks off', async (t) => {
  const half: Handler = (response) => {
    response.writeHead(200, { 'content-length': '99' }).write('{"a"')
    setImmediate(() => response.destroy())
  }
  const { connection, seen } = await connectTo(t, first(half, good))
  t.same((await connection.json({ method: 'GET', path: '/' })).value, { a: 1 })
  t.equal(seen.length, 2)
  const cut = await connectTo(t, half, { patienceMs: 0 })
  await t.rejects(cut.connection.json({ method: 'GET', path: '/' }), UnreachableError)
})

t.test('stops when the signal says so: a request, and a pause', async (t) => {
  const aborting = new AbortController()
  const { signal } = aborting
  const silent = await connectTo(t, () => aborting.abort())
  const error = await silent.connection
    .json({ method: 'GET', path: '/', signal })
    .catch((error: unknown) => error)
  t.equal(error, signal.reason)
  t.equal(silent.seen.length, 1)

  const later = says(503, '{"type":"at-capacity"}', { 'retry-after': '9' })
  const stopping = new AbortController()
  const paused = await connectTo(t, later, { onRetry: () => setImmediate(() => stopping.abort()) })
  await t.rejects(paused.connection.json({ method: 'GET', path: '/', signal: stopping.signal }), {
    name: 'AbortError',
  })
  t.equal(paused.seen.length, 1)
})

t.test('ends requests under way when it is closed, twice as well as once', async (t) => {
  const { connection } = await connectTo(t, () => {}, { patienceMs: 0 })
  const held = connection.json({ method: 'GET', path: '/' })
  held.catch(() => {})
  await new Promise((resolve) => setTimeout(resolve, 20))
  const closed = connection.close()
  t.equal(connection.close(), closed)
  await closed
  await t.rejects(held, UnreachableError)
})

t.test('has no more connections than it may', async (t) => {
  const open: ServerResponse[] = []
  const { connection, seen } = await connectTo(t, (response) => void open.push(response), {
    connections: 1,
  })
  const both = [1, 2].map((n) => connection.json({ method: 'GET', path: `/${n}` }))
  while (open.length < 1) await new Promise((resolve) => setTimeout(resolve, 5))
  await new Promise((resolve) => setTimeout(resolve, 20))
  t.equal(seen.length, 1)
  open[0]?.end('1')
  await both[0]
  while (open.length < 2) await new Promise((resolve) => setTimeout(resolve, 5))
  open[1]?.end('2')
  t.same((await both[1])?.value, 2)
})

t.test('knows a refusal for now by its status', async (t) => {
  const problem = (status: number) => new ProblemError({ type: 'at-capacity', status })
  t.ok(isForNow(problem(503)))
  t.ok(isForNow(problem(429)))
  t.notOk(isForNow(problem(500)))
  t.notOk(isForNow(new UnreachableError('a', 'b', true)))
})
