// Thousands of connections that send nothing, to a master and to slaves of both languages: the master
// reaches its slaves, and its clients reach it.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import t from 'tap'
import type { Teardown } from '../folder.ts'
import { folderOf } from '../folder.ts'
import { findPython } from '../python.ts'
import type { Json, SlaveRow } from '../requests.ts'
import { ended, getJson, isFree, post, sleep, until } from '../requests.ts'
import { commandOf, own } from '../rigs/cluster/launch.ts'
import { startMaster, startServer } from '../rigs/cluster/programs.ts'

const SOCKETS = 4_500
/** A second, as the one who asks sees it. */
const ANSWER_MS = 1_000
/** Longer than a connection may be silent: some are closed meanwhile, and others come. */
const WATCH_MS = 7_000
/** A busy machine makes a round late now and then; who is kept from connecting is late in each. */
const ROUNDS = 3
const FLOOD = join(import.meta.dirname, 'silent-sockets.ts')
const python = findPython('http.server')

/** Opens them, with as many file descriptors as the system allows. Gives what ends it. */
async function flood(t: Teardown, url: string, addresses: number): Promise<() => Promise<void>> {
  const words = commandOf(FLOOD, [new URL(url).port, `${SOCKETS}`, `${addresses}`])
  const raised = ['-c', 'ulimit -n "$(ulimit -Hn)"; exec "$@"', 'sh', ...words]
  const child = spawn('sh', raised, { stdio: ['ignore', 'pipe', 'inherit'] })
  const owned = own(child)
  const end = async (): Promise<void> => void (await owned.end('SIGKILL'))
  t.teardown(end)
  const [said] = await Promise.race([once(child.stdout, 'data'), once(child, 'exit')])
  if (String(said) !== 'open\n') throw new Error(`the flood ended: ${said}`)
  return end
}

/** The longest of the times that `ask` gives while it is repeated. In milliseconds. */
async function slowest(ask: () => Promise<number>): Promise<number> {
  const end = performance.now() + WATCH_MS
  let most = 0
  while (performance.now() < end) {
    most = Math.max(most, await ask())
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  return most
}

t.test('connections that send nothing', { timeout: 300_000 }, async (t) => {
  const folder = folderOf(t)
  const master = await startMaster(t, join(folder, 'master'), ['--heartbeat-ms', '1000'])
  const given = ['--master', master.url, '--port', '0', '--slots', '2']
  const start = (command: string[], name: string) =>
    startServer(t, [...command, ...given, '--name', name, '--data', join(folder, name)])
  const doors: [string, string][] = [['the master', master.url]]
  const ours = commandOf('slave/main.ts', ['--kinds', 'expression', '--executors', '1'])
  doors.push(['a slave of ours', (await start(ours, 'ts')).url])
  const pythons = [python as string, 'slave/python/slave.py']
  if (python) doors.push(['the Python slave', (await start(pythons, 'py')).url])
  const slaves = async (): Promise<SlaveRow[]> => (await getJson(`${master.url}/slaves`)).slaves
  await until(async () => (await slaves()).filter(isFree).length === doors.length - 1)

  /** A task that the slave of its kind takes: the time until it has, and not until it is done. */
  const assign = async (body: Json): Promise<number> => {
    const began = performance.now()
    const answer = await post(`${master.url}/tasks`, body)
    const took = performance.now() - began
    if (answer.status !== 202) throw new Error(JSON.stringify(answer.body))
    if ((await ended(master.url, answer.body.id)).status !== 'done')
      throw new Error(`not done: ${answer.body.id}`)
    return took
  }
  const assignAll = async (): Promise<number> => {
    const tasks = [assign({ expression: '1+1' }), ...(python ? [assign(sleep(1))] : [])]
    return Math.max(...(await Promise.all(tasks)))
  }
  await assignAll()

  const several = process.platform === 'linux' ? [1, 50] : [1]
  for (const [who, url] of doors) {
    for (const addresses of several) {
      await t.test(`${SOCKETS} to ${who} from ${addresses} addresses`, async (t) => {
        const end = await flood(t, url, addresses)
        const path = url === master.url ? '/healthz' : '/availability'
        let [asked, ran] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY]
        for (let round = 0; round < ROUNDS && Math.max(asked, ran) >= ANSWER_MS; round++) {
          const both = [slowest(() => fresh(url + path)), slowest(assignAll)] as const
          ;[asked, ran] = await Promise.all(both)
        }
        t.ok(asked < ANSWER_MS, `a new connection is answered after ${asked.toFixed()} ms`)
        t.ok(ran < ANSWER_MS, `its tasks are assigned after ${ran.toFixed()} ms`)
        await end()
      })
    }
  }
})

/** The time of a request by a connection of its own. */
async function fresh(url: string): Promise<number> {
  const began = performance.now()
  await getJson(url, { connection: 'close' })
  return performance.now() - began
}
