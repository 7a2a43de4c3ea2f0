// What is known of a request before its content is read, on a server with routes of each sort.

import type { AddressInfo, Socket } from 'node:net'
import { connect } from 'node:net'
import type { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import pino from 'pino'
import type { Test } from 'tap'
import t from 'tap'
import { Type } from 'typebox'
import { createBodyRoom } from '../../../shared/http/body-budget.ts'
import { createServer } from '../../../shared/http/server.ts'

const ROOM = { bytesMax: 10_000, perCallerBytesMax: 6_000 }

/** A server with a room for clients and one for /slow/..., where the header `who` is the caller. */
async function start(t: Test) {
  const clients = createBodyRoom(ROOM)
  const slaves = createBodyRoom(ROOM)
  const server = createServer({
    log: pino({ level: 'silent' }),
    bodyBytesMax: 8_000,
    placeOf: ({ headers, url }) => ({
      room: url.startsWith('/slave') ? slaves : clients,
      caller: headers.who ?? 'nobody',
    }),
  })
  const runs: string[] = []
  server.post('/json', { config: { content: 'json' } }, ({ body }) => ({ body }))
  server.post('/schema', { schema: { body: Type.Object({ a: Type.Integer() }) } }, () => ({}))
  server.post('/optional', { config: { content: 'optional' } }, ({ body }) => ({
    body: body ?? null,
  }))
  server.post('/slave', { config: { content: 'json' } }, ({ body }) => ({ body }))
  server.post('/none', () => ({ ran: runs.push('none') }))
  server.delete('/none', () => ({ ran: runs.push('none') }))
  server.get('/read', () => ({ ran: runs.push('read') }))
  await server.register(async (app) => {
    app.removeAllContentTypeParsers()
    app.addContentTypeParser('*', (_request, payload, done) => done(null, payload))
    app.put('/bytes', { config: { content: 'bytes' } }, async ({ body }) => ({
      bytes: (await buffer(body as Readable)).length,
    }))
  })
  await server.listen({ port: 0, host: '127.0.0.1' })
  t.teardown(() => server.close())
  const { port } = server.server.address() as AddressInfo

  /** Sends it as it is; gives what comes back and a way to say more. */
  function dial(head: string, content = '') {
    const socket: Socket = connect(port, '127.0.0.1')
    socket.on('error', () => {})
    t.teardown(() => socket.destroy())
    socket.write(`${head}\r\nHost: 127.0.0.1\r\n\r\n${content}`)
    return { socket, answer: answerOf(socket) }
  }
  const say = async (line: string, headers: Record<string, string>, content = '') => {
    const lines = Object.entries({ connection: 'close', ...headers }).map(([k, v]) => `${k}: ${v}`)
    return dial([`${line} HTTP/1.1`, ...lines].join('\r\n'), content).answer
  }
  const json = (line: string, content: string, headers: Record<string, string> = {}) =>
    say(
      line,
      { 'content-type': 'application/json', 'content-length': `${content.length}`, ...headers },
      content,
    )
  return { dial, say, json, clients, slaves, runs }
}

type Answer = { status: number; head: string; body: Record<string, unknown> }

/** The first answer, but 100 Continue. */
function answerOf(socket: Socket): Promise<Answer> {
  let heard = ''
  const answer = new Promise<Answer>((resolve, reject) => {
    socket.on('close', () => reject(new Error(`closed after: ${heard}`)))
    socket.on('data', (chunk) => {
      heard += chunk.toString('latin1')
      const last = heard.replace(/^HTTP\/1.1 100 Continue\r\n\r\n/, '')
      const [head = '', content] = last.split('\r\n\r\n')
      const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0)
      if (content === undefined || content.length < length) return
      const body = length > 0 ? (JSON.parse(content.slice(0, length)) as Answer['body']) : {}
      resolve({ status: Number(head.slice(9, 12)), head, body })
    })
  })
  // Of some nothing is expected.
  answer.catch(() => {})
  return answer
}

const post = (path: string, length: number, more = ''): string =>
  `POST ${path} HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: ${length}${more}`

