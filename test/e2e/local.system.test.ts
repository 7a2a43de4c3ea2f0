// `npm start`: what it says when it is stopped, and what clients hear meanwhile.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import t from 'tap'
import { makeIdentities } from '../../master/security/identities/folder.ts'
import { folderOf } from '../folder.ts'
import { getJson, post, sleep, until } from '../requests.ts'
import { BEFORE, COMMAND } from '../rigs/cluster/launch.ts'
import { freePort } from '../rigs/cluster/programs.ts'

const START = new URL('../../deploy/local/start.ts', import.meta.url).pathname

t.test('npm start', { skip: process.platform === 'win32' && 'needs SIGINT' }, async (t) => {
  const port = await freePort()
  const data = folderOf(t)
  const run = () => {
    const env = { PATH: process.env.PATH, ASKFIRST_PORT: `${port}`, ASKFIRST_DATA: data }
    const child = spawn(COMMAND, [...BEFORE, START], { env })
    let said = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (text: Buffer) => void (said += text.toString()))
    }
    return { child, said: () => said, exited: once(child, 'exit') }
  }
  const first = run()
  t.teardown(async () => {
    if (first.child.exitCode === null) first.child.kill('SIGINT')
    await first.exited
  })
  await until(async () => first.said().includes('askfirst is ready'))
  const url = `http://127.0.0.1:${port}`

  await t.test('says that another one has the port', async (t) => {
    const second = run()
    t.same((await second.exited)[0], 1)
    t.match(second.said(), `port ${port} of 127.0.0.1 is taken by another process`)
    t.notMatch(second.said(), /is ready|\n +at /)
  })

  await t.test('finishes on Ctrl-C what it has, and says so', async (t) => {
    const { body } = await post(`${url}/tasks`, sleep(5000))
    first.child.kill('SIGINT')
    await until(async () => first.said().includes('stopping: slave-1 finishes 1 task'))
    const refused = await post(`${url}/tasks`, sleep(1))
    t.match(refused, { status: 503, body: { type: 'draining' } })
    t.equal(refused.headers.get('retry-after'), null)
    t.match(await getJson(`${url}/readyz`), { type: 'draining' })
    t.match(await getJson(`${url}/tasks/${body.id}`), { slave: 'slave-1' })
    t.same((await first.exited)[0], 0)
  })
})

t.test('npm start says why it cannot use a folder with identities', async (t) => {
  const data = folderOf(t)
  await makeIdentities(join(data, 'master'))
  const env = { PATH: process.env.PATH, ASKFIRST_PORT: `${await freePort()}`, ASKFIRST_DATA: data }
  const child = spawn(COMMAND, [...BEFORE, START], { env })
  let said = ''
  child.stderr.on('data', (text: Buffer) => void (said += text.toString()))
  t.same((await once(child, 'close'))[0], 1)
  t.match(said, /has identities \(askfirst init\).*set ASKFIRST_DATA to another folder/)
})
