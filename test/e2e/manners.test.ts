// HTTP manners, against every route that the app has: a new route is tested without a line here. What a
// route takes is read from its own declaration (master.routeTable), not repeated.

import type { Test } from 'tap'
import t from 'tap'
import type { Dispatcher } from 'undici'
import { Agent, request } from 'undici'
import type { RouteManners } from '../../master/http/collect-routes.ts'
import { startQuietMaster } from '../quiet-master.ts'
import { ended, getJson, post, until } from '../requests.ts'
import { startGuarded } from './guarded.ts'

/** What ends at once, though GET would be held or would have an effect. */
const PARAMS: Record<string, string> = {
  ':id': '01990000-0000-7000-8000-00000000abcd',
  ':name': 'slave-1',
  ':sha256': 'ab'.repeat(32),
  '*': 'index.html',
}

const addressOf = (path: string): string =>
  Object.entries(PARAMS).reduce((said, [name, value]) => said.replace(name, value), path)

type Said = { status: number; headers: Record<string, unknown>; text: string }

async function start(t: Test) {
  const master = await startQuietMaster(t, { blobBytesMax: 4096 })
  const agent = new Agent({ headersTimeout: 20_000 })
  t.teardown(() => agent.destroy())
  async function say(
    method: string,
    path: string,
    headers: Record<string, string> = {},
    body: string | null = null,
  ): Promise<Said> {
    const answer = await request(master.url + path, {
      method: method as Dispatcher.HttpMethod,
      headers,
      body,
      dispatcher: agent,
    })
    // A stream of events has no end: its head is enough.
    const isStream = String(answer.headers['content-type']).startsWith('text/event-stream')
    const isOpen = isStream && method !== 'HEAD'
    const text = isOpen ? '' : await answer.body.text()
    if (isOpen) answer.body.on('error', () => {}).destroy()
    return { status: answer.statusCode, headers: answer.headers, text }
  }
  // HEAD routes are those of GET, and are looked at with them.
  const all = master.routeTable().filter(({ method }) => method !== 'HEAD')
  const ofDocs = ({ path }: RouteManners): boolean => path.startsWith('/docs')
  return { master, say, routes: all.filter((route) => !ofDocs(route)), all }
}

const JSON_TYPE = { 'content-type': 'application/json' }
const name = ({ method, path }: RouteManners): string => `${method} ${path}`
const isProblem = ({ headers, text }: Said): boolean =>
  String(headers['content-type']).startsWith('application/problem+json') &&
  typeof (JSON.parse(text) as { detail?: unknown }).detail === 'string'
/** Without it, a poll would be held. */
const withQuery = ({ path }: RouteManners): string =>
  path === '/get_task' ? '/get_task?slave=s&kinds=none&wait=0' : addressOf(path)

