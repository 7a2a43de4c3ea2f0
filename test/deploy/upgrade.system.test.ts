// Neighbouring versions work together: the version before this one, as it was, beside this one. And
// this one goes on with a store of the first form there was.

import { execFileSync } from 'node:child_process'
import { copyFileSync, cpSync, existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { Test } from 'tap'
import tap, { test } from 'tap'
import { folderOf } from '../folder.ts'
import { ended, getJson, post, sleep, until } from '../requests.ts'
import type { RunningProcess } from '../rigs/cluster/programs.ts'
import { freePort, startProcess } from '../rigs/cluster/programs.ts'

const ROOT = join(import.meta.dirname, '../..')
const FIXTURES = join(ROOT, 'test/fixtures')
const NOW = { master: 'master/main.ts', slave: 'slave/main.ts' }
const WAIT = { prefer: 'wait=60' }

/** 16 s on two quiet cores; 122 s beside much else. */
tap.setTimeout(400_000)

/** The programs of the version before this one, with the libraries of this one. */
function before(t: Test): typeof NOW {
  const folder = folderOf(t)
  execFileSync('tar', ['-xzf', join(FIXTURES, 'askfirst-0.1.0.tar.gz'), '-C', folder])
  // Executors may read what is inside the folder, and no links out of it. A hard link would change the
  // library itself, under the eyes of a test that packs it meanwhile: so they are copies, but of Node.
  const { packages } = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8'))
  const libraries = Object.keys(packages).filter(
    (path) =>
      path.startsWith('node_modules/') && !packages[path].dev && path !== 'node_modules/node',
  )
  for (const path of libraries.filter((path) => existsSync(join(ROOT, path)))) {
    cpSync(join(ROOT, path), join(folder, path), { recursive: true })
  }
  return { master: join(folder, NOW.master), slave: join(folder, NOW.slave) }
}

const startMaster = (t: Test, program: string, data: string, port: number) => {
  const quick = ['--heartbeat-ms', '1000', '--log-level', 'warn']
  return startProcess(t, program, ['--port', `${port}`, '--data', data, ...quick])
}

async function startSlave(t: Test, program: string, master: string): Promise<RunningProcess> {
  const given = ['--master', master, '--name', 'slave-1', '--port', '0', '--log-level', 'error']
  const slave = await startProcess(t, program, [...given, '--executors', '1', '--slots', '1'])
  await until(async () => (await onlySlave(master)).url === slave.url)
  return slave
}

// biome-ignore lint/suspicious/noExplicitAny: read as it comes
const onlySlave = async (master: string): Promise<any> =>
  (await getJson(`${master}/slaves`)).slaves.find((row: { state: string }) => row.state === 'free')

/** All that goes over the wire between the two: offers, refusals, callbacks, revocations, jobs. */
async function worksTogether(t: Test, url: string): Promise<void> {
  const sum = await post(`${url}/tasks`, { expression: '2 + 3 * sqrt(16)' }, WAIT)
  t.match(sum.body, { status: 'done', result: 14, slave: 'slave-1' })
  const refused = await post(`${url}/tasks`, { expression: 'nonsense(1)' }, WAIT)
  t.match(refused.body, { status: 'failed', failure: { type: 'rejected-expression' } })

  const long = await post(`${url}/tasks`, sleep(600_000))
  t.equal(long.status, 202)
  const second = await post(`${url}/tasks`, sleep(1))
  t.match(second.body, { type: 'at-capacity', asked: [{ reason: 'running 1 of 1' }] })
  await fetch(`${url}/tasks/${long.body.id}`, { method: 'DELETE' })
  await until(() => onlySlave(url))

  const text = 'Ask first.\n\nThe first that says yes has it.'
  const job = await post(`${url}/jobs`, { kind: 'word-count', input: { text } }, WAIT)
  t.match(job.body, { status: 'done', result: { total: 9, perParagraph: [2, 7] } })
}

/** A task with a file, which slaves of the version before do not know. */
async function withFile(url: string) {
  const body = readFileSync(join(FIXTURES, 'red16_1x1.png'))
  const { sha256 } = await (await fetch(`${url}/blobs`, { method: 'PUT', body })).json()
  const kind = 'image-filter.grayscale'
  return { kind, input: {}, files: { 'strip.png': { sha256 } }, outputs: ['*.png'] }
}

test('a master of this version works with a slave of the one before, and takes over from its master', async (t) => {
  const old = before(t)
  const data = join(t.testdirName, 'data')
  const port = await freePort()
  const first = await startMaster(t, old.master, data, port)
  const slave = await startSlave(t, old.slave, first.url)
  const running = await post(`${first.url}/tasks`, sleep(1_500))
  const waiting = await post(`${first.url}/tasks`, { expression: '6 * 7', queue: true })
  t.equal(running.status, 202)
  t.equal(waiting.body.status, 'pending')
  await first.kill('SIGTERM')

  const { url } = await startMaster(t, NOW.master, data, port)
  t.match(await ended(url, running.body.id), { status: 'done', tries: 1 })
  t.match(await ended(url, waiting.body.id), { status: 'done', result: 42 })
  await worksTogether(t, url)
  const lacking = await post(`${url}/tasks`, await withFile(url), WAIT)
  t.match(lacking, {
    status: 422,
    body: {
      type: 'no-capable-slave',
      asked: [{ slave: 'slave-1', reason: 'is of a version without "files"' }],
    },
  })

  // Then the slave, which finishes its tasks.
  const last = await post(`${url}/tasks`, sleep(500))
  await slave.kill('SIGTERM')
  t.match(await ended(url, last.body.id), { status: 'done', tries: 1 })
  await startSlave(t, NOW.slave, url)
  await worksTogether(t, url)
  const able = await post(`${url}/tasks`, await withFile(url), WAIT)
  t.match(able.body, { status: 'done', files: [{ name: 'strip.png' }] })
  const made = await fetch(`${url}/tasks/${able.body.id}/files/strip.png`)
  t.match((await made.bytes()).subarray(1, 4), Buffer.from('PNG'))
})

test('a slave of this version works with a master of the one before', async (t) => {
  const old = before(t)
  const { url } = await startMaster(t, old.master, join(t.testdirName, 'data'), 0)
  await startSlave(t, NOW.slave, url)
  await worksTogether(t, url)
})

test('a store of the first form is brought forward, and goes on', async (t) => {
  const data = join(folderOf(t), 'data')
  mkdirSync(data)
  const file = join(data, 'askfirst.sqlite')
  copyFileSync(join(FIXTURES, 'store-1.sqlite'), file)
  asOfNow(file)
  const { url } = await startMaster(t, NOW.master, data, 0)
  await startSlave(t, NOW.slave, url)

  const { tasks } = await getJson(`${url}/tasks`)
  const byInput = (input: string) =>
    // biome-ignore lint/suspicious/noExplicitAny: read as it comes
    tasks.find((task: any) => JSON.stringify(task.input).includes(input))
  t.equal(tasks.length, 6)
  t.match(byInput('6 * 7'), { status: 'done', result: 42, tags: ['first'] })
  t.match(byInput('1/3'), { status: 'done', result: { mathjs: 'Fraction', n: '1', d: '3' } })
  t.match(byInput('foo'), { status: 'failed', failure: { type: 'rejected-expression' } })
  t.match(byInput('3 + 3'), { status: 'cancelled' })
  t.match(await ended(url, byInput('2 + 2').id), { status: 'done', result: 4 })
  // Its slave never came back: it is tried again, by another.
  t.match(await ended(url, byInput('600').id), { status: 'done', result: { sleptMs: 600 } })
  const again = await post(
    `${url}/tasks`,
    { expression: '6 * 7', tags: ['first'] },
    { 'idempotency-key': 'kept' },
  )
  t.equal(again.body.id, byInput('6 * 7').id)
})

/** Moves all its times so that it was just stopped: what it waits for would be over long since. */
function asOfNow(file: string): void {
  const store = new DatabaseSync(file)
  const row = store.prepare('SELECT max(createdAt) AS last FROM tasks').get()
  const by = Date.now() - Number(row?.last)
  for (const column of ['createdAt', 'startedAt', 'endedAt', 'waitUntil']) {
    store.exec(`UPDATE tasks SET ${column} = ${column} + ${by} WHERE ${column} IS NOT NULL`)
  }
  store.close()
}
