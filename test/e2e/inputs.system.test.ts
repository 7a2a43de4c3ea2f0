// Inputs at the bounds of what a master takes, through real slaves; and what a slave says of those
// that wait for its executors.

import t from 'tap'
import { folderOf } from '../folder.ts'
import type { Json } from '../requests.ts'
import { ended, getJson, post, sleep, until } from '../requests.ts'
import { startMaster, startSlave } from '../rigs/cluster/programs.ts'

const DEEP = 510

t.test('an input as deep as may be has its answer, and its slave stays free', async (t) => {
  const { url } = await startMaster(t, folderOf(t))
  await startSlave(t, url, 'slave-1', ['--slots', '2'])
  const deep = JSON.parse(`${'['.repeat(DEEP)}1${']'.repeat(DEEP)}`) as unknown
  const task = { expression: '1 + 1', scope: { deep } }
  const { status, body } = await post(`${url}/tasks`, task, { prefer: 'wait=60' })
  t.match({ status, body }, { status: 200, body: { slave: 'slave-1' } })
  t.match(await getJson(`${url}/slaves`), { slaves: [{ state: 'free' }] })
  const queued = await post(`${url}/tasks`, { ...task, queue: true }, { prefer: 'wait=60' })
  t.match(await getJson(`${url}/tasks/${queued.body.id}`), { slave: 'slave-1', tries: 1 })
})

t.test('a slave says which of its tasks wait for an executor', async (t) => {
  const { url } = await startMaster(t, folderOf(t))
  const slots = ['--slots', '3', '--executors', '1', '--kinds', 'sleep']
  const slave = await startSlave(t, url, 'slave-1', slots)
  const posts: Json[] = []
  for (const ms of [60_000, 1, 2]) posts.push((await post(`${url}/tasks`, sleep(ms))).body)
  await until(async () => {
    const { attempts } = await getJson(`${slave.url}/attempts`)
    return `${attempts.map(({ status }: Json) => status)}` === 'running,waiting,waiting'
  })
  await fetch(`${url}/tasks/${posts[0].id}`, { method: 'DELETE' })
  for (const { id } of posts.slice(1)) t.match(await ended(url, id), { status: 'done', tries: 1 })
})
