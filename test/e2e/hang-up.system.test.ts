// Clients that hang up: what was held for them takes no slave's time from those that are there.

import t from 'tap'
import { folderOf } from '../folder.ts'
import { getJson, post, sleep, until } from '../requests.ts'
import { startMaster, startSlave } from '../rigs/cluster/programs.ts'

const LONG_MS = 60_000
const HELD = { prefer: 'wait=60' }

t.test('what was held for clients that hung up does not run', async (t) => {
  const { url } = await startMaster(t, folderOf(t), [])
  await startSlave(t, url, 'slave-1', ['--slots', '1'])
  const status = () => getJson(`${url}/status`)
  const sleeper = await post(`${url}/tasks`, sleep(LONG_MS))
  t.equal(sleeper.status, 202)

  const gone = new AbortController()
  const bodies = [sleep(LONG_MS), { ...sleep(LONG_MS), queue: true }]
  for (const body of bodies) {
    const headers = { 'content-type': 'application/json', ...HELD }
    const given = { method: 'POST', headers, body: JSON.stringify(body), signal: gone.signal }
    fetch(`${url}/tasks`, given).catch(() => {})
  }
  const batch = { tasks: [sleep(LONG_MS)] }
  const headers = { 'content-type': 'application/json', ...HELD }
  const given = { method: 'POST', headers, body: JSON.stringify(batch), signal: gone.signal }
  fetch(`${url}/tasks/batch`, given).catch(() => {})
  await until(async () => (await status()).waiting === 3)
  gone.abort()
  await until(async () => (await status()).waiting === 0)

  await fetch(`${url}/tasks/${sleeper.body.id}`, { method: 'DELETE' })
  const live = await post(`${url}/tasks`, { expression: '1 + 1' }, HELD)
  t.match(live, { status: 200, body: { status: 'done', result: 2 } })
  const { tasks } = await getJson(`${url}/tasks`)
  const ends = tasks.map((task: { status: string }) => task.status).toSorted()
  t.same(
    ends,
    ['cancelled', 'cancelled', 'done'],
    'what was queued is cancelled, the others never were',
  )
})
