// The slave in Python with a real master: what the conformance kit cannot show.

import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { request } from 'undici'
import { findPython } from '../../../deploy/local/python.ts'
import { folderOf } from '../../folder.ts'
import type { SlaveRow } from '../../requests.ts'
import { getJson, isFree, post, sleep, until } from '../../requests.ts'
import { childrenOf, isAlive } from '../../rigs/cluster/proc.ts'
import { freePort, startMaster, startSlave } from '../../rigs/cluster/programs.ts'
import { startSubject } from '../../rigs/conformance/subject.ts'

const python = findPython()
const skip = python ? false : 'python3 (3.11 or later) with Pillow is not installed'

t.test('the slave in Python', { skip }, async (t) => {
  const data = folderOf(t)
  const master = await startMaster(t, join(data, 'master'), ['--heartbeat-ms', '1000'])
  const told = { master: master.url, data: join(data, 'slave'), port: String(await freePort()) }
  const command =
    `${python} slave/python/slave.py --master {master} --name py-1 --port {port} ` +
    '--slots 1 --data {data}'
  const slave = startSubject(command, told)
  t.teardown(slave.kill)
  const slaves = async (): Promise<SlaveRow[]> => (await getJson(`${master.url}/slaves`)).slaves
  await until(async () => (await slaves()).filter(isFree).length === 1)

  await t.test('runs what a master assigns', async (t) => {
    const done = await post(`${master.url}/tasks`, sleep(20), { prefer: 'wait=30' })
    t.match(done.body, { status: 'done', result: { sleptMs: 20 }, slave: 'py-1' })
    const raw = '{"kind":"sleep","input":{"ms":1.10}}'
    const { body } = await post(`${master.url}/tasks`, raw, { prefer: 'wait=30' })
    const task = await (await fetch(`${master.url}/tasks/${body.id}`)).text()
    t.match(task, '"ms":1.10', 'a number is as it was written')
    t.match(task, /"sleptMs": ?1\.10\}/, 'in the result, too')
    const refused = await post(`${master.url}/tasks`, { expression: '1+1' })
    t.match(refused, { status: 422, body: { type: 'no-capable-slave' } })
  })

  await t.test('is asked by no page, like a slave of ours', async (t) => {
    const ours = await startSlave(t, master.url, 'ours', ['--kinds', 'sleep'])
    for (const url of [`http://127.0.0.1:${told.port}`, ours.url]) {
      const statusWith = async (headers: Record<string, string>): Promise<number> => {
        const { statusCode, body } = await request(`${url}/availability`, { headers })
        await body.dump()
        return statusCode
      }
      t.equal(await statusWith({}), 200)
      t.equal(await statusWith({ host: 'vm-1:9001' }), 200)
      t.equal(await statusWith({ host: 'evil.example:9001' }), 403, 'a name that was rebound')
      t.equal(await statusWith({ origin: 'https://evil.example' }), 403, 'another site')
    }
    await ours.kill('SIGTERM')
  })

  const linux = { skip: process.platform === 'linux' ? false : 'looks into /proc' }
  await t.test('leaves no process and no file behind, cancelled or killed', linux, async (t) => {
    const { body } = await post(`${master.url}/tasks`, { ...sleep(60_000), queue: true })
    const running = (): number[] => childrenOf(slave.child.pid as number)
    await until(async () => running().length === 1)
    await fetch(`${master.url}/tasks/${body.id}`, { method: 'DELETE' })
    await until(async () => running().length === 0)
    await until(async () => readdirSync(join(told.data, 'work')).length === 0)

    // Such folders are swept away now and then.
    rmSync(join(told.data, 'work'), { recursive: true })
    const brief = await post(
      `${master.url}/tasks`,
      { ...sleep(1), queue: true },
      { prefer: 'wait=60' },
    )
    t.match(brief.body, { status: 'done', slave: 'py-1' })

    const long = await post(`${master.url}/tasks`, { ...sleep(60_000), queue: true })
    await until(async () => running().length === 1)
    const [child] = running() as [number]
    await slave.kill()
    await fetch(`${master.url}/tasks/${long.body.id}`, { method: 'DELETE' })
    await until(async () => !isAlive(child))
    t.pass('the child died with the agent')
  })

  await t.test('hears a signal that came while it stood still', async (t) => {
    // Any of its threads may get such a signal.
    const again = startSubject(command, told)
    t.teardown(again.kill)
    const port = Number(told.port)
    await until(async () => (await getJson(`http://127.0.0.1:${port}/availability`)).available)
    // It is known to its master, not only the one that was killed.
    const tiny = () => post(`${master.url}/tasks`, sleep(1), { prefer: 'wait=5' })
    await until(async () => (await tiny()).body.status === 'done')
    for (const signal of ['SIGSTOP', 'SIGTERM', 'SIGCONT'] as const) again.child.kill(signal)
    await again.ended
    t.equal(again.child.exitCode, 0)
    t.same(await slaves(), [], 'and says goodbye')
  })
})
