// A master whose settings name a slave (--slaves) that reports to another master, or to one that does
// not answer: nothing is computed for nobody, and everybody is told why.

import { join } from 'node:path'
import t from 'tap'
import { findPython } from '../../deploy/local/python.ts'
import type { Teardown } from '../folder.ts'
import { folderOf } from '../folder.ts'
import { ended, getJson, post, until } from '../requests.ts'
import { freePort, startMaster, startProcess, startSlave } from '../rigs/cluster/programs.ts'
import { startSubject } from '../rigs/conformance/subject.ts'
import { inState, rowOf } from './pulling.ts'

const SUM = { expression: '2+3' }
const QUIET = ['--executors', '1', '--log-level', 'error']

const startUnheard = (t: Teardown, master: string, name: string) =>
  startProcess(t, 'slave/main.ts', ['--master', master, '--name', name, '--port', '0', ...QUIET])

const naming = (slave: { url: string }): string[] => [
  '--slaves',
  `wa=${slave.url}`,
  '--heartbeat-ms',
  '1000',
]

t.test('a slave that reports to another master works for that one only', async (t) => {
  const data = folderOf(t, { theirs: {}, ours: {} })
  const theirs = await startMaster(t, join(data, 'theirs'))
  const wa = await startSlave(t, theirs.url, 'wa')
  const ours = await startMaster(t, join(data, 'ours'), naming(wa))
  await inState(ours.url, 'wa', 'elsewhere')
  const reason = `reports to ${theirs.url}, not to this master: start it with --master and this master's URL`
  t.match(await rowOf(ours.url, 'wa'), { reason })

  t.match(await post(`${ours.url}/tasks`, SUM), {
    status: 503,
    body: { type: 'no-slaves', detail: `wa ${reason}`, asked: [{ slave: 'wa', reason }] },
  })
  t.match((await post(`${ours.url}/tasks?dry-run`, SUM)).body, {
    wouldAsk: null,
    slaves: [{ slave: 'wa', available: false, reason }],
  })
  t.match(await getJson(`${ours.url}/status`), { slaves: { alive: 0 }, slots: { total: 0 } })

  const queued = (await post(`${ours.url}/tasks`, { ...SUM, queue: true })).body
  const their = (await post(`${theirs.url}/tasks`, SUM)).body
  t.match(await ended(theirs.url, their.id), { status: 'done', slave: 'wa', result: 5 })
  await startSlave(t, ours.url, 'wb')
  t.match(await ended(ours.url, queued.id), { status: 'done', slave: 'wb', tries: 1 })
  const { trail } = await getJson(`${ours.url}/tasks/${queued.id}/trail`)
  t.match(trail[0], { slave: 'wa', event: 'elsewhere', reason })
})

t.test('a slave whose master does not answer', async (t) => {
  const port = await freePort()
  const dead = `http://127.0.0.1:${port}`
  const wa = await startUnheard(t, dead, 'wa')
  const data = folderOf(t, { ours: {}, theirs: {} })
  const ours = await startMaster(t, join(data, 'ours'), naming(wa))
  await inState(ours.url, 'wa', 'elsewhere')
  t.match(await rowOf(ours.url, 'wa'), { reason: new RegExp(`^reports to ${dead}, not to`) })
  t.equal((await post(`${ours.url}/tasks`, SUM)).status, 503)

  await t.test('works for its master as soon as that has started and asks it', async (t) => {
    const at = ['--port', String(port), ...naming(wa)]
    await startMaster(t, join(data, 'theirs'), at)
    await inState(dead, 'wa', 'free')
    const { body } = await post(`${dead}/tasks`, SUM)
    t.match(await ended(dead, body.id), { status: 'done', slave: 'wa' })
    await inState(ours.url, 'wa', 'elsewhere')
  })
})

const python = findPython()
const skip = python ? false : 'python3 (3.11 or later) with Pillow is not installed'

t.test('the slave in Python says it too', { skip }, async (t) => {
  const data = folderOf(t, { master: {}, slave: {} })
  const url = `http://127.0.0.1:${await freePort()}`
  const dead = `http://127.0.0.1:${await freePort()}`
  const command = `${python} slave/python/slave.py --master {master} --name wa --port {port} --slots 1 --data {data}`
  const told = { master: dead, data: join(data, 'slave'), port: new URL(url).port }
  const slave = startSubject(command, told)
  t.teardown(slave.kill)
  await until(async () => (await fetch(`${url}/healthz`)).ok)
  const ours = await startMaster(t, join(data, 'master'), naming({ url }))
  await inState(ours.url, 'wa', 'elsewhere')
  t.match((await post(`${ours.url}/tasks`, { kind: 'sleep', input: { ms: 1 } })).body, {
    type: 'no-slaves',
    asked: [{ slave: 'wa', reason: new RegExp(`reports to ${dead}, not to this master`) }],
  })

  await t.test('and works for its master when that starts', async (t) => {
    const at = ['--port', new URL(dead).port, ...naming({ url })]
    await startMaster(t, folderOf(t), at)
    await inState(dead, 'wa', 'free')
    t.match((await getJson(`${url}/attempts`)).reportsTo, [{ url: dead, master: /^[\w-]{22}$/ }])
    const { body } = await post(`${dead}/tasks`, { kind: 'sleep', input: { ms: 1 } })
    t.match(await ended(dead, body.id), { status: 'done', slave: 'wa' })
  })
})
