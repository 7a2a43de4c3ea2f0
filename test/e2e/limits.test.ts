// Nobody can flood a master: each limit, met by somebody who goes beyond it.

import type { Socket } from 'node:net'
import { connect } from 'node:net'
import { Readable } from 'node:stream'
import type { Test } from 'tap'
import t from 'tap'
import { request } from 'undici'
import { startQuietMaster } from '../quiet-master.ts'
import { post, until } from '../requests.ts'
import { startGuarded } from './guarded.ts'

/** A connection that says what it is told to, and all that it hears until it is closed. */
function dial(t: Test, url: string, text = '') {
  const socket: Socket = connect(Number(new URL(url).port), '127.0.0.1')
  let heard = ''
  socket.on('data', (chunk) => {
    heard += chunk.toString('latin1')
  })
  socket.on('error', () => {})
  if (text) socket.write(text)
  t.teardown(() => socket.destroy())
  const closed = new Promise<string>((resolve) => socket.once('close', () => resolve(heard)))
  return { socket, closed, heard: () => heard }
}

const HEAD = 'POST /tasks HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n'

t.test('cuts off who is slow, at every step', async (t) => {
  const { url } = await startQuietMaster(t, { arrivalMs: 400 })
  const slow: Record<string, string> = {
    'says nothing': '',
    'stops in the first line': 'POST /ta',
    'stops in the headers': HEAD,
    'stops in the body': `${HEAD}Content-Length: 100\r\n\r\n{"expr`,
    'stops in the body of what is no address': `POST /%zz HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9\r\n\r\nx`,
    'stops in a chunk': `${HEAD}Transfer-Encoding: chunked\r\n\r\n5\r\n{"a`,
  }
  for (const [how, text] of Object.entries(slow)) {
    const { closed } = dial(t, url, text)
    t.notMatch(await closed, /^HTTP\/1.1 (2|5)/, how)
  }
  // Byte by byte it is no faster.
  const { socket, closed } = dial(t, url, HEAD)
  const drip = setInterval(() => socket.write('X'), 20)
  t.teardown(() => clearInterval(drip))
  await closed
  t.pass('dripping')
})

