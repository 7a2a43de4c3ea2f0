// Processes that die: whatever was accepted reaches exactly one outcome, and the right one.

import { once } from 'node:events'
import t from 'tap'
import { createRandom } from '../../shared/data/random.ts'
import { folderOf } from '../folder.ts'
import type { Json } from '../requests.ts'
import { ended, getJson, post, request, sleep, until } from '../requests.ts'
import type { RunningProcess } from '../rigs/cluster/programs.ts'
import { freePort, startMaster, startSlave } from '../rigs/cluster/programs.ts'

const ROUNDS = 6
const POSTERS = 6
/** Master and slaves notice each other's death sooner than in production. */
const QUICK = ['--heartbeat-ms', '1000', '--retry-backoff-ms', '50', '--attempts-max', '20']
const SLEEPER = ['--kinds', 'sleep', '--request-timeout-ms', '1000']

const exitOf = async ({ child }: RunningProcess): Promise<number | null> => {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  return child.exitCode
}

async function allTasks(url: string): Promise<Json[]> {
  const tasks: Json[] = []
  for (let path: string | undefined = '/tasks?limit=500'; path; ) {
    const response: Response = await fetch(url + path)
    tasks.push(...((await response.json()) as Json).tasks)
    path = /<([^>]+)>; rel="next"/.exec(response.headers.get('link') ?? '')?.[1]
  }
  return tasks
}

const slaveNames = async (url: string): Promise<string[]> =>
  (await getJson(`${url}/slaves`)).slaves.map(({ name }: Json) => name)

t.test('a master that is killed again and again', async (t) => {
  const seed = Number(process.env.SEED ?? Date.now() % 1e6)
  t.comment(`SEED=${seed}`)
  const random = createRandom(seed)
  const data = folderOf(t)
  const at = [...QUICK, '--port', `${await freePort()}`]
  let master = await startMaster(t, data, at)
  const { url } = master
  for (const name of ['slave-1', 'slave-2']) {
    await startSlave(t, url, name, [...SLEEPER, '--slots', '6', '--executors', '1'])
  }

  /** What clients were promised, and what they saw. */
  const promised = new Map<string, number>()
  const seen = new Map<string, string>()
  let posted = 0
  let stopped = false
  t.teardown(() => {
    stopped = true
  })

  async function postOne(): Promise<void> {
    const i = posted++
    const ms = 1 + (i % 20) + i / 100_000
    const queue = i % 2 === 0
    const waits = i % 5 === 0
    const headers = waits ? { prefer: 'wait=2' } : {}
    const { status, body } = await post(`${url}/tasks`, { ...sleep(ms), queue }, headers)
    if (status === 202 || status === 200) promised.set(body.id, ms)
    if (status === 200) seen.set(body.id, JSON.stringify(body.result))
  }

  async function keepPosting(): Promise<void> {
    while (!stopped) {
      await postOne().catch(() => new Promise((resolve) => setTimeout(resolve, 20)))
    }
  }

  const posting = Promise.all(Array.from({ length: POSTERS }, keepPosting))
  for (let round = 0; round < ROUNDS; round++) {
    const before = promised.size
    await until(async () => promised.size > before + 5)
    await new Promise((resolve) => setTimeout(resolve, random.integer(200)))
    await master.kill('SIGKILL')
    master = await startMaster(t, data, at)
  }
  stopped = true
  await posting

  await until(async () => {
    const { tasks } = await getJson(`${url}/status`)
    return tasks.pending === 0 && tasks['in progress'] === 0
  })
  const tasks = await allTasks(url)
  const byId = new Map(tasks.map((task) => [task.id, task]))
  t.equal(byId.size, tasks.length, 'each is listed once')
  t.comment(`${posted} posted, ${promised.size} promised, ${tasks.length} stored`)
  t.same(
    [...promised.keys()].filter((id) => !byId.has(id)),
    [],
    'none that was promised is lost',
  )
  t.same(
    tasks.filter(({ status }) => status !== 'done').map(({ id, status }) => ({ id, status })),
    [],
    'all are done',
  )
  const wrong = tasks.filter(
    ({ id, input, result }) =>
      result.sleptMs !== input.ms || (promised.get(id) ?? input.ms) !== result.sleptMs,
  )
  t.same(wrong, [], 'each with its own result')
  const changed = [...seen].filter(([id, result]) => JSON.stringify(byId.get(id).result) !== result)
  t.same(changed, [], 'what a client saw did not change')
  const inputs = tasks.map(({ input }) => input.ms)
  t.equal(new Set(inputs).size, inputs.length, 'no POST became two tasks')
  const trails = await Promise.all(tasks.map(({ id }) => getJson(`${url}/tasks/${id}/trail`)))
  const doubled = trails.filter(
    ({ trail }) => trail.filter(({ event }: Json) => event === 'done').length !== 1,
  )
  t.same(doubled, [], 'each trail ends once')
  const { counters } = await getJson(`${url}/status`)
  t.match(counters, { callbacksForged: 0 })
})

