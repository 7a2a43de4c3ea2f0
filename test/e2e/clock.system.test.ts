// The wall clock of a master is set while it runs, and between two runs: what is to end by it ends, for
// good, and what waits goes on waiting. Real processes; their clock is libfaketime's.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import t from 'tap'
import { Agent, request } from 'undici'
import { createKey, createRequest } from '../../shared/http/certificates.ts'
import { folderOf } from '../folder.ts'
import type { Json } from '../requests.ts'
import { ended, getJson, post, sleep, until } from '../requests.ts'
import { askfirst, freePort, startProcess, startSlave } from '../rigs/cluster/programs.ts'
import { createWallClock, skipFaketime } from './faketime.ts'

const HOUR_MS = 3_600_000
/** Of an answer's time against the clock that the process goes by: it was on its way. */
const NEAR_MS = 60_000

t.test('keys and tokens end by the wall clock', { skip: skipFaketime }, async (t) => {
  const folder = folderOf(t)
  const data = join(folder, 'master')
  const clock = createWallClock(folder)
  const port = await freePort()
  const url = `https://127.0.0.1:${port}`
  askfirst('init', '--data', data, '--url', url, '--key-file', join(folder, 'admin.key'))
  const args = ['--port', `${port}`, '--data', data, '--log-level', 'warn']
  const start = () => startProcess(t, 'master/main.ts', args, clock.env)
  let master = await start()
  const agent = new Agent({ connect: { ca: readFileSync(join(data, 'auth/ca.pem'), 'utf8') } })
  t.teardown(() => agent.destroy())
  const ask = async (method: 'GET' | 'POST', path: string, key: string, body?: Json) => {
    const reply = await request(url + path, {
      method,
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: body ? JSON.stringify(body) : null,
      dispatcher: agent,
    })
    return { status: reply.statusCode, body: (await reply.body.json()) as Json }
  }
  let files = 0
  const makeKey = (...more: string[]): string => {
    const file = join(folder, `${++files}.key`)
    askfirst('key', 'create', '--data', data, '--scopes', 'read', '--key-file', file, ...more)
    return readFileSync(file, 'utf8').trim()
  }
  const makeToken = (): string => askfirst('token', 'create', '--data', data, '--ttl', '10m')
  const tasks = (key: string) => ask('GET', '/tasks', key)
  const joins = async (line: string, name: string) => {
    const token = line.split('@')[0]
    return ask('POST', '/join', '', {
      token,
      name,
      request: await createRequest(createKey(), name),
    })
  }
  const isLetIn = async (key: string): Promise<boolean> => (await tasks(key)).status === 200

  const [used, unused, lasting] = [makeKey('--ttl', '10m'), makeKey('--ttl', '10m'), makeKey()]
  const [asked, unasked] = [makeToken(), makeToken()]
  await until(() => isLetIn(lasting))
  t.ok(await isLetIn(used))
  t.equal((await joins(makeToken(), 'slave-1')).status, 200)

  const refused = async (t: Tap, words: string) => {
    const said = await tasks(used)
    t.same([said.status, said.body.detail], [401, 'this key has expired'], words)
    const joined = await joins(asked, 'slave-2')
    t.equal(joined.status, 403, words)
    t.match(joined.body.detail, /this token has expired/)
    t.ok(await isLetIn(lasting), 'and a key that does not end is let in')
  }

  await t.test('8 hours later, by a step of the clock', async (t) => {
    clock.set('+8h')
    await refused(t, 'at once')
    // It looks each second what has expired, two keys and three tokens, and writes it down.
    const identities = new DatabaseSync(join(data, 'auth/auth.sqlite'), { readOnly: true })
    const count = identities.prepare('SELECT count(*) AS n FROM expired')
    await until(async () => Number(count.get()?.n) === 5)
    identities.close()
    await until(async () => master.stderr().includes('the wall clock jumped'))
  })

  for (const offset of ['+0', '-8h', '-2d']) {
    await t.test(`and for good, when the clock is set to ${offset}`, async (t) => {
      clock.set(offset)
      await refused(t, 'what was refused')
      t.notOk(await isLetIn(unused), 'what nobody used meanwhile')
      t.equal((await joins(unasked, 'slave-3')).status, 403)
      await master.kill()
      master = await start()
      await refused(t, 'after a start')
      t.notOk(await isLetIn(unused))
      t.equal((await joins(unasked, 'slave-3')).status, 403)
      const fresh = makeKey('--ttl', '10m')
      await until(() => isLetIn(fresh))
    })
  }
})

t.test('what waits goes on waiting', { skip: skipFaketime }, async (t) => {
  const folder = folderOf(t)
  const clock = createWallClock(folder)
  const port = await freePort()
  const data = join(folder, 'master')
  const start = () => {
    const args = ['--port', `${port}`, '--data', data, '--log-level', 'warn']
    return startProcess(t, 'master/main.ts', args, clock.env)
  }
  let master = await start()
  await startSlave(t, master.url, 'slave-1', ['--slots', '1', '--kinds', 'sleep'])
  const done = await post(`${master.url}/tasks`, sleep(1), { prefer: 'wait=60' })
  t.equal(done.body.status, 'done')
  const long = await post(`${master.url}/tasks`, { ...sleep(HOUR_MS), runLimitMs: HOUR_MS })
  t.equal(long.status, 202)
  const ids: string[] = []
  for (let i = 0; i < 3; i++) {
    const body = { ...sleep(1), queue: true, waitLimitMs: 600_000 }
    ids.push((await post(`${master.url}/tasks`, body)).body.id)
  }
  const all = () => Promise.all(ids.map((id) => getJson(`${master.url}/tasks/${id}`)))
  const allWait = async (t: Tap, words: string) => {
    t.same(
      (await all()).map(({ status }) => status),
      ids.map(() => 'pending'),
      words,
    )
    const result = await getJson(`${master.url}/tasks/${done.body.id}`)
    t.match(result, { status: 'done', result: { sleptMs: 1 } }, `${words}: a result is kept`)
  }

  for (const [offset, ms] of [
    ['+8h', 8 * HOUR_MS],
    ['-8h', -8 * HOUR_MS],
    ['+30d', 720 * HOUR_MS],
    ['-30d', -720 * HOUR_MS],
    ['+0', 0],
  ] as const) {
    await t.test(`when the clock is set to ${offset}`, async (t) => {
      clock.set(offset)
      const { id } = (await post(`${master.url}/tasks`, { ...sleep(1), queue: true })).body
      const { createdAt } = await getJson(`${master.url}/tasks/${id}`)
      const aheadMs = Date.parse(createdAt) - Date.now() - ms
      t.ok(Math.abs(aheadMs) < NEAR_MS, `a task made now was made now (${aheadMs} ms ahead)`)
      await until(async () => master.stderr().includes('the wall clock jumped'))
      await allWait(t, 'in the running master')
    })
    await t.test(`when it is started again with its clock at ${offset}`, async (t) => {
      await master.kill()
      master = await start()
      await until(async () => (await getJson(`${master.url}/readyz`)).status === 'ready')
      await allWait(t, 'after a start')
    })
  }

  await fetch(`${master.url}/tasks/${long.body.id}`, { method: 'DELETE' })
  for (const id of ids) t.equal((await ended(master.url, id)).status, 'done')
})

type Tap = { same: typeof t.same; match: typeof t.match; equal: typeof t.equal; ok: typeof t.ok }