t.test('every route, whatever is asked of it', async (t) => {
  const { say, routes, all } = await start(t)
  t.ok(routes.length > 30, `${routes.length} routes`)

  t.test('OPTIONS says what there is, and no other method runs', async (t) => {
    for (const path of new Set(routes.map((route) => route.path))) {
      const { status, headers, text } = await say('OPTIONS', addressOf(path))
      const methods = routes.filter((route) => route.path === path).map(({ method }) => method)
      const allow = String(headers.allow).split(', ')
      t.same([status, text], [204, ''], path)
      for (const each of [...methods, 'OPTIONS']) t.ok(allow.includes(each), `${each} ${path}`)
      for (const other of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'TRACE'] as const) {
        // Another route of the same address, such as /tasks/:id beside /tasks/batch.
        if (allow.includes(other)) continue
        const refused = await say(other, addressOf(path))
        t.equal(refused.status, 405, `${other} ${path}`)
        t.equal(refused.headers.allow, headers.allow)
        t.ok(isProblem(refused))
      }
    }
  })

  t.test('HEAD is GET without its content, ends, and holds nothing', async (t) => {
    for (const route of routes.filter(({ method }) => method === 'GET')) {
      const head = await say('HEAD', withQuery(route))
      const got = await say('GET', withQuery(route))
      if (head.status === 405) {
        t.notOk(String(head.headers.allow).includes('HEAD'), name(route))
        continue
      }
      t.same([head.status, head.text], [got.status, ''], name(route))
      t.equal(head.headers['content-type'], got.headers['content-type'], name(route))
    }
    const streams = 120
    for (let i = 0; i < streams; i++) {
      if ((await say('HEAD', '/events')).status !== 200) t.fail(`after ${i}: it took a place`)
    }
  })

  t.test('what has an ETag is not sent to who has it', async (t) => {
    const { headers: said } = await say('PUT', '/blobs', {}, 'ask first')
    const paths = [
      String(said.location),
      ...all.filter(({ method }) => method === 'GET').map(withQuery),
    ]
    let tagged = 0
    for (const path of paths) {
      const { headers } = await say('GET', path)
      const etag = headers.etag
      if (typeof etag !== 'string') continue
      tagged++
      for (const asked of [etag, `W/"x", ${etag}`, '*']) {
        if (path.startsWith('/docs') && asked !== etag) continue
        const { status, text } = await say('GET', path, { 'if-none-match': asked })
        t.same([status, text], [304, ''], `${path} ${asked}`)
        t.equal((await say('HEAD', path, { 'if-none-match': asked })).status, 304)
      }
      t.equal((await say('GET', path, { 'if-none-match': '"other"' })).status, 200, path)
    }
    t.ok(tagged >= 2, `${tagged} with an ETag`)
  })

  t.test('every answer is nothing else than it says', async (t) => {
    for (const route of all.filter(({ method }) => method === 'GET')) {
      const { headers } = await say('GET', withQuery(route))
      t.equal(headers['x-content-type-options'], 'nosniff', name(route))
    }
    t.equal(
      (await say('GET', '/docs/static/index.html')).headers['x-content-type-options'],
      'nosniff',
    )
    t.equal((await say('GET', '/none')).headers['x-content-type-options'], 'nosniff')
  })

  t.test('a slash too many leads nowhere', async (t) => {
    for (const route of routes.filter(({ path }) => path !== '/' && !path.endsWith('*'))) {
      const { status } = await say(route.method, `${addressOf(route.path)}/`)
      t.ok([400, 404].includes(status), `${name(route)}/: ${status}`)
    }
  })

  t.test('what a route does not take it refuses by name', async (t) => {
    for (const route of routes) {
      const { method, content, query } = route
      const path = withQuery(route)
      if (query === 'strict') {
        const answer = await say(
          method,
          `${path}?no-such=1`,
          JSON_TYPE,
          content === 'json' ? '{}' : null,
        )
        t.equal(answer.status, 400, `${name(route)}?no-such=1`)
        t.match(answer.text, /no-such|body/)
      }
      if (content === 'none') {
        const answer = await say(method, path, JSON_TYPE, '{"no-such":1}')
        t.equal(answer.status, 400, name(route))
        t.match(answer.text, method === 'GET' ? /body/ : /no-such/)
      }
    }
  })

  t.test('no content is no content', async (t) => {
    for (const route of routes.filter(({ method }) => method !== 'GET')) {
      const without = await say(route.method, addressOf(route.path))
      for (const type of ['application/json', 'application/x-www-form-urlencoded', 'text/plain']) {
        const answer = await say(route.method, addressOf(route.path), {
          'content-type': type,
          'content-length': '0',
        })
        t.equal(answer.status, without.status, `${name(route)}: ${type}`)
        t.notMatch(answer.text, /unsupported-media-type/)
        if (route.content === 'json') t.match(answer, { status: 400, text: /body is empty/ })
      }
    }
  })

  t.test('content that is coded, a part, of another type or charset is refused', async (t) => {
    for (const route of routes.filter(({ content }) => content !== 'none')) {
      const asked = { ...JSON_TYPE, 'content-length': '2' }
      const cases: [headers: Record<string, string>, status: number][] = [
        [{ 'content-encoding': 'gzip' }, 415],
        [{ 'content-range': 'bytes 0-1/9' }, 400],
      ]
      if (route.content !== 'bytes') {
        cases.push([{ 'content-type': 'application/json; charset=latin1' }, 415])
        cases.push([{ 'content-type': 'text/plain' }, 415])
        cases.push([{ 'content-type': 'application/x-www-form-urlencoded' }, 415])
      }
      for (const [headers, status] of cases) {
        const answer = await say(
          route.method,
          addressOf(route.path),
          { ...asked, ...headers },
          '{}',
        )
        t.equal(answer.status, status, `${name(route)} ${JSON.stringify(headers)}`)
        t.ok(isProblem(answer))
      }
    }
  })

  t.test('JSON that readers would read differently is refused', async (t) => {
    const texts: [text: string, detail: RegExp][] = [
      ['{"a":1,"a":2}', /same member/],
      ['{"tags":["x\\ud800"]}', /unpaired surrogate/],
      ['{"x\\uDFFF":1}', /unpaired surrogate/],
      ['{"a":1', /JSON/],
      ['{"a":NaN}', /JSON/],
      ['\u0000', /JSON/],
    ]
    for (const route of routes.filter(
      ({ content }) => content === 'json' || content === 'optional',
    )) {
      for (const [text, detail] of texts) {
        const answer = await say(route.method, addressOf(route.path), JSON_TYPE, text)
        t.equal(answer.status, 400, `${name(route)} ${text}`)
        t.match(answer.text, detail)
      }
    }
  })

  t.test('ids in capitals are the same ids', async (t) => {
    const { text } = await say('PUT', '/blobs', {}, 'capitals')
    const { sha256 } = JSON.parse(text) as { sha256: string }
    t.equal((await say('GET', `/blobs/${sha256.toUpperCase()}`)).text, 'capitals')
    for (const route of routes.filter(({ path }) => /:id|:sha256/.test(path))) {
      const small = await say(route.method, addressOf(route.path))
      const capital = await say(
        route.method,
        addressOf(route.path).replace(/[0-9a-f-]{36,}/, (id) => id.toUpperCase()),
      )
      t.same([capital.status, capital.text], [small.status, small.text], name(route))
    }
  })
})

