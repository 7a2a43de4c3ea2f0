// A store that is removed, replaced or damaged: noticed, said in one line, and the next start says the
// same. Codes: 64, an operator must act.

import { once } from 'node:events'
import { cpSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import t from 'tap'
import { folderOf } from '../folder.ts'
import { post, request, sleep, until } from '../requests.ts'
import type { RunningProcess } from '../rigs/cluster/programs.ts'
import { freePort, startMaster, startProcess, startSlave } from '../rigs/cluster/programs.ts'

/** Its exit code, once it has ended by itself. */
async function codeOf({ child }: RunningProcess): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  return child.exitCode
}

/** What it says when it does not start. */
const refusal = (starting: Promise<unknown>): Promise<string> =>
  starting.then(
    () => 'it started',
    (error: Error) => error.message,
  )

/** A master with so many queued tasks in its store: their ids. */
async function aMasterWith(t: Test, data: string, tasks: number) {
  const master = await startMaster(t, data)
  const batch = Array.from({ length: tasks }, () => ({ ...sleep(1), queue: true }))
  const { status, body } = await post(`${master.url}/tasks/batch`, { tasks: batch })
  if (status >= 300) throw new Error(JSON.stringify(body))
  const ids: string[] = body.tasks.map(({ id }: { id: string }) => id)
  return { master, ids }
}

/** Flips every bit of so many bytes. */
function damage(file: string, at: number, count: number): void {
  const bytes = readFileSync(file)
  for (let i = at; i < at + count; i++) bytes[i] = ~bytes[i]! & 0xff
  writeFileSync(file, bytes)
}

const removals: [what: string, run: (data: string) => void, words: RegExp][] = [
  ['the store is removed', (d) => rmSync(join(d, 'askfirst.sqlite')), /sqlite was removed or ren/],
  ['its log is removed', (d) => rmSync(join(d, 'askfirst.sqlite-wal')), /-wal was removed or ren/],
  ['the store of jobs is removed', (d) => rmSync(join(d, 'jobs.sqlite')), /jobs.sqlite was rem/],
  ['the blobs are removed', (d) => rmSync(join(d, 'blobs'), { recursive: true }), /blobs was rem/],
  ['the folder is renamed', (d) => renameSync(d, `${d}-old`), /was removed or renamed/],
  [
    'the store is replaced by a copy',
    (d) => {
      const file = join(d, 'askfirst.sqlite')
      const bytes = readFileSync(file)
      rmSync(file)
      writeFileSync(`${file}-copy`, bytes)
      renameSync(`${file}-copy`, file)
    },
    /was removed or renamed|was replaced by another/,
  ],
]

for (const [what, run, words] of removals) {
  t.test(`${what} while the master runs: it stops and says so`, async (t) => {
    const data = join(folderOf(t), 'data')
    const { master } = await aMasterWith(t, data, 1)
    const began = performance.now()
    run(data)
    t.equal(await codeOf(master), 64)
    t.comment(`noticed after ${Math.round(performance.now() - began)} ms`)
    t.match(master.stderr(), words)
    t.match(master.stderr(), /put it back .*, and start the master again\n$/)
    t.equal(master.stderr().trim().split('\n').length, 1, 'one line')
  })
}

t.test('a start does not make a new store where the old one is missing', async (t) => {
  const data = join(folderOf(t), 'data')
  const { master } = await aMasterWith(t, data, 1)
  await master.kill()
  for (const [store, left] of [
    ['askfirst.sqlite', /askfirst.sqlite-wal is there/],
    ['jobs.sqlite', /(jobs.sqlite-wal|blobs) is there/],
  ] as const) {
    renameSync(join(data, store), join(data, 'aside'))
    const said = await refusal(startMaster(t, data))
    t.match(said, /ended \(64\) .*: the store \S+ is missing, though/)
    t.match(said, left)
    renameSync(join(data, 'aside'), join(data, store))
  }
  const again = await startMaster(t, data)
  t.equal(
    (await request('GET', `${again.url}/status`)).body.tasks.pending,
    1,
    'put back, all is there',
  )
})

