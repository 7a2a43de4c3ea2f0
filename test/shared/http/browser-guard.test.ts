// Whose name may stand in a Host header, where nobody is asked who they are.

import t from 'tap'
import { isLocalName, isPrivateName, keepPagesOut } from '../../../shared/http/browser-guard.ts'
import { createServer } from '../../../shared/http/server.ts'
import { createLog } from '../../../shared/process/log.ts'

t.test('an address, and a name that nobody else can have, is ours', async (t) => {
  const ours = ['127.0.0.1', '10.0.0.7', '::1', 'fd00::1', 'localhost', 'master', 'vm-1.lan']
  const others = ['', 'evil.example', 'localhost.evil.example', '127.0.0.1.evil.example', 'a.']
  for (const name of ours) t.ok(isPrivateName(name), name)
  for (const name of others) t.notOk(isPrivateName(name), name)
  for (const name of ['localhost', '127.0.0.1', '127.8.8.8', '::1']) t.ok(isLocalName(name), name)
  for (const name of [...others, '10.0.0.7', 'master']) t.notOk(isLocalName(name), name)
})

t.test('a Host header is read as browsers write it', async (t) => {
  const server = createServer({ log: await createLog('test', 'silent'), bodyBytesMax: 100 })
  t.teardown(() => server.close())
  keepPagesOut(server, isLocalName)
  server.get('/', (_request, reply) => reply.send('{}'))
  const statusFor = async (host: string): Promise<number> =>
    (await server.inject({ url: '/', headers: { host } })).statusCode
  for (const host of ['localhost', 'LOCALHOST:80', '127.0.0.1:8080', '[::1]:8080', '[::1]'])
    t.equal(await statusFor(host), 200, host)
  for (const host of ['evil.example:8080', 'localhost:80:80', 'a@localhost', '[::1', 'x[::1]'])
    t.equal(await statusFor(host), 403, host)
})