t.test('a slave that is killed while it works: another has its tasks', async (t) => {
  const { url } = await startMaster(t, folderOf(t), QUICK)
  const slots = [...SLEEPER, '--slots', '3', '--executors', '3']
  const first = await startSlave(t, url, 'slave-1', slots)
  await startSlave(t, url, 'slave-2', slots)
  const posts = await Promise.all([2000, 2001, 2002].map((ms) => post(`${url}/tasks`, sleep(ms))))
  t.same(
    posts.map(({ body }) => body.slave),
    ['slave-1', 'slave-1', 'slave-1'],
  )
  await first.kill('SIGKILL')
  const tasks = await Promise.all(posts.map(({ body }) => ended(url, body.id)))
  for (const task of tasks) {
    t.match(task, { status: 'done', slave: 'slave-2', tries: 2 })
    t.equal(task.result.sleptMs, task.input.ms)
    const { trail } = await getJson(`${url}/tasks/${task.id}/trail`)
    const lost = trail.find(({ event }: Json) => event === 'slave-lost')
    t.match(lost, { slave: 'slave-1', reason: /lease/ })
  }

  await t.test('and under its name a new one is let in, which has nothing', async (t) => {
    const again = await startSlave(t, url, 'slave-1', slots)
    t.same((await getJson(`${again.url}/attempts`)).attempts, [])
    const { body } = await post(`${url}/tasks`, sleep(1))
    t.equal(body.slave, 'slave-1')
  })
})

t.test('a task whose slave is lost has none until another takes it', async (t) => {
  const { url } = await startMaster(t, folderOf(t), QUICK)
  const first = await startSlave(t, url, 'slave-1', SLEEPER)
  const { body } = await post(`${url}/tasks`, sleep(60_000))
  t.equal(body.slave, 'slave-1')
  await first.kill('SIGKILL')
  const task = () => getJson(`${url}/tasks/${body.id}`)
  await until(async () => (await task()).status === 'pending')
  t.match(await task(), { status: 'pending', slave: null, startedAt: null, tries: 1 })
  await startSlave(t, url, 'slave-2', [...SLEEPER, '--slots', '2'])
  await until(async () => (await task()).slave === 'slave-2')
  t.match(await task(), { status: 'in progress', tries: 2 })
})

t.test('a slave that is started anew at once: its tasks are lost at once', async (t) => {
  // With a lease of 20 seconds nothing here is noticed by silence.
  const { url } = await startMaster(t, folderOf(t), ['--heartbeat-ms', '5000', ...QUICK.slice(2)])
  const at = [...SLEEPER, '--port', `${await freePort()}`]
  const first = await startSlave(t, url, 'slave-1', at)
  const { body } = await post(`${url}/tasks`, sleep(2000))
  await first.kill('SIGKILL')
  await startSlave(t, url, 'slave-1', at)
  const task = await ended(url, body.id)
  t.match(task, { status: 'done', tries: 2 })
  const ms = Date.parse(task.endedAt) - Date.parse(task.createdAt)
  t.ok(ms < 15_000, `${ms} ms`)
})

