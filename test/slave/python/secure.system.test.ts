// The slave in Python where everybody says who they are: it joins by a join line, speaks TLS both ways,
// lets only the master offer, fetches and brings files, and renews its certificate.

import { execFileSync } from 'node:child_process'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { Agent, request } from 'undici'
import { findPython } from '../../../deploy/local/python.ts'
import { kindNames } from '../../../shared/kinds/load-kinds.ts'
import { folderOf } from '../../folder.ts'
import type { Json } from '../../requests.ts'
import { isFree, until } from '../../requests.ts'
import { askfirst, freePort, startProcess } from '../../rigs/cluster/programs.ts'
import { startSubject } from '../../rigs/conformance/subject.ts'

const PHOTO = readFileSync(new URL('../../fixtures/photo.jpg', import.meta.url))
/** Short, so that the slave renews while the test looks on. */
const LIFE_MS = 12_000
const python = findPython()
const openssl = (): boolean => {
  try {
    return execFileSync('openssl', ['version'], { stdio: 'pipe' }).length > 0
  } catch {
    return false
  }
}
const skip = !python
  ? 'python3 (3.11 or later) with Pillow is not installed'
  : openssl()
    ? false
    : 'openssl is not installed'

t.test('the slave in Python, joined', { skip }, async (t) => {
  const folder = folderOf(t)
  const data = join(folder, 'master')
  const port = await freePort()
  const url = `https://127.0.0.1:${port}`
  const keyFile = join(folder, 'key')
  askfirst('init', '--data', data, '--url', url, '--key-file', keyFile)
  const key = readFileSync(keyFile, 'utf8').trim()
  const life = ['--slave-certificate-ms', `${LIFE_MS}`, '--heartbeat-ms', '1000']
  await startProcess(t, 'master/main.ts', ['--port', `${port}`, '--data', data, ...life])
  const ca = readFileSync(join(data, 'auth/ca.pem'), 'utf8')
  const toAll = { ca, checkServerIdentity: () => undefined }
  const agent = new Agent({ connect: toAll })
  t.teardown(() => agent.destroy())
  const ask = async (method: string, path: string, body?: unknown, dispatcher = agent) => {
    const isBlob = Buffer.isBuffer(body)
    const reply = await request(new URL(path, url), {
      method: method as 'GET',
      headers: {
        authorization: `Bearer ${key}`,
        prefer: 'wait=60',
        ...(body ? { 'content-type': isBlob ? 'image/jpeg' : 'application/json' } : {}),
      },
      body: body ? (isBlob ? body : JSON.stringify(body)) : null,
      dispatcher,
    })
    return { status: reply.statusCode, body: (await reply.body.json()) as Json }
  }

  const line = join(folder, 'line')
  writeFileSync(line, askfirst('token', 'create', '--data', data))
  const told = { line, data: join(folder, 'py-1'), port: String(await freePort()) }
  const command =
    `${python} slave/python/slave.py --join-file {line} --name py-1 --port {port} ` +
    '--slots 2 --data {data}'
  const slave = startSubject(command, told)
  t.teardown(slave.kill)
  const own = `https://127.0.0.1:${told.port}`
  await until(async () => (await ask('GET', '/slaves')).body.slaves.filter(isFree).length === 1)

  await t.test('takes a task, and calls back', async (t) => {
    const done = await ask('POST', '/tasks', { kind: 'sleep', input: { ms: 5 } })
    t.match(done.body, { status: 'done', slave: 'py-1', result: { sleptMs: 5 } })
    t.equal(statSync(join(told.data, 'identity/identity.json')).mode & 0o777, 0o600)
  })

  await t.test('lets nobody but the master offer, and speaks no plain HTTP', async (t) => {
    t.equal((await ask('GET', `${own}/availability`)).status, 200)
    for (const [method, path] of [
      ['POST', '/offers'],
      ['GET', '/attempts'],
      ['POST', '/attempts/revoke'],
    ] as const) {
      const { status, body } = await ask(method, own + path, method === 'POST' ? {} : undefined)
      t.same([status, body.type], [401, 'unauthorized'], path)
    }
    const identity = JSON.parse(readFileSync(join(told.data, 'identity/identity.json'), 'utf8'))
    const peer = new Agent({ connect: { ...toAll, key: identity.key, cert: identity.cert } })
    t.teardown(() => peer.destroy())
    t.equal((await ask('GET', `${own}/attempts`, undefined, peer)).status, 403, 'a slave')
    await t.rejects(fetch(`http://127.0.0.1:${told.port}/healthz`))
  })

  await t.test('fetches the strips of an image and brings what it made of them', async (t) => {
    const kinds = (await kindNames()).filter((name) => /^image-filter\.(?!grayscale)/.test(name))
    const args = ['--name', 'node-1', '--port', '0', '--executors', '1', '--log-level', 'error']
    await startProcess(
      t,
      'slave/main.ts',
      [...args, '--kinds', kinds.join(), '--data', join(folder, 'node-1')],
      { ASKFIRST_JOIN: askfirst('token', 'create', '--data', data) },
    )
    await until(async () => (await ask('GET', '/slaves')).body.slaves.filter(isFree).length === 2)
    const image = (await ask('PUT', '/blobs', PHOTO)).body.sha256
    const input = { image, filter: 'grayscale' }
    const job = await ask('POST', '/jobs', { kind: 'image-filter', input, parts: 2 })
    t.equal(job.body.status, 'done', JSON.stringify(job.body.failure))
    t.same(
      job.body.result.strips.map(({ slave }: Json) => slave),
      ['py-1', 'py-1'],
    )
  })

  await t.test('renews its certificate, and starts again without a join line', async (t) => {
    const began = Date.now()
    // Longer than a certificate lasts: what it joined with has expired.
    await until(async () => Date.now() - began > LIFE_MS + 1_000)
    const issued = askfirst('identity', 'list', '--data', data).match(/^py-1 /gm) ?? []
    t.ok(issued.length >= 2, `${issued.length} that have not expired`)
    const done = await ask('POST', '/tasks', { kind: 'sleep', input: { ms: 1 } })
    t.match(done.body, { status: 'done', slave: 'py-1' })

    slave.child.kill('SIGTERM')
    await slave.ended
    // A line that was made anew for others: it has no use for it, and the master would not let it in.
    writeFileSync(line, askfirst('token', 'create', '--data', data))
    const stays = startSubject(command, told)
    t.teardown(stays.kill)
    await until(async () => stays.stderr().includes('cannot join again'))
    await until(
      async () => (await ask('POST', '/tasks', { kind: 'sleep', input: { ms: 3 } })).status === 200,
    )
    stays.child.kill('SIGTERM')
    await stays.ended
    writeFileSync(line, '')
    const again = startSubject(command, told)
    t.teardown(again.kill)
    await until(
      async () => (await ask('POST', '/tasks', { kind: 'sleep', input: { ms: 2 } })).status === 200,
    )
    t.notMatch(again.stderr() + slave.stderr(), /Traceback|afj_/)
  })

  await t.test('tells a master that is not the pinned one nothing', async (t) => {
    const other = askfirst('token', 'create', '--data', data).replace(/.$/, (last) =>
      last === '0' ? '1' : '0',
    )
    const file = join(folder, 'other')
    writeFileSync(file, other)
    const more = { line: file, data: join(folder, 'py-2'), port: '0' }
    const refused = startSubject(command, more)
    t.teardown(refused.kill)
    await refused.ended
    t.equal(refused.child.exitCode, 2)
    t.match(
      refused.stderr(),
      /is not the master that created this join line; no data was sent to it/,
    )
  })
})
