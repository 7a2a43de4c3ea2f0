// Every route against everybody: who is let in, who is known and may not, and who is not known.

import type { Test } from 'tap'
import t from 'tap'
import { Agent, request } from 'undici'
import { isReachable } from '../../master/core/reach.ts'
import { createKey, createRequest } from '../../shared/http/certificates.ts'
import { until } from '../requests.ts'
import type { Ask } from './guarded.ts'
import { startGuarded } from './guarded.ts'

/** Whether the slave `slave-1` polls. */
function isPolling({ dispatcher }: Awaited<ReturnType<typeof startGuarded>>['master']): boolean {
  const slave = dispatcher.view.registry.byName.get('slave-1')
  return slave !== undefined && slave.reach.by !== 'http' && isReachable(slave)
}

type Who = 'open' | 'submit' | 'read' | 'cancel' | 'admin' | 'slave'

/** Said once more, by hand: who may ask for what. */
const ROUTES: Record<string, Who[]> = {
  'GET /healthz': ['open'],
  'GET /readyz': ['open'],
  'GET /': ['open'],
  'GET /page/*': ['open'],
  'GET /ca': ['open'],
  'POST /join': ['open'],
  'POST /session': ['open'],
  'GET /session': ['open'],
  'DELETE /session': ['open'],
  'POST /tasks': ['submit'],
  'POST /tasks/batch': ['submit'],
  'POST /tasks/:id/retry': ['submit'],
  'POST /jobs': ['submit'],
  'PUT /blobs': ['submit', 'slave'],
  'GET /tasks': ['read'],
  'GET /get-tasks': ['read'],
  'GET /tasks/:id': ['read'],
  'GET /tasks/:id/trail': ['read'],
  'GET /tasks/:id/files': ['read'],
  'GET /tasks/:id/files/*': ['read'],
  'GET /jobs': ['read'],
  'GET /jobs/:id': ['read'],
  'GET /jobs/:id/parts': ['read'],
  'GET /jobs/:id/result': ['read'],
  'GET /events': ['read'],
  'GET /overview': ['read'],
  'GET /metrics': ['read'],
  'GET /kinds': ['read'],
  'GET /slaves': ['read'],
  'GET /status': ['read'],
  'GET /blobs/:sha256': ['read', 'slave'],
  'DELETE /tasks/:id': ['cancel'],
  'DELETE /jobs/:id': ['cancel'],
  'POST /slaves/:name/drain': ['admin'],
  'POST /slaves/:name/resume': ['admin'],
  'DELETE /slaves/:name': ['admin', 'slave'],
  'POST /renew': ['slave'],
  'POST /slaves': ['slave'],
  'POST /slaves/:name/heartbeat': ['slave'],
  'POST /callbacks': ['slave'],
  'GET /get_task': ['slave'],
  'POST /submit_result': ['slave'],
}

const ID = '01990000-0000-7000-8000-000000000001'
const addressOf = (url: string): string =>
  url
    .replace(':id', ID)
    .replace(':name', 'slave-1')
    .replace(':sha256', '0'.repeat(64))
    .replace('/get_task', '/get_task?slave=slave-1&kinds=sleep&wait=0')

const state = (slave: string) => ({
  slave,
  boot: 'b',
  generation: 1,
  slots: 1,
  free: 1,
  mode: 'accepting',
  reason: '',
})