t.test('a slave that is told to stop finishes what it has, and leaves', async (t) => {
  const { url } = await startMaster(t, folderOf(t), QUICK)
  const first = await startSlave(t, url, 'slave-1', SLEEPER)
  await startSlave(t, url, 'slave-2', SLEEPER)
  const alive = await request('DELETE', `${url}/slaves/slave-1`)
  t.match(alive, { status: 409, body: { type: 'slave-alive', detail: /would register again/ } })
  const before = await post(`${url}/tasks`, sleep(5000))
  t.equal(before.body.slave, 'slave-1')
  first.child.kill('SIGTERM')
  await until(async () => {
    const { slaves } = await getJson(`${url}/slaves`)
    return slaves.some(({ name, state }: Json) => name === 'slave-1' && state === 'draining')
  })
  const after = await post(`${url}/tasks`, sleep(1))
  t.match(after.body, {
    slave: 'slave-2',
    asked: [{ slave: 'slave-1', answer: 'not available', reason: /SIGTERM/ }, {}],
  })
  t.equal(await exitOf(first), 0)
  t.match(await ended(url, before.body.id), { status: 'done', slave: 'slave-1', tries: 1 })
  t.same(await slaveNames(url), ['slave-2'])
})

t.test('a master that is told to stop answers whoever waits, and carries on later', async (t) => {
  const data = folderOf(t)
  const at = [...QUICK, '--port', `${await freePort()}`]
  const master = await startMaster(t, data, at)
  const { url } = master
  const slave = await startSlave(t, url, 'slave-1', SLEEPER)
  const waiting = post(`${url}/tasks`, sleep(2500), { prefer: 'wait=30' })
  const queued = await post(`${url}/tasks`, { ...sleep(2), queue: true })
  await until(async () => (await getJson(`${url}/status`)).running === 1)
  const forSlave = post(`${url}/tasks`, sleep(1), { prefer: 'wait=30' })
  await until(async () => (await getJson(`${url}/status`)).waiting === 2)
  master.child.kill('SIGTERM')
  const { status, body } = await waiting
  t.match({ status, body }, { status: 202, body: { status: 'in progress', slave: 'slave-1' } })
  t.match(await forSlave, { status: 503, body: { type: 'draining' } })
  t.equal(await exitOf(master), 0)

  // The slave outlives the master and keeps the result.
  await until(async () => {
    const { attempts } = await getJson(`${slave.url}/attempts`)
    return attempts.length === 1 && attempts[0].status === 'ended'
  })
  await startMaster(t, data, at)
  t.match(await ended(url, body.id), { status: 'done', result: { sleptMs: 2500 }, tries: 1 })
  t.match(await ended(url, queued.body.id), { status: 'done', result: { sleptMs: 2 } })
  t.same((await getJson(`${url}/tasks`)).tasks.length, 2, 'the refused one is not there')
  await until(async () => (await getJson(`${slave.url}/attempts`)).attempts.length === 0)
  t.same(await slaveNames(url), ['slave-1'], 'it has registered by itself')
})

t.test('results outlive both master and slave on the disk of the slave', async (t) => {
  const data = folderOf(t, { master: {}, slave: {} })
  const at = [...QUICK, '--port', `${await freePort()}`]
  const master = await startMaster(t, `${data}/master`, at)
  const { url } = master
  const keeping = [...SLEEPER, '--data', `${data}/slave`, '--drain-ms', '200']
  const slave = await startSlave(t, url, 'slave-1', keeping)
  const { body } = await post(`${url}/tasks`, sleep(2000))
  await master.kill('SIGKILL')
  await until(async () => {
    const { attempts } = await getJson(`${slave.url}/attempts`)
    return attempts.length === 1 && attempts[0].status === 'ended'
  })
  slave.child.kill('SIGTERM')
  await exitOf(slave)
  await startMaster(t, `${data}/master`, at)
  await startSlave(t, url, 'slave-1', keeping)
  t.match(await ended(url, body.id), { status: 'done', result: { sleptMs: 2000 }, tries: 1 })
})
