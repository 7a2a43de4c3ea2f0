// Slaves that pull, and masters, that die, hang up, come back or are told to stop.

import { once } from 'node:events'
import t from 'tap'
import { folderOf } from '../folder.ts'
import type { Json } from '../requests.ts'
import { ended, getJson, post, sleep, until } from '../requests.ts'
import type { RunningProcess } from '../rigs/cluster/programs.ts'
import { freePort, startMaster } from '../rigs/cluster/programs.ts'
import { inState, poll, QUICK, rowOf, SLOW, startPulling } from './pulling.ts'

const exitOf = async ({ child }: RunningProcess): Promise<number | null> => {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  return child.exitCode
}

t.test('a slave that pulls is killed: its task goes to another', async (t) => {
  const { url } = await startMaster(t, folderOf(t), QUICK)
  const first = await startPulling(t, url, 'pull-1')
  await startPulling(t, url, 'pull-2')
  const { body } = await post(`${url}/tasks`, sleep(1000))
  t.equal(body.slave, 'pull-1')
  await first.kill()
  t.match(await ended(url, body.id), { status: 'done', slave: 'pull-2', tries: 2 })

  await t.test('and under its name a new one is let in', async (t) => {
    await startPulling(t, url, 'pull-1')
    t.equal((await post(`${url}/tasks`, sleep(1))).body.slave, 'pull-1')
  })
})

t.test('a slave that is killed while it polls is handed nothing', async (t) => {
  const { url } = await startMaster(t, folderOf(t), SLOW)
  const first = await startPulling(t, url, 'pull-1')
  await startPulling(t, url, 'pull-2')
  await first.kill()
  await inState(url, 'pull-1', 'suspect')
  const { body } = await post(`${url}/tasks`, sleep(1))
  t.match(body, { slave: 'pull-2', asked: [{ slave: 'pull-1', answer: 'no answer' }, {}] })

  await t.test('and may come back at once', async (t) => {
    await startPulling(t, url, 'pull-1')
    t.equal((await post(`${url}/tasks`, sleep(1))).body.slave, 'pull-1')
  })
})

t.test('a simple slave that hangs up is handed nothing, also when it was polling', async (t) => {
  const { url } = await startMaster(t, folderOf(t), SLOW)
  const hangUp = new AbortController()
  const polled = poll(url, 'slave=w1&kinds=sleep', hangUp.signal)
  await inState(url, 'w1', 'free')
  hangUp.abort()
  await t.rejects(polled)
  await until(async () => !(await rowOf(url, 'w1')).polling)
  t.match(await post(`${url}/tasks`, sleep(1)), {
    status: 503,
    body: { asked: [{ slave: 'w1', reason: 'is not polling' }] },
  })
})

t.test('a simple slave that died with a task gives it back when it polls again', async (t) => {
  const { url } = await startMaster(t, folderOf(t), SLOW)
  const queued = await post(`${url}/tasks`, { ...sleep(1), queue: true })
  const first = await poll(url, 'slave=w1&kinds=sleep')
  t.equal(first.task, queued.body.id)
  const second = await poll(url, 'slave=w1&kinds=sleep')
  t.equal(second.task, queued.body.id)
  t.not(second.attempt, first.attempt)
  const failure = { type: 'evaluation', message: 'cannot sleep' }
  await post(`${url}/submit_result`, { slave: 'w1', attempt: second.attempt, failure })
  t.match(await ended(url, queued.body.id), { status: 'failed', failure, tries: 2 })
  const { trail } = await getJson(`${url}/tasks/${queued.body.id}/trail`)
  t.match(
    trail.find(({ event }: Json) => event === 'slave-lost'),
    { slave: 'w1', reason: /polls again/ },
  )
})

t.test('a master that is killed: what slaves that pull have goes on', async (t) => {
  const data = folderOf(t)
  const at = [...QUICK, '--port', `${await freePort()}`]
  const master = await startMaster(t, data, at)
  const { url } = master
  const slave = await startPulling(t, url, 'pull-1')
  const simply = poll(url, 'slave=w1&kinds=sleep&wait=60')
  await inState(url, 'w1', 'free')
  const short = await post(`${url}/tasks`, sleep(3000))
  const simple = await post(`${url}/tasks`, sleep(1))
  t.same([short.body.slave, simple.body.slave], ['pull-1', 'w1'])
  const { attempt } = await simply
  const queued = await post(`${url}/tasks`, { ...sleep(2), queue: true })
  await master.kill()
  await until(async () => {
    const { attempts } = await getJson(`${slave.url}/attempts`)
    return attempts.length === 1 && attempts[0].status === 'ended'
  })
  await startMaster(t, data, at)
  t.match(await ended(url, short.body.id), { status: 'done', slave: 'pull-1', tries: 1 })
  t.match(await ended(url, queued.body.id), { status: 'done', slave: 'pull-1', tries: 1 })
  t.match(await getJson(`${url}/tasks/${simple.body.id}`), { status: 'in progress' })
  const result = { sleptMs: 1 }
  await post(`${url}/submit_result`, { slave: 'w1', attempt, result })
  t.match(await ended(url, simple.body.id), { status: 'done', slave: 'w1', tries: 1 })
  t.match((await getJson(`${url}/status`)).counters, { attemptsLost: 0 })
})

t.test('a slave that pulls and is told to stop finishes what it has, and leaves', async (t) => {
  const { url } = await startMaster(t, folderOf(t), QUICK)
  const slave = await startPulling(t, url, 'pull-1')
  const { body } = await post(`${url}/tasks`, sleep(500))
  slave.child.kill('SIGTERM')
  t.equal(await exitOf(slave), 0)
  t.match(await ended(url, body.id), { status: 'done', tries: 1 })
  t.same((await getJson(`${url}/slaves`)).slaves, [])
})

t.test('a master that is told to stop lets go of the polls that it holds', async (t) => {
  const master = await startMaster(t, folderOf(t), SLOW)
  const polled = poll(master.url, 'slave=w1&kinds=sleep&wait=60')
  await inState(master.url, 'w1', 'free')
  master.child.kill('SIGTERM')
  t.equal(await polled, null)
  t.equal(await exitOf(master), 0)
})