t.test('a dry run is one on all three, says what would happen, and does nothing', async (t) => {
  const { master } = await start(t)
  const tasks = { tasks: [{ expression: '1' }, { kind: 'sleep', input: { ms: 1 } }] }
  for (const said of ['?dry-run', '?dry-run=true', '?dry-run=1']) {
    const one = await post(`${master.url}/tasks${said}`, { expression: '1' })
    t.match(one, { status: 200, body: { wouldAsk: null, slaves: [] } }, said)
    t.match(await post(`${master.url}/tasks/batch${said}`, tasks), {
      status: 200,
      body: {
        tasks: [
          { kind: 'expression', wouldAsk: null },
          { kind: 'sleep', wouldAsk: null },
        ],
      },
    })
    const job = { kind: 'word-count', input: { text: 'ask first' } }
    t.match(await post(`${master.url}/jobs${said}`, job), { status: 503 }, 'as without')
  }
  t.same((await getJson(`${master.url}/tasks`)).tasks, [])
  t.same((await getJson(`${master.url}/jobs`)).jobs, [])
  const queued = { expression: '1', queue: true }
  t.equal((await post(`${master.url}/tasks?dry-run=false`, queued)).status, 202, 'false is none')
  const unclear = await post(`${master.url}/tasks?dry-run=maybe`, queued)
  t.match(unclear, { status: 400, body: { errors: [{ field: 'dry-run' }] } })
})