t.test('a body for which there is no room is refused before it is read', async (t) => {
  const { dial, json, clients } = await start(t)
  const slow = dial(post('/json', 4_000), '"x')
  const other = dial(post('/json', 4_000, '\r\nWho: other'), '"x')
  await waitUntil(() => clients.usedBytes === 8_000)
  // None of its content is sent, and it is answered all the same.
  const { status, head, body } = await dial(post('/json', 4_000)).answer
  t.match({ status, body }, { status: 503, body: { type: 'overloaded', detail: /this caller/ } })
  t.match(head, /^retry-after: 1$/im)
  t.match(await dial(post('/json', 4_000, '\r\nWho: third')).answer, { status: 503 })
  t.equal((await json('POST /json', '"a"', { who: 'third' })).status, 200, 'a short one has room')
  slow.socket.write(`${'x'.repeat(3_997)}"`)
  t.equal((await slow.answer).status, 200)
  other.socket.destroy()
  await waitUntil(() => clients.usedBytes === 0)
  t.pass('what has arrived, and what never will, gives its room back')
})

t.test('a client that sends on after its refusal can read why', async (t) => {
  const { dial, clients } = await start(t)
  dial(post('/json', 5_000), '"x')
  await waitUntil(() => clients.usedBytes > 0)
  const refused = dial(post('/json', 5_000), 'x'.repeat(2_000))
  t.equal((await refused.answer).status, 503)
  const next = answerOf(refused.socket)
  refused.socket.write(`${'x'.repeat(3_000)}GET /read HTTP/1.1\r\nHost: a\r\n\r\n`)
  t.match(await next, { status: 200, body: { ran: 1 } }, 'and the connection is still good')
})

t.test('one who waits to be told to go on is not told when there is no room', async (t) => {
  const { dial, clients } = await start(t)
  const expecting = (path: string) => dial(post(path, 5_000, '\r\nExpect: 100-continue'))
  const first = expecting('/json')
  const heard = new Promise<string>((resolve) => first.socket.once('data', (b) => resolve(`${b}`)))
  t.match(await heard, /^HTTP\/1.1 100 /)
  first.socket.write('"x')
  await waitUntil(() => clients.usedBytes === 5_000)
  for (const [path, wanted] of Object.entries({ '/json': 503, '/nothing': 404, '/none': 200 })) {
    const { socket, answer } = expecting(path)
    const { status, head } = await answer
    if (path === '/none') t.equal(status, 503, 'it is looked for room first')
    else t.equal(status, wanted, path)
    t.match(head, /^connection: close$/im, 'or the content would be read as a request')
    socket.destroy()
  }
})

t.test('a body in chunks is counted as it comes', async (t) => {
  const { dial, clients } = await start(t)
  const head = 'POST /json HTTP/1.1\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked'
  const chunk = (text: string): string => `${text.length.toString(16)}\r\n${text}\r\n`
  const slow = dial(`${head}\r\nWho: other`, chunk(`"${'x'.repeat(5_499)}`))
  await waitUntil(() => clients.usedBytes === 5_500)
  const { socket, answer } = dial(head, chunk(`"${'x'.repeat(3_999)}`))
  await waitUntil(() => clients.usedBytes === 9_500)
  socket.write(chunk('x'.repeat(1_000)))
  t.match(await answer, { status: 503, body: { type: 'overloaded' } })
  socket.destroy()
  slow.socket.write(`${chunk('"')}0\r\n\r\n`)
  t.equal((await slow.answer).status, 200)
  await waitUntil(() => clients.usedBytes === 0)
})

t.test('rooms are apart: no client keeps a slave out', async (t) => {
  const { dial, json, clients } = await start(t)
  for (const who of ['a', 'b']) dial(post('/json', 5_000, `\r\nWho: ${who}`), '"')
  await waitUntil(() => clients.usedBytes === 10_000)
  t.equal((await dial(post('/json', 5_000, '\r\nWho: c')).answer).status, 503)
  t.equal((await json('POST /slave', `"${'x'.repeat(5_000)}"`)).status, 200)
})