t.test('refuses what is too large, too deep or ambiguous, and goes on', async (t) => {
  const { url } = await startQuietMaster(t)
  const deep = '['.repeat(500_000) + ']'.repeat(500_000)
  const nested = `${'{"a":'.repeat(150_000)}1${'}'.repeat(150_000)}`
  for (const body of [deep, nested, deep.slice(0, 400_000)]) {
    const { status, body: said } = await post(`${url}/tasks`, body)
    t.same([status, said.type], [400, 'invalid-json'])
    t.match(said.detail, /are nested/)
  }
  const inText = JSON.stringify({ expression: '['.repeat(3_000), deep: '\\"[[[' })
  t.notMatch((await post(`${url}/tasks`, inText)).body.detail, /are nested/, 'text is not deep')
  t.equal((await post(`${url}/tasks`, `"${'x'.repeat(1_100_000)}"`)).status, 413)
  const raw: [string, string, RegExp][] = [
    ['headers of 20 kB', `${HEAD}X-Long: ${'x'.repeat(20_000)}\r\n\r\n`, /^HTTP\/1.1 431/],
    [
      'headers of which there are 5,000',
      `${HEAD}${'a: b\r\n'.repeat(5_000)}\r\n`,
      /^HTTP\/1.1 431/,
    ],
    [
      'Content-Length and Transfer-Encoding',
      `${HEAD}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
      /^HTTP\/1.1 400/,
    ],
    ['two lengths', `${HEAD}Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello`, /^HTTP\/1.1 400/],
    ['an address without a slash', 'PRI *FH3TP/2.0\r\n\r\nSM\n\r\n', /^HTTP\/1.1 404/],
    ['no HTTP at all', '\u0016\u0003\u0001\u0002', /^HTTP\/1.1 400/],
    ['an address of 20 kB', `GET /${'x'.repeat(20_000)} HTTP/1.1\r\n\r\n`, /^HTTP\/1.1 431/],
  ]
  for (const [what, text, wanted] of raw) {
    const { closed } = dial(t, url, text)
    t.match(await closed, wanted, what)
  }
  t.equal((await post(`${url}/tasks?dry-run`, { expression: '1' })).status, 200, 'it goes on')
})

t.test('keeps to its number of connections', async (t) => {
  const { url } = await startQuietMaster(t, { socketsMax: 16 })
  const dialled = Array.from({ length: 40 }, () => dial(t, url))
  let closed = 0
  for (const each of dialled) void each.closed.then(() => closed++)
  await until(async () => closed >= 24)
  const { status } = await post(`${url}/tasks?dry-run`, { expression: '1' })
  t.equal(status, 200, 'those that say nothing make room for one that asks')
})

t.test('lets one key ask so much at a time and no more, and others none the less', async (t) => {
  const g = await startGuarded(t, { requestsPerSecondMax: 5, requestsUnderWayMax: 3 })
  const one = await g.keyOf(['read'])
  const other = await g.keyOf(['read'])
  await until(async () => (await other.ask('GET', '/status')).status === 200)
  const began = performance.now()
  const asked = Array.from({ length: 30 }, () => one.ask('GET', '/status'))
  const replies = await Promise.all(asked)
  // Ten at once, and five a second more.
  const mayPass = 10 + Math.ceil(5 * ((performance.now() - began) / 1000))
  const refused = replies.filter(({ status }) => status === 429)
  t.ok(refused.length >= Math.max(1, 30 - mayPass), `${refused.length} of 30`)
  for (const { body, headers } of refused) {
    t.equal(body.type, 'too-many-requests')
    t.match(headers['retry-after'], /^[1-9]\d*$/)
  }
  t.equal((await (await g.keyOf(['admin'])).ask('GET', '/healthz')).status, 200)
  await until(async () => (await other.ask('GET', '/status')).status === 200)
  await until(async () => (await one.ask('GET', '/status')).status === 200)
  t.pass('and it may again after a while')
})

t.test('holds so many requests of one key open and no more', async (t) => {
  const g = await startGuarded(t, { requestsUnderWayMax: 3 })
  const { ask } = await g.keyOf(['submit', 'read'])
  await until(async () => (await ask('GET', '/status')).status === 200)
  const task = { kind: 'sleep', input: { ms: 1 }, queue: true }
  const slave = await g.certified('slave', 'slave-1')
  await until(async () => (await slave('GET', '/blobs/x')).status === 404)
  // It knows the kind, and does not come for the tasks.
  await slave('GET', '/get_task?slave=slave-1&kinds=sleep&wait=0')
  const posts = Array.from({ length: 5 }, () => ask('POST', '/tasks', task, { prefer: 'wait=2' }))
  const statuses = (await Promise.all(posts)).map(({ status }) => status)
  t.same(statuses.toSorted(), [202, 202, 202, 429, 429])
  t.equal((await ask('GET', '/status')).status, 200, 'those that ended are counted out')
})

t.test('tells an address that guesses to wait, and lets a good key of it in', async (t) => {
  const g = await startGuarded(t, { refusalsPerMinuteMax: 5 })
  const good = (await g.keyOf(['read'])).ask
  await until(async () => (await good('GET', '/slaves')).status === 200, 5_000).catch(() => {})
  const guess = g.byKey(`afk_${'x'.repeat(43)}`)
  const statuses: number[] = []
  for (let i = 0; i < 10; i++) statuses.push((await guess('GET', '/status')).status)
  t.equal(statuses.at(-1), 429)
  await until(async () => (await good('GET', '/status')).status === 200)
  const join = { token: 'x', name: 'a', request: 'x' }
  t.not((await g.nobody('POST', '/join', join)).status, 429, 'joining is counted by itself')
})

t.test('takes a blob for as long as it comes, and cuts off one that hardly does', async (t) => {
  const arrivalMs = 2_000
  const { url } = await startQuietMaster(t, { arrivalMs })
  const began = performance.now()
  async function* coming() {
    while (performance.now() - began < 1.5 * arrivalMs) {
      yield Buffer.alloc(1_500_000)
      await new Promise((resolve) => setTimeout(resolve, arrivalMs / 8))
    }
  }
  const put = async (body: AsyncGenerator<Buffer>) =>
    request(`${url}/blobs`, { method: 'PUT', body: Readable.from(body), bodyTimeout: 30_000 })
  const { statusCode, body } = await put(coming())
  await body.dump()
  t.equal(statusCode, 201)
  t.ok(performance.now() - began > arrivalMs, 'longer than anything else may take')
  let cutOff = false
  async function* dripping() {
    while (!cutOff) {
      yield Buffer.from('x')
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
  await t.rejects(
    put(dripping()).finally(() => {
      cutOff = true
    }),
  )
})

t.test('is not asked by pages of other sites, where nobody has a key', async (t) => {
  const { url } = await startQuietMaster(t)
  const { host } = new URL(url)
  const say = async (headers: string): Promise<string> => {
    const text = `POST /slaves/a/drain HTTP/1.1\r\n${headers}Content-Length: 0\r\nConnection: close\r\n\r\n`
    return (await dial(t, url, text).closed).slice(9, 12)
  }
  t.equal(await say(`Host: ${host}\r\n`), '404', 'a program')
  t.equal(await say(`Host: ${host}\r\nOrigin: http://${host}\r\n`), '404', 'the own page')
  t.equal(await say(`Host: ${host}\r\nOrigin: https://evil.example\r\n`), '403', 'another site')
  t.equal(await say('Host: evil.example\r\n'), '403', 'a name that was rebound to this machine')
  t.equal(await say(`Host: localhost:${new URL(url).port}\r\n`), '404')
  const old = await dial(t, url, 'GET /healthz HTTP/1.0\r\n\r\n').closed
  t.equal(old.slice(9, 12), '200', 'a health check that names no host')
})

t.test('is asked by names that were made known', async (t) => {
  const { url } = await startQuietMaster(t, { ownNames: ['master.example.com'] })
  const statusBy = async (host: string): Promise<number> => {
    const { statusCode, body } = await request(`${url}/healthz`, { headers: { host } })
    await body.dump()
    return statusCode
  }
  t.equal(await statusBy('master.example.com:8080'), 200)
  t.equal(await statusBy('other.example.com:8080'), 403)
})

t.test('hands no task to an image of another site, nor lets it ask anything else', async (t) => {
  const { url } = await startQuietMaster(t)
  const ask = async (path: string, headers: Record<string, string>): Promise<number> => {
    const { statusCode, body } = await request(url + path, { headers })
    await body.dump()
    return statusCode
  }
  const poll = '/get_task?slave=x&kinds=sleep&wait=0'
  const browser = { 'user-agent': 'Mozilla/5.0 (X11; Linux x86_64)' }
  const from = (site: string, mode: string) => ({
    ...browser,
    'sec-fetch-site': site,
    'sec-fetch-mode': mode,
  })
  t.equal(await ask(poll, {}), 204, 'a program')
  t.equal(await ask(poll, from('same-origin', 'cors')), 204, 'the own page')
  t.equal(await ask(poll, from('cross-site', 'no-cors')), 403, 'an image')
  t.equal(await ask(poll, from('cross-site', 'navigate')), 403, 'a window')
  t.equal(await ask(poll, browser), 403, 'a browser that does not say for whom')
  const shell = 'Mozilla/5.0 (Windows NT 10.0; en-US) WindowsPowerShell/5.1.19041.1'
  t.equal(await ask(poll, { 'user-agent': shell }), 204, 'a program that calls itself one')
  t.equal(await ask('/status', from('cross-site', 'no-cors')), 403)
  t.equal(await ask('/', from('cross-site', 'navigate')), 200, 'a link to our page')
})
