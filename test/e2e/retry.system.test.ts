import t from 'tap'
import { startQuietMaster } from '../quiet-master.ts'
import { ended, getJson, post, sleep } from '../requests.ts'
import { startSlave } from '../rigs/cluster/programs.ts'

t.test('a retry of a queued task that ran waits in the queue as the first did', async (t) => {
  const { url } = await startQuietMaster(t)
  await startSlave(t, url, 'slave-1', ['--kinds', 'sleep', '--slots', '1'])
  const asked = { ...sleep(1), queue: true, waitLimitMs: 90_000 }
  const { body } = await post(`${url}/tasks`, asked)
  t.match(await ended(url, body.id), { status: 'done' })
  const plain = await post(`${url}/tasks`, sleep(1))
  t.match(await ended(url, plain.body.id), { status: 'done' })

  await post(`${url}/tasks`, sleep(60_000))
  const again = await post(`${url}/tasks/${body.id}/retry`, '')
  t.match(again, { status: 202, body: { status: 'pending' } })
  const { createdAt, waitUntil } = await getJson(`${url}/tasks/${again.body.id}`)
  t.equal(Date.parse(waitUntil) - Date.parse(createdAt), 90_000)
  const refused = await post(`${url}/tasks/${plain.body.id}/retry`, '')
  t.match(refused, { status: 503, body: { type: 'at-capacity' } }, 'this one was not queued')
})
