// `npm start`: what it says when it is stopped, and what clients hear meanwhile.

import { join } from 'node:path'
import t from 'tap'
import { makeIdentities } from '../../master/security/identities/folder.ts'
import type { Teardown } from '../folder.ts'
import { folderOf } from '../folder.ts'
import { getJson, post, sleep, until } from '../requests.ts'
import { commandOf } from '../rigs/cluster/launch.ts'
import { freePort, startCommand } from '../rigs/cluster/programs.ts'

const npmStart = (t: Teardown, port: number, data: string) =>
  startCommand(t, commandOf('deploy/local/start.ts'), {
    env: { ASKFIRST_PORT: `${port}`, ASKFIRST_DATA: data },
  })

t.test('npm start', { skip: process.platform === 'win32' && 'needs SIGINT' }, async (t) => {
  const port = await freePort()
  const data = folderOf(t)
  const first = npmStart(t, port, data)
  // It ends its master and slaves.
  t.teardown(() => {
    first.child.kill('SIGINT')
    return first.ran
  })
  const said = (): string => first.said.stdout + first.said.stderr
  await until(async () => said().includes('askfirst is ready'))
  const url = `http://127.0.0.1:${port}`

  await t.test('says that another one has the port', async (t) => {
    const second = await npmStart(t, port, data).ran
    const words = second.stdout + second.stderr
    t.same(second.code, 1)
    t.match(words, `port ${port} of 127.0.0.1 is in use by another process`)
    t.notMatch(words, /is ready|\n +at /)
  })

  await t.test('finishes on Ctrl-C what it has, and says so', async (t) => {
    const { body } = await post(`${url}/tasks`, sleep(5000))
    first.child.kill('SIGINT')
    await until(async () => said().includes('stopping: slave-1 finishes 1 task'))
    const refused = await post(`${url}/tasks`, sleep(1))
    t.match(refused, { status: 503, body: { type: 'draining' } })
    t.equal(refused.headers.get('retry-after'), null)
    t.match(await getJson(`${url}/readyz`), { type: 'draining' })
    t.match(await getJson(`${url}/tasks/${body.id}`), { slave: 'slave-1' })
    t.same((await first.ran).code, 0)
  })
})

t.test('npm start says why it cannot use a folder with identities', async (t) => {
  const data = folderOf(t)
  await makeIdentities(join(data, 'master'))
  const { code, stderr } = await npmStart(t, await freePort(), data).ran
  t.same(code, 1)
  t.match(stderr, /has identities \(askfirst init\).*set ASKFIRST_DATA to another folder/)
})