t.test('lets in who may, on every route there is, and nobody else', async (t) => {
  const g = await startGuarded(t, { refusalsPerMinuteMax: 100_000 })
  const registered = g.master.routes().filter((route) => !/^HEAD |^GET \/docs(\/|$)/.test(route))
  t.same(registered.toSorted(), Object.keys(ROUTES).toSorted(), 'every route is walked')

  const revoked = await g.keyOf(['admin'])
  await g.identities.revokeKey(revoked.id)
  const shutOut = await g.certified('slave', 'slave-7')
  await g.identities.revokeSlave('slave-7')
  const strangers: Record<string, Ask> = {
    'no key': g.nobody,
    'a key that there is not': g.byKey(`afk_${'x'.repeat(43)}`),
    'no key at all in the header': g.asking({}, { authorization: 'Bearer' }),
    'another scheme': g.asking({}, { authorization: 'Basic YWRtaW46YWRtaW4=' }),
    'an expired key': (await g.keyOf(['admin'], { ttlMs: -1 })).ask,
    'a revoked key': revoked.ask,
    'an expired certificate': await g.certified('slave', 'slave-1', -1000),
    'a revoked certificate': shutOut,
    'a certificate of the master': await g.certified('master', 'master'),
    'a session that there is not': g.asking({}, { cookie: `askfirst-session=${'x'.repeat(43)}` }),
  }
  const known: [Who, Ask][] = [['slave', await g.certified('slave', 'slave-1')]]
  for (const scope of ['submit', 'read', 'cancel', 'admin'] as const) {
    known.push([scope, (await g.keyOf([scope], { client: '*' })).ask])
  }
  const reader = await g.keyOf(['read'], { client: '*' })
  known.push(['read', await g.certified('client', reader.id)])
  // The other view of the file is taken over within a second; here at once.
  await until(async () => (await (known[1] as [Who, Ask])[1]('GET', '/status')).status === 403)

  for (const [route, allowed] of Object.entries(ROUTES)) {
    const [method = '', url = ''] = route.split(' ')
    const path = addressOf(url)
    const body = method === 'POST' ? {} : undefined
    for (const [who, ask] of Object.entries(strangers)) {
      const { status, body: said, headers } = await ask(method, path, body)
      if (allowed.includes('open')) t.not(status, 403, `${route}: ${who}`)
      else {
        t.same([status, said.type], [401, 'unauthorized'], `${route}: ${who}`)
        t.match(headers['www-authenticate'], /^Bearer/)
      }
    }
    for (const [who, ask] of known) {
      const { status } = await ask(method, path, body)
      const may =
        allowed.includes(who) ||
        allowed.includes('open') ||
        (who === 'admin' && allowed.some((each) => each !== 'slave'))
      if (may) t.notOk([401, 403].includes(status), `${route}: ${who} may (${status})`)
      else t.equal(status, 403, `${route}: ${who} may not`)
    }
  }
})

t.test('lets a slave speak in its own name only', async (t) => {
  const g = await startGuarded(t)
  const slave = await g.certified('slave', 'slave-2')
  await until(async () => (await slave('GET', '/blobs/x')).status === 404)
  const callback = { attempt: 'a', task: ID, outcome: { status: 'done', result: 1 }, ranMs: 1 }
  const card = { name: 'slave-1', boot: 'b', version: '1', kinds: [], tags: [], slots: 1 }
  const said: [string, string, unknown][] = [
    ['POST', '/slaves', { ...card, url: 'https://127.0.0.1:1' }],
    ['POST', '/slaves/slave-1/heartbeat', { state: state('slave-1'), attempts: [] }],
    ['POST', '/slaves/slave-1/heartbeat', { state: state('slave-2'), attempts: [] }],
    ['POST', '/slaves/slave-2/heartbeat', { state: state('slave-1'), attempts: [] }],
    ['POST', '/callbacks', { state: state('slave-1'), callbacks: [callback] }],
    ['DELETE', '/slaves/slave-1', undefined],
    ['GET', '/get_task?slave=slave-1&kinds=sleep&wait=0', undefined],
    ['POST', '/submit_result', { slave: 'slave-1', attempt: 'a', result: 1 }],
    ['POST', '/submit_result', { state: state('slave-1'), callbacks: [callback] }],
  ]
  for (const [method, path, body] of said) {
    const reply = await slave(method, path, body)
    t.same([reply.status, reply.body.type], [403, 'forbidden'], `${method} ${path}`)
    t.match(reply.body.detail, 'slave-2 is not authorized to act for "slave-1"')
  }
})

/** Two slaves that poll, and a client. */
async function twoSlaves(t: Test) {
  const g = await startGuarded(t)
  const one = await g.certified('slave', 'slave-1')
  const two = await g.certified('slave', 'slave-2')
  const client = (await g.keyOf(['submit', 'read', 'cancel'])).ask
  await until(async () => (await client('GET', '/status')).status === 200)
  return { ...g, one, two, client }
}