t.test('no content is no content, whatever its type is said to be', async (t) => {
  const { say } = await start(t)
  const types = [
    'application/json',
    'application/x-www-form-urlencoded',
    'text/plain; charset=x',
    '',
  ]
  for (const type of types) {
    for (const length of [{ 'content-length': '0' }, {}] as Record<string, string>[]) {
      const headers = { ...length, 'content-type': type }
      t.equal((await say('POST /none', headers)).status, 200, type)
      t.equal((await say('DELETE /none', headers)).status, 200, type)
      t.match(await say('POST /optional', headers), { status: 200, body: { body: null } }, type)
      t.equal((await say('GET /read', headers)).status, 200, type)
      for (const path of ['/json', '/schema']) {
        const { status, body } = await say(`POST ${path}`, headers)
        t.match({ status, body }, { status: 400, body: { detail: /body is empty/ } }, type)
      }
    }
  }
  const chunked = { 'transfer-encoding': 'chunked', 'content-type': 'application/json' }
  t.equal((await say('POST /none', chunked, '0\r\n\r\n')).status, 200)
  t.match(await say('POST /json', chunked, '0\r\n\r\n'), { status: 400 })
})

t.test('content that a route does not take is refused, and nothing runs', async (t) => {
  const { json, say, runs } = await start(t)
  t.equal((await json('POST /none', '{}')).status, 200, 'an empty object says nothing')
  runs.length = 0
  const cases: [line: string, content: string][] = [
    ['POST /none', '{"queue":true}'],
    ['POST /none', '[]'],
    ['POST /none', '0'],
    ['DELETE /none', '{"force":1}'],
    ['GET /read', '{"a":1}'],
    ['GET /read', '{}'],
  ]
  for (const [line, content] of cases) {
    const { status, body } = await json(line, content)
    t.match(
      { status, body },
      { status: 400, body: { type: 'invalid-request' } },
      `${line} ${content}`,
    )
  }
  const text = { 'content-type': 'text/plain', 'content-length': '1' }
  t.match(await say('POST /none', text, 'x'), {
    status: 400,
    body: { detail: /body is not allowed/ },
  })
  t.match(await json('POST /none', '{"queue":true}'), { body: { errors: [{ field: 'queue' }] } })
  t.same(runs, [])
})

t.test('content of another type, coding or range is refused in words', async (t) => {
  const { json, say } = await start(t)
  const cases: [headers: Record<string, string>, status: number, detail: RegExp][] = [
    [{ 'content-encoding': 'gzip' }, 415, /Content-Encoding: gzip/],
    [{ 'content-encoding': 'br, gzip' }, 415, /encoded/],
    [{ 'content-range': 'bytes 0-2/9' }, 400, /Content-Range/],
    [{ 'content-type': 'application/json; charset=iso-8859-1' }, 415, /charset=iso-8859-1/],
    [{ 'content-type': 'application/json; charset="utf-16"' }, 415, /UTF-8/],
    [{ 'content-type': 'application/x-www-form-urlencoded' }, 415, /curl --json/],
    [{ 'content-type': 'text/plain' }, 415, /the Content-Type is text\/plain/],
    [{ 'content-type': '' }, 415, /no Content-Type/],
    [{ 'content-type': 'application/jsonx' }, 415, /jsonx/],
  ]
  for (const [headers, status, detail] of cases) {
    const answer = await json('POST /json', '"a"', headers)
    t.match(answer, { status, body: { detail } }, JSON.stringify(headers))
  }
  const { head } = await json('POST /json', '"a"', { 'content-encoding': 'gzip' })
  t.match(head, /^accept-encoding: identity$/im)
  for (const type of [
    'application/json; charset=UTF-8',
    'Application/JSON',
    'application/json;a=b',
  ]) {
    t.equal((await json('POST /json', '"a"', { 'content-type': type })).status, 200, type)
  }
  t.equal((await json('POST /json', '"a"', { 'content-encoding': 'identity' })).status, 200)
  for (const header of [{ 'content-encoding': 'gzip' }, { 'content-range': 'bytes 0-0/9' }]) {
    const answer = await say('PUT /bytes', { 'content-length': '1', ...header }, 'x')
    t.ok([400, 415].includes(answer.status))
  }
  t.match(await say('PUT /bytes', { 'content-length': '3' }, 'abc'), { body: { bytes: 3 } })
})

t.test('what is too long is refused before it is read, and what leads nowhere too', async (t) => {
  const { dial, clients } = await start(t)
  const long = await dial(post('/json', 8_001)).answer
  t.match(long, { status: 413, body: { type: 'body-too-large', detail: /at most 8000 bytes/ } })
  t.match(await dial(post('/nothing', 5_000)).answer, { status: 404 })
  t.match(await dial(post('/read', 5_000)).answer, { status: 405 })
  t.equal(clients.usedBytes, 0)
})

async function waitUntil(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 2))
}
