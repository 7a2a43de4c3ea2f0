// `askfirst why` on what really befell tasks: refused, waited, slave lost, poison, no capable slave,
// cancelled, expired.

import t from 'tap'
import { folderOf } from '../../folder.ts'
import type { Json } from '../../requests.ts'
import { ended, getJson, post, request, sleep, until } from '../../requests.ts'
import { startMaster, startSlave } from '../../rigs/cluster/programs.ts'
import { askfirst } from './askfirst.ts'

const LONG_MS = 60_000
const QUICK = ['--heartbeat-ms', '1000', '--retry-backoff-ms', '10', '--attempts-max', '2']
const master = await startMaster(t, folderOf(t), QUICK)
const { url } = master

/** What it says, in words. */
async function why(...args: string[]): Promise<string> {
  const { stdout } = await askfirst(t, url, ['why', ...args])
  const { words } = JSON.parse(stdout) as { words: string }
  return words
}

const submit = async (body: Json): Promise<string> => (await post(`${url}/tasks`, body)).body.id
const runsAt = (id: string, slave: string) =>
  until(async () => {
    const task = await getJson(`${url}/tasks/${id}`)
    return task.status === 'in progress' && task.slave === slave
  })

t.test('a task that no slave is there for', async (t) => {
  const refused = await askfirst(t, url, ['submit', '1'])
  t.match(refused, { code: 75, stderr: /no-slaves: [\s\S]*Nothing was stored/ })
})

t.test('a task of a kind that no slave offers', async (t) => {
  await startSlave(t, url, 'slave-1', ['--kinds', 'sleep', '--slots', '1'])
  const refused = await askfirst(t, url, ['submit', '1'])
  t.match(refused, { code: 65, stderr: /no-capable-slave/ })
  const id = await submit({ expression: '1', queue: true, waitLimitMs: LONG_MS })
  t.match(await why(id), /is pending: it is queued[\s\S]*none of 1 slave offers "expression"/)
  const expired = await submit({ expression: '1', queue: true, waitLimitMs: 50 })
  await ended(url, expired)
  t.match(await why(expired), 'is expired: no slave accepted it within its wait limit.')
  await request('DELETE', `${url}/tasks/${id}`)
  t.match(
    await why(id),
    /is cancelled: a client cancelled it .* after it was accepted; it was still queued\./,
  )

  t.test('a task that waited, then ran; and one that was cancelled while it ran', async (t) => {
    const first = await submit(sleep(LONG_MS))
    const waiting = await submit({ ...sleep(1), queue: true })
    await new Promise((resolve) => setTimeout(resolve, 60))
    await request('DELETE', `${url}/tasks/${first}`)
    await ended(url, waiting)
    t.match(await why(first), /is cancelled: .*; slave-1 was running it and was stopped\./)
    t.match(
      await why(waiting),
      /is done: slave-1 completed it in .*\nIt waited .*, because no slave was available when it was submitted: slave-1 \(running 1 of 1\)\./,
    )
  })

  t.test('a task whose slave was lost, and one that takes its slaves down', async (t) => {
    const lost = await startSlave(t, url, 'slave-2', [
      '--kinds',
      'word-count,sleep',
      '--slots',
      '1',
    ])
    await request('POST', `${url}/slaves/slave-1/drain`)
    const id = await submit(sleep(3000))
    await runsAt(id, 'slave-2')
    await request('POST', `${url}/slaves/slave-1/resume`)
    await lost.kill('SIGKILL')
    await ended(url, id)
    t.match(
      await why(id),
      /is done: slave-1 completed it.*\n[\s\S]*slave-2 had it and was lost: [\s\S]*It was tried again and slave-1 completed it\./,
    )

    const third = await startSlave(t, url, 'slave-3', [
      '--kinds',
      'word-count,sleep',
      '--slots',
      '1',
    ])
    await request('POST', `${url}/slaves/slave-1/drain`)
    const poison = await submit(sleep(LONG_MS))
    await runsAt(poison, 'slave-3')
    const fourth = await startSlave(t, url, 'slave-4', [
      '--kinds',
      'word-count,sleep',
      '--slots',
      '1',
    ])
    await third.kill('SIGKILL')
    await runsAt(poison, 'slave-4')
    await fourth.kill('SIGKILL')
    await ended(url, poison)
    const words = await why(poison)
    t.match(words, /is failed, after 2 tries: poison: .*may have crashed slave-3, slave-4/)
    t.match(words, 'poison means: the tries are used up')
  })
})
