// A slave whose certificates last for seconds: real processes on this machine's own address.

import { readFileSync } from 'node:fs'
import { networkInterfaces } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { Agent, fetch } from 'undici'
import { folderOf } from '../folder.ts'
import { until } from '../requests.ts'
import { askfirst, freePort, startProcess } from '../rigs/cluster/programs.ts'

const own = Object.values(networkInterfaces())
  .flatMap((each) => each ?? [])
  .find(({ family, internal }) => family === 'IPv4' && !internal)?.address
/** Short, so that a slave renews while the test looks on; long enough for a slow machine to start one. */
const LIFE_MS = 20_000

t.test(
  'a slave renews its certificate again and again, and works on when its first has expired',
  { skip: own === undefined && 'this machine has no address but loopback' },
  async (t) => {
    const folder = folderOf(t)
    const data = join(folder, 'master')
    const port = await freePort()
    const url = `https://${own}:${port}`
    const keyFile = join(folder, 'admin.key')
    askfirst('init', '--data', data, '--url', url, '--key-file', keyFile)
    const common = ['--host', own as string, '--log-level', 'error']
    const life = ['--slave-certificate-ms', `${LIFE_MS}`]
    const masterArgs = [...common, ...life, '--port', `${port}`, '--data', data]
    await startProcess(t, 'master/main.ts', masterArgs)
    const slaveFolder = join(folder, 'slave')
    const slaveArgs = [...common, '--name', 's', '--port', '0', '--data', slaveFolder]
    const env = { ASKFIRST_JOIN: askfirst('token', 'create', '--data', data) }
    await startProcess(t, 'slave/main.ts', slaveArgs, env)

    const certificate = (): { expiresAt: number } =>
      JSON.parse(readFileSync(join(slaveFolder, 'identity/identity.json'), 'utf8'))
    const first = certificate()
    await until(async () => Date.now() > first.expiresAt)
    t.ok(certificate().expiresAt > Date.now())
    const issued = askfirst('identity', 'list', '--data', data).match(/^s /gm) ?? []
    t.ok(issued.length >= 2, `${issued.length} that have not expired`)

    const agent = new Agent({ connect: { ca: readFileSync(join(data, 'auth/ca.pem'), 'utf8') } })
    t.teardown(() => agent.destroy())
    const authorization = `Bearer ${readFileSync(keyFile, 'utf8').trim()}`
    const answer = await fetch(`${url}/tasks`, {
      method: 'POST',
      headers: { authorization, prefer: 'wait=60', 'content-type': 'application/json' },
      body: JSON.stringify({ expression: '6*7' }),
      dispatcher: agent,
    })
    t.match(await answer.json(), { status: 'done', result: 42 })
  },
)