t.test('takes an outcome from the slave that has the attempt, and no other', async (t) => {
  const { one, two, client, master } = await twoSlaves(t)
  const polled = one('GET', '/get_task?slave=slave-1&kinds=sleep&wait=30')
  await until(async () => isPolling(master))
  const { body: task } = await client('POST', '/tasks', { kind: 'sleep', input: { ms: 1 } })
  const { attempt } = (await polled).body
  const stolen = { attempt, task: task.id, result: 'stolen' }
  await two('POST', '/submit_result', { slave: 'slave-2', ...stolen })
  await two('POST', '/callbacks', {
    state: state('slave-2'),
    callbacks: [
      { attempt, task: task.id, outcome: { status: 'done', result: 'stolen' }, ranMs: 1 },
    ],
  })
  t.equal((await client('GET', `/tasks/${task.id}`)).body.status, 'in progress')
  t.equal(master.dispatcher.view.counters.callbacksForged, 2)
  const result = { sleptMs: 1 }
  await one('POST', '/submit_result', { slave: 'slave-1', attempt, task: task.id, result })
  t.same((await client('GET', `/tasks/${task.id}`)).body.result, result)
})

t.test(
  'a slave without a name is that of its certificate, and hands in what that has',
  async (t) => {
    const { one, two, client, master } = await twoSlaves(t)
    const polled = one('GET', '/get_task')
    await until(async () => isPolling(master))
    const { body: task } = await client('POST', '/tasks', {
      kind: 'word-count',
      input: { text: 'a' },
    })
    t.equal((await polled).body.task, task.id)
    const said = { task: task.id, result: 1 }
    t.match(await two('POST', '/submit_result', { ...said, result: 7 }), {
      status: 404,
      body: { detail: /^slave-2 does not have/ },
    })
    t.equal((await two('POST', '/submit_result', { ...said, slave: 'slave-1' })).status, 403)
    t.equal((await client('GET', `/tasks/${task.id}`)).body.status, 'in progress')
    t.equal((await one('POST', '/submit_result', said)).status, 200)
    t.same((await client('GET', `/tasks/${task.id}`)).body.result, { words: 1 })
  },
)

t.test("shows a client its own tasks and jobs, and none of another's", async (t) => {
  const g = await twoSlaves(t)
  const alice = (await g.keyOf(['submit', 'read', 'cancel'], { client: 'alice' })).ask
  const again = (await g.keyOf(['read'], { client: 'alice' })).ask
  const bob = (await g.keyOf(['submit', 'read', 'cancel'], { client: 'bob' })).ask
  const admin = (await g.keyOf(['admin'])).ask
  const all = (await g.keyOf(['read'], { client: '*' })).ask
  await until(async () => (await all('GET', '/status')).status === 200)
  const polled = g.one('GET', '/get_task?slave=slave-1&kinds=word-count&wait=30')
  await until(async () => isPolling(g.master))
  const job = { kind: 'word-count', input: { text: 'one two\n\nthree' } }
  const jobId = (await alice('POST', '/jobs', job, { 'idempotency-key': 'k' })).body.id
  await polled
  const task = { kind: 'word-count', input: { text: 'one two' }, queue: true }
  const { id } = (await alice('POST', '/tasks', task, { 'idempotency-key': 'k' })).body
  const own = (await bob('POST', '/tasks', task, { 'idempotency-key': 'k' })).body
  t.not(own.id, id, 'the same Idempotency-Key of two clients is two keys')
  t.equal((await alice('POST', '/tasks', task, { 'idempotency-key': 'k' })).body.id, id)

  for (const path of [`/tasks/${id}`, `/tasks/${id}/trail`]) {
    t.equal((await bob('GET', path)).status, 404, path)
    for (const ask of [alice, again, admin, all]) t.equal((await ask('GET', path)).status, 200)
  }
  for (const path of ['', '/parts', '/result']) {
    const reply = await bob('GET', `/jobs/${jobId}${path}`)
    t.same([reply.status, reply.body.type], [404, 'no-such-job'], path)
    t.not((await alice('GET', `/jobs/${jobId}${path}`)).status, 404)
  }
  for (const path of ['/events', '/overview']) t.equal((await bob('GET', path)).status, 403)
  t.equal((await bob('DELETE', `/tasks/${id}`)).status, 404)
  t.equal((await bob('POST', `/tasks/${id}/retry`)).status, 404)
  t.equal((await bob('DELETE', `/jobs/${jobId}`)).status, 404)
  const ids = async (ask: Ask, path: string, list: string) =>
    (await ask('GET', path)).body[list].map((each: { id: string }) => each.id)
  t.same(await ids(bob, '/tasks', 'tasks'), [own.id])
  t.same(await ids(bob, '/get-tasks?status=pending', 'tasks'), [own.id])
  t.same(await ids(bob, '/jobs', 'jobs'), [])
  t.same(await ids(alice, '/jobs', 'jobs'), [jobId])
  t.ok((await ids(admin, '/tasks', 'tasks')).includes(id))
  t.equal((await alice('DELETE', `/tasks/${id}`)).status, 200)
})

