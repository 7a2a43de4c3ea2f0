// The trail of a task on a bad day tells all of it: refused, taken, lost, the slave asked in vain,
// tried again, over two deaths of the master; and it is the same after each start.

import t from 'tap'
import { folderOf } from '../folder.ts'
import type { Json } from '../requests.ts'
import { ended, getJson, post, sleep, until } from '../requests.ts'
import { freePort, startMaster, startProcess, startSlave } from '../rigs/cluster/programs.ts'

const HEARTBEAT_MS = 1000
const ONE_SLOT = ['--kinds', 'sleep', '--slots', '1']

t.test('a bad day', async (t) => {
  const data = folderOf(t)
  const at = ['--heartbeat-ms', `${HEARTBEAT_MS}`, '--port', `${await freePort()}`]
  let master = await startMaster(t, data, at)
  const { url } = master
  const restartMaster = async (): Promise<void> => {
    await master.kill('SIGKILL')
    master = await startMaster(t, data, at)
  }
  await startSlave(t, url, 'slave-1', ONE_SLOT)
  const unlucky = await startSlave(t, url, 'slave-2', ONE_SLOT)
  const blocker = await post(`${url}/tasks`, sleep(600_000))

  const { id } = (await post(`${url}/tasks`, sleep(3_000))).body
  const trail = async (): Promise<Json[]> => (await getJson(`${url}/tasks/${id}/trail`)).trail
  const happened = async (event: string, slave?: string): Promise<boolean> =>
    (await trail()).some((entry) => entry.event === event && entry.slave === slave)
  await until(() => happened('taken', 'slave-2'))
  await unlucky.kill('SIGKILL')
  await until(() => happened('slave-lost', 'slave-2'))
  await restartMaster()
  // Never free: the task waits for it.
  const third = ['--master', url, '--name', 'slave-3', '--port', '0', '--executors', '1']
  await startProcess(t, 'slave/main.ts', [...third, ...ONE_SLOT, '--log-level', 'error'])
  await until(() => happened('taken', 'slave-3'))
  await restartMaster()
  await ended(url, id)

  const story = await trail()
  t.match(story.slice(0, 6), [
    { event: 'busy', slave: 'slave-1', reason: 'running 1 of 1' },
    { event: 'taken', slave: 'slave-2' },
    { event: 'silence', slave: 'slave-2', reason: /^silent for \d+ ms; the master probes it$/ },
    { event: 'slave-lost', slave: 'slave-2', reason: /lease expired/ },
    { event: 'retry', reason: 'after try 1' },
    { event: 'master started' },
  ])
  // On a busy machine slave-3 may be late with a heartbeat, and is asked; that changes nothing else.
  const isLate = (entry: Json): boolean => entry.event === 'silence' && entry.slave === 'slave-3'
  const rest = story.slice(6).filter((entry) => !isLate(entry))
  t.same(
    rest.map(({ event, slave }) => [event, slave]),
    [
      ['taken', 'slave-3'],
      ['master started', undefined],
      ['done', 'slave-3'],
    ],
  )
  const times = story.map(({ at }) => Date.parse(at))
  t.same(
    times,
    times.toSorted((a, b) => a - b),
  )
  const task = await getJson(`${url}/tasks/${id}`)
  t.match(task, { status: 'done', tries: 2, slave: 'slave-3', result: { sleptMs: 3_000 } })

  await restartMaster()
  t.same(await trail(), story)
  t.same(await getJson(`${url}/tasks/${id}`), task)
  await fetch(`${url}/tasks/${blocker.body.id}`, { method: 'DELETE' })
})
