// A master that faces a network, as an operator sets it up: real processes, this machine's own
// address, the commands as they are typed.

import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { networkInterfaces } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { Agent, request } from 'undici'
import { createAuthority, createKey, issue, publicHalf } from '../../shared/http/certificates.ts'
import { folderOf } from '../folder.ts'
import { isFree, until } from '../requests.ts'
import { askfirst, freePort, startProcess } from '../rigs/cluster/programs.ts'

const own = Object.values(networkInterfaces())
  .flatMap((each) => each ?? [])
  .find(({ family, internal }) => family === 'IPv4' && !internal)?.address

const refusal = (starting: Promise<unknown>): Promise<string> =>
  starting.then(
    () => 'it started',
    (error: Error) => error.message,
  )

const mode = (path: string): string => (statSync(path).mode & 0o777).toString(8)

t.test(
  'a master on a network, joined by slaves',
  { skip: own === undefined && 'this machine has no address but loopback' },
  async (t) => {
    const host = own as string
    const folder = folderOf(t)
    const data = join(folder, 'master')
    const port = await freePort()
    const url = `https://${host}:${port}`
    const common = ['--host', host, '--log-level', 'trace']
    const limits = ['--heartbeat-ms', '1000', '--refusals-per-minute-max', '100000']
    const masterArgs = [...common, '--port', `${port}`, '--data', data, ...limits]

    await t.test('refuses to face it before it has identities', async (t) => {
      const said = await refusal(startProcess(t, 'master/main.ts', masterArgs))
      t.match(said, /ended \(64\).*--host \S+ is not loopback.*askfirst init --data/)
      const slave = await refusal(startProcess(t, 'slave/main.ts', common))
      t.match(slave, /ended \(64\).*join the master with ASKFIRST_JOIN or --join-file/)
    })

    const keyFile = join(folder, 'admin.key')
    askfirst('init', '--data', data, '--url', url, '--key-file', keyFile)
    const key = readFileSync(keyFile, 'utf8').trim()
    await t.test('keeps what is secret from others on the machine', async (t) => {
      t.equal(mode(keyFile), '600')
      t.equal(mode(join(data, 'auth')), '700')
      t.equal(mode(join(data, 'auth/ca.key')), '600')
      t.equal(mode(join(data, 'auth/auth.sqlite')), '600')
      const kept = readdirSync(join(data, 'auth')).map((name) =>
        readFileSync(join(data, 'auth', name), 'latin1'),
      )
      t.notOk(
        kept.some((text) => text.includes(key)),
        'a key is kept as its hash',
      )
      t.match(
        askfirst('init', '--data', data),
        /no key was created/,
        'run again it changes nothing',
      )
      const said = await refusal(
        startProcess(t, 'master/main.ts', [...masterArgs, '--insecure-no-auth']),
      )
      t.match(said, /exclude each other/)
    })

    const master = await startProcess(t, 'master/main.ts', masterArgs)
    t.equal(master.url, url)
    const ca = readFileSync(join(data, 'auth/ca.pem'), 'utf8')
    const agent = new Agent({ connect: { ca } })
    // A slave's certificate names the slave and no address.
    const toSlaves = new Agent({ connect: { ca, checkServerIdentity: () => undefined } })
    t.teardown(() => Promise.all([agent.destroy(), toSlaves.destroy()]))
    const ask = async (method: string, path: string, body?: object, shown = key) => {
      const reply = await request(new URL(path, path.startsWith('https') ? path : url), {
        method: method as 'GET',
        headers: {
          authorization: `Bearer ${shown}`,
          // What sleeps is not waited for.
          prefer: body && 'kind' in body ? 'wait=0' : 'wait=60',
          ...(body ? { 'content-type': 'application/json' } : {}),
        },
        body: body ? JSON.stringify(body) : null,
        dispatcher: path.startsWith('https') ? toSlaves : agent,
      })
      // biome-ignore lint/suspicious/noExplicitAny: tests read answers as they come
      return { status: reply.statusCode, body: (await reply.body.json()) as any }
    }
    const join1 = askfirst('token', 'create', '--data', data)
    const slaveArgs = (name: string) => [
      ...common,
      '--name',
      name,
      '--port',
      '0',
      '--executors',
      '1',
      '--data',
      join(folder, name),
    ]
    const env = { ASKFIRST_JOIN: join1 }
    const slave = await startProcess(t, 'slave/main.ts', slaveArgs('slave-1'), env)
    await until(async () => (await ask('GET', '/slaves')).body.slaves.filter(isFree).length === 1)

    await t.test('takes a task through it', async (t) => {
      t.match(slave.url, /^https:/)
      const done = await ask('POST', '/tasks', { expression: '2+3' })
      t.match(done.body, { status: 'done', result: 5, slave: 'slave-1' })
      t.equal(mode(join(folder, 'slave-1/identity/identity.json')), '600')
    })

    await t.test('refuses a token a second time, and in the arguments', async (t) => {
      const again = await refusal(startProcess(t, 'slave/main.ts', slaveArgs('slave-9'), env))
      t.match(again, /ended \(64\).*this token has been used/)
      const args = [...slaveArgs('slave-9'), '--join', join1]
      t.match(await refusal(startProcess(t, 'slave/main.ts', args)), /is a secret/)
    })

    await t.test('tells a master that is not the pinned one nothing', async (t) => {
      const stranger = await createAuthority()
      const own = createKey()
      const about = { publicKey: publicHalf(own), role: 'master' as const, name: 'master' }
      const cert = await issue(stranger, { ...about, addresses: [host], lifeMs: 60_000 })
      const heard: string[] = []
      const fake = createServer({ key: own, cert: cert.certificate }, (request, response) => {
        heard.push(`${request.method} ${request.url} ${JSON.stringify(request.headers)}`)
        request.on('data', (chunk) => heard.push(String(chunk)))
        response.end(stranger.certificate)
      })
      await new Promise<void>((resolve) => fake.listen(0, host, resolve))
      t.teardown(() => fake.close())
      const token = askfirst('token', 'create', '--data', data)
      const { port: fakePort } = fake.address() as AddressInfo
      const file = join(folder, 'join')
      writeFileSync(file, token.replace(`:${port}#`, `:${fakePort}#`))
      const args = [...slaveArgs('slave-8'), '--join-file', file]
      const said = await refusal(startProcess(t, 'slave/main.ts', args))
      t.match(said, /ended \(64\).*is not the master that created this join line/)
      t.match(heard.join('\n'), /^GET \/ca /)
      t.equal(heard.length, 1)
      t.notMatch(heard.join('\n'), /afj_/)
    })

    await t.test('lets nobody but the master offer work to a slave', async (t) => {
      t.equal((await ask('GET', `${slave.url}/availability`)).status, 200)
      for (const [method, path] of [
        ['POST', '/offers'],
        ['GET', '/attempts'],
        ['POST', '/attempts/revoke'],
        ['GET', '/partitions/a/b/c'],
      ] as const) {
        const { status, body } = await ask(
          method,
          slave.url + path,
          method === 'POST' ? {} : undefined,
        )
        t.same([status, body.type], [401, 'unauthorized'], path)
      }
      const {
        key: k,
        cert,
        ca,
      } = JSON.parse(readFileSync(join(folder, 'slave-1/identity/identity.json'), 'utf8'))
      const peer = new Agent({
        connect: { key: k, cert, ca, checkServerIdentity: () => undefined },
      })
      t.teardown(() => peer.destroy())
      const reply = await request(`${slave.url}/attempts`, { dispatcher: peer })
      t.equal(reply.statusCode, 403, 'a slave is not a master')
      await reply.body.dump()
      const fetched = await request(`${slave.url}/partitions/a/b/c`, { dispatcher: peer })
      t.equal(fetched.statusCode, 404, 'a peer without the ticket')
      await fetched.body.dump()
      const plain = await fetch(`${slave.url.replace('https', 'http')}/attempts`)
      t.equal(plain.status, 400, 'no plain HTTP')
      t.match(await plain.text(), /https/)
    })

    await t.test('starts a slave again without a token, by the identity that it has', async (t) => {
      await slave.kill('SIGTERM')
      // A line that was made anew for others: it has no use for it, and the master would not let it in.
      const env = { ASKFIRST_JOIN: askfirst('token', 'create', '--data', data) }
      const stays = await startProcess(t, 'slave/main.ts', slaveArgs('slave-1'), env)
      await until(async () => stays.stderr().includes('cannot join again'))
      await until(async () => (await ask('GET', '/slaves')).body.slaves[0]?.url === stays.url)
      await stays.kill('SIGTERM')
      const again = await startProcess(t, 'slave/main.ts', slaveArgs('slave-1'))
      await until(async () => (await ask('GET', '/slaves')).body.slaves[0]?.url === again.url)
      const done = await ask('POST', '/tasks', { expression: '1+1' })
      t.match(done.body, { status: 'done', result: 2 })

      // A task runs there when the slave is shut out: it moves to another.
      const running = await ask('POST', '/tasks', { kind: 'sleep', input: { ms: 30_000 } }, key)
      t.equal(running.body.status, 'in progress')
      const second = askfirst('token', 'create', '--data', data, '--name', 'slave-2')
      await startProcess(t, 'slave/main.ts', slaveArgs('slave-2'), { ASKFIRST_JOIN: second })
      askfirst('identity', 'revoke', 'slave-1', '--data', data)
      await until(async () => {
        const { slaves } = (await ask('GET', '/slaves')).body
        return slaves.length === 1 && slaves[0].name === 'slave-2'
      })
      await until(async () => {
        const { trail } = (await ask('GET', `/tasks/${running.body.id}/trail`)).body
        return trail.some(
          (each: { event: string; slave: string }) =>
            each.event === 'taken' && each.slave === 'slave-2',
        )
      })
      t.match(master.stderr(), /the certificates of a slave were revoked/)
      await until(async () => /answered 401/.test(again.stderr()))
    })

    await t.test('revokes a key within a second or two', async () => {
      const other = askfirst('key', 'create', '--data', data, '--scopes', 'read')
      await until(async () => (await ask('GET', '/status', undefined, other)).status === 200)
      const id = askfirst('key', 'list', '--data', data).split('\n').at(-1)?.split(' ')[0] as string
      askfirst('key', 'revoke', id, '--data', data)
      await until(async () => (await ask('GET', '/status', undefined, other)).status === 401)
    })

    await t.test('says none of the secrets in a log', async (t) => {
      const logs = master.stderr() + slave.stderr()
      t.match(logs, /"msg"/)
      for (const secret of [key, join1.split('@')[0] as string, 'BEGIN PRIVATE']) {
        t.notOk(logs.includes(secret))
      }
    })
  },
)