t.test('lets a slave join by a token that is good, once', async (t) => {
  const g = await startGuarded(t)
  const join = async (token: string, name: string, key = createKey()) =>
    g.nobody('POST', '/join', { token, name, request: await createRequest(key, name) })
  const token = (slave: string | null, ttlMs = 3_600_000, uses = 1) =>
    g.identities.createToken({ slave, uses, ttlMs })
  const refused = async (reply: ReturnType<typeof join>, why: RegExp) => {
    const { status, body } = await reply
    t.same([status, body.type], [403, 'join-refused'])
    t.match(body.detail, why)
  }

  const good = await token(null)
  const key = createKey()
  const first = await join(good.secret, 'slave-1', key)
  t.equal(first.status, 200)
  t.match(first.body.certificate, /BEGIN CERTIFICATE/)
  t.equal((await join(good.secret, 'slave-1', key)).status, 200, 'an answer may have been lost')
  await refused(join(good.secret, 'slave-1'), /has been used/)
  await refused(join(good.secret, 'slave-9'), /has been used/)
  await refused(join(good.secret, 'slave-9', key), /with another name/)
  await refused(join(`afj_${'x'.repeat(43)}`, 'slave-2'), /is unknown/)
  await refused(join((await token(null, -1)).secret, 'slave-2'), /expired/)
  await refused(join((await token('slave-3')).secret, 'slave-2'), /with another name/)
  await refused(join((await token(null)).secret, 'slave-1'), /with this name has joined/)
  const called = await token(null)
  await g.identities.revokeToken(called.id)
  await refused(join(called.secret, 'slave-2'), /revoked/)
  t.equal(
    (await join((await token('slave-1')).secret, 'slave-1')).status,
    200,
    'a token for this very name',
  )
  await g.identities.revokeSlave('slave-1')
  await refused(join((await token(null)).secret, 'slave-1'), /were revoked/)
  t.equal((await join((await token('slave-1')).secret, 'slave-1')).status, 200, 'let in again')
  for (const request of ['', 'nonsense', '-----BEGIN CERTIFICATE REQUEST-----\nAAAA']) {
    const body = { token: (await token(null)).secret, name: 'slave-4', request }
    t.equal((await g.nobody('POST', '/join', body)).status, 400)
  }
})

t.test('renews no certificate that was revoked, also when it is let in by another', async (t) => {
  const g = await startGuarded(t)
  const renew = async (ask: Ask) =>
    ask('POST', '/renew', { request: await createRequest(createKey(), 'slave-1') })
  const before = await g.certified('slave', 'slave-1')
  await until(async () => (await renew(before)).status === 200)
  // Without a turn of the event loop, so that the master cannot look between: the old one out, a new one in.
  await g.identities.revokeSlave('slave-1')
  const { secret } = await g.identities.createToken({ slave: 'slave-1', uses: 1, ttlMs: 3_600_000 })
  t.equal(await g.identities.useToken(secret, 'slave-1', 'a new key'), null)
  t.equal((await renew(before)).status, 401)
})