t.test(
  'a key that cannot be told apart is refused, and where none is taken it is said',
  async (t) => {
    const { master } = await start(t)
    const key = (name: string) => ({ 'idempotency-key': name })
    const accented = await post(`${master.url}/tasks`, { expression: '1' }, key('cl\u00e9'))
    t.match(accented, { status: 400, body: { detail: /Idempotency-Key must be printable ASCII/ } })
    const batch = { tasks: [{ expression: '1', queue: true }] }
    t.match(await post(`${master.url}/tasks/batch`, batch, key('k')), {
      status: 400,
      body: { detail: /Idempotency-Key is not allowed here: give each item/ },
    })
    t.same((await getJson(`${master.url}/tasks`)).tasks, [])
  },
)

t.test('a retry is the whole request again, with what may be changed', async (t) => {
  const { master } = await start(t)
  const { url } = master
  const asked = { expression: '1', queue: true, waitLimitMs: 50, priority: 7, tags: ['red'] }
  const { body } = await post(`${url}/tasks`, asked)
  await ended(url, body.id)
  const again = await post(`${url}/tasks/${String(body.id).toUpperCase()}/retry`, '')
  t.match(again, { status: 202, body: { status: 'pending' } }, 'it waits as it did')
  t.match(await ended(url, again.body.id), { status: 'expired', priority: 7, tags: ['red'] })
  const changes = { queue: true, waitLimitMs: 60_000, priority: -1, tags: ['blue'] }
  const other = await post(`${url}/tasks/${body.id}/retry`, changes)
  t.match(await getJson(`${url}/tasks/${other.body.id}`), { priority: -1, tags: ['blue'] })
  const refused = await post(`${url}/tasks/${body.id}/retry`, { queue: false })
  t.match(refused, { status: 503, body: { type: 'no-slaves' } })
  const input = await post(`${url}/tasks/${body.id}/retry`, { expression: '2' })
  t.match(input, { status: 400, body: { errors: [{ field: 'expression' }] } })
})

t.test('what was meant is said, and where to ask', async (t) => {
  const { master } = await start(t)
  const { url } = master
  const misspelt = await post(`${url}/tasks`, { expresion: '1' })
  t.match(misspelt.body.errors, [{ field: 'expresion', rule: /did you mean "expression"/ }])
  const job = await post(`${url}/tasks`, { kind: 'word-frequency', input: {} })
  t.match(job, { status: 422, body: { detail: /kind of job,.*POST \/jobs/ } })
  const task = await post(`${url}/jobs`, { kind: 'sleep', input: { ms: 1 } })
  t.match(task, { status: 422, body: { detail: /kind of task,.*POST \/tasks/ } })
})

t.test('plain HTTP to a port that speaks TLS is answered in words', async (t) => {
  const { master } = await startGuarded(t)
  const { hostname, port } = new URL(master.url)
  const { statusCode, body } = await request(`http://${hostname}:${port}/healthz`)
  t.equal(statusCode, 400)
  t.match(await body.json(), { type: 'invalid-request', detail: /uses TLS: use https/ })
})

t.test('a key that may cancel and not read hears id and status alone', async (t) => {
  const g = await startGuarded(t)
  const more = { client: 'alice' }
  const { ask } = await g.keyOf(['submit'], more)
  const { ask: cancel } = await g.keyOf(['cancel'], more)
  const { ask: both } = await g.keyOf(['cancel', 'read'], more)
  await until(async () => (await both('GET', '/status')).status === 200)
  const slave = await g.certified('slave', 'slave-1')
  await until(
    async () => (await slave('GET', '/get_task?slave=slave-1&kinds=sleep&wait=0')).status === 204,
  )
  const submit = async () =>
    (await ask('POST', '/tasks', { kind: 'sleep', input: { ms: 1 }, queue: true })).body.id
  const id = await submit()
  const said = await cancel('DELETE', `/tasks/${id}`)
  t.same([said.status, said.body], [200, { id, status: 'cancelled' }])
  t.match((await both('DELETE', `/tasks/${await submit()}`)).body, { input: { ms: 1 } })
  t.equal((await cancel('GET', `/tasks/${id}`)).status, 403)
})