t.test('a key is damaged in the middle of the store: the next start says so', async (t) => {
  const data = join(folderOf(t), 'data')
  const { master, ids } = await aMasterWith(t, data, 300)
  await master.kill('SIGTERM')
  const file = join(data, 'askfirst.sqlite')
  // The end of its id and its kind; before them are its number and the types of its columns.
  const row = `${ids[100]?.slice(18)}sleep`
  // And older copies of it where pages were split.
  const good = readFileSync(file)
  for (let at = good.indexOf(row); at >= 0; at = good.indexOf(row, at + 1))
    damage(file, at - 25, 12)
  const said = await refusal(startMaster(t, data))
  t.match(said, /ended \(64\) .*: the store \S+askfirst.sqlite is damaged \(.*\): restore it/)
  t.notMatch(said, /\n +at /)
})

t.test('what is damaged is said at a start, in one line', async (t) => {
  const data = join(folderOf(t), 'data')
  const { master } = await aMasterWith(t, data, 1)
  await post(`${master.url}/jobs`, { kind: 'word-count', input: { text: 'a b' }, parts: 1 })
  await master.kill('SIGTERM')
  const jobs = join(data, 'jobs.sqlite')
  const good = readFileSync(jobs)
  const row = good.indexOf('word-count')
  for (const [at, count] of [
    [0, 100],
    [100, 8],
    [4096, 4096],
    [row - 100, 200],
    [row + 'word-count'.length, 4],
  ] as const) {
    writeFileSync(jobs, good)
    damage(jobs, at, count)
    const said = await refusal(startMaster(t, data))
    t.match(said, /ended \(64\) .*: the store \S+jobs.sqlite is damaged .*restore it/, `${at}`)
    t.notMatch(said, /\n +at /)
  }
  writeFileSync(jobs, good)
  await (await startMaster(t, data)).kill('SIGTERM')
})

t.test('a damaged outbox is said at a start, in one line', async (t) => {
  const data = folderOf(t, { 'outbox.sqlite': 'no database at all\n'.repeat(500) })
  const args = ['--port', '0', '--master', 'http://127.0.0.1:1', '--data', data]
  const said = await refusal(startProcess(t, 'slave/main.ts', args))
  t.match(said, /ended \(64\).*the folder \S+ cannot store results \(.*\): repair it/)
  t.notMatch(said, /\n +at /)
})

t.test(
  'an older copy of the store is restored: what slaves hold is counted and logged',
  async (t) => {
    const folder = folderOf(t)
    const [data, copy] = [join(folder, 'data'), join(folder, 'copy')]
    const at = ['--port', `${await freePort()}`, '--heartbeat-ms', '500']
    const first = await startMaster(t, data, at)
    await startSlave(t, first.url, 'slave-1', ['--slots', '2', '--executors', '1'])
    await post(`${first.url}/tasks`, sleep(1), { prefer: 'wait=10' })
    await first.kill('SIGTERM')
    cpSync(data, copy, { recursive: true })
    const second = await startMaster(t, data, at)
    await until(async () => {
      const taken = await Promise.all([1, 2].map(() => post(`${second.url}/tasks`, sleep(60_000))))
      return taken.some(({ status }) => status === 202)
    })
    const { running } = (await request('GET', `${second.url}/status`)).body.tasks
    await second.kill('SIGKILL')
    rmSync(data, { recursive: true })
    renameSync(copy, data)
    const third = await startMaster(t, data, at)
    await until(() => unknownOf(third.url))
    t.match(await unknownOf(third.url), { 'this-store': /^[12]$/, 'another-store': '0' }, running)
    const lines = third.stderr().trim().split('\n')
    t.equal(
      lines.filter((line) => line.includes('not in the store')).length,
      1,
      'one line per slave',
    )
    t.match(third.stderr(), /"slave":"slave-1".*restored from an older copy.*submit again/)
  },
)

/** Attempts of unknown tasks by whose they are; null while there are none. */
async function unknownOf(url: string): Promise<Record<string, string> | null> {
  const text = await (await fetch(`${url}/metrics`)).text()
  const found = [...text.matchAll(/^askfirst_attempts_unknown_total\{of="([^"]+)"\} (\d+)$/gm)]
  const counts = Object.fromEntries(found.map(([, of, count]) => [of, count]))
  return Object.values(counts).some((count) => count !== '0') ? counts : null
}