t.test('keeps a few sessions of a key, so that one key cannot sign out another', async (t) => {
  const g = await startGuarded(t)
  const [one, other] = [await g.keyOf(['read']), await g.keyOf(['read'])]
  await until(async () => (await other.ask('GET', '/status')).status === 200)
  const signIn = async (key: string): Promise<Ask> => {
    const { headers } = await g.nobody('POST', '/session', { key })
    return g.asking({}, { cookie: String(headers['set-cookie']).split(';')[0] as string })
  }
  const kept = await signIn(other.secret)
  const first = await signIn(one.secret)
  for (let i = 0; i < 20; i++) await signIn(one.secret)
  t.equal((await first('GET', '/status')).status, 401, 'its oldest')
  t.equal((await kept('GET', '/status')).status, 200)
})

t.test('signs in to the page by a cookie that no script and no other site can use', async (t) => {
  const g = await startGuarded(t)
  const { secret } = await g.keyOf(['admin'])
  await until(async () => (await g.byKey(secret)('GET', '/status')).status === 200)
  t.equal((await g.nobody('POST', '/session', { key: 'afk_no' })).status, 401)
  const signedIn = await g.nobody('POST', '/session', { key: secret })
  const cookie = String(signedIn.headers['set-cookie'])
  for (const word of ['HttpOnly', 'Secure', 'SameSite=Strict', 'Path=/']) t.match(cookie, word)
  t.notMatch(cookie + signedIn.text, secret)
  const page = g.asking({}, { cookie: cookie.split(';')[0] as string })
  const host = new URL(g.master.url).host
  t.equal((await page('GET', '/status')).status, 200)
  t.equal((await page('GET', '/session')).body.signedIn, true)
  const drain = (origin?: string) =>
    page('POST', '/slaves/none/drain', undefined, origin === undefined ? {} : { origin })
  t.equal((await drain()).status, 403, 'no Origin')
  t.equal((await drain('https://evil.example')).status, 403)
  t.equal((await drain(`http://${host}`)).status, 403, 'of somebody on the way')
  t.equal((await drain('null')).status, 403)
  t.equal((await drain(`https://${host}`)).status, 404, 'of the page itself')
  await page('DELETE', '/session')
  t.equal((await page('GET', '/status')).status, 401, 'signed out')
})

t.test('ends a stream that is open when what opened it lets nobody in any more', async (t) => {
  const g = await startGuarded(t)
  const [watcher, guest, kept] = [
    await g.keyOf(['admin']),
    await g.keyOf(['admin']),
    await g.keyOf(['admin']),
  ]
  await until(async () => (await kept.ask('GET', '/status')).status === 200)
  const agent = new Agent({ connect: { ca: g.authority.ca } })
  t.teardown(() => agent.destroy())
  const open = async (path: string, headers: Record<string, string>) => {
    const { statusCode, body } = await request(`${g.master.url}${path}`, {
      headers,
      dispatcher: agent,
    })
    t.equal(statusCode, 200)
    let over = false
    body.on('data', () => {}).once('end', () => (over = true))
    return { isOver: async () => over, close: () => body.on('error', () => {}).destroy() }
  }
  const bearer = (secret: string) => ({ authorization: `Bearer ${secret}` })
  const signedIn = await g.nobody('POST', '/session', { key: guest.secret })
  const cookie = String(signedIn.headers['set-cookie']).split(';')[0] as string
  const byKey = await open('/events', bearer(watcher.secret))
  const bySession = await open('/overview', { cookie })
  const other = await open('/events', bearer(kept.secret))

  await g.identities.revokeKey(watcher.id)
  await until(byKey.isOver)
  t.notOk(await bySession.isOver())
  await g.asking({}, { cookie })('DELETE', '/session')
  await until(bySession.isOver)
  t.notOk(await other.isOver())
  other.close()
})
