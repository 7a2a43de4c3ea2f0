// The command line against a real master and real slaves: results, refusals, lists, exit codes.

import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import t from 'tap'
import { EXIT } from '../../../master/cli/exit-codes.ts'
import { CLIENT_COMMANDS, PROGRAMS } from '../../../master/cli/program.ts'
import { folderOf } from '../../folder.ts'
import type { Json } from '../../requests.ts'
import { getJson, until } from '../../requests.ts'
import { freePort, startMaster, startSlave } from '../../rigs/cluster/programs.ts'
import { askfirst, begin } from './askfirst.ts'

const LONG = '{"ms": 60000}'
const files = folderOf(t)
const master = await startMaster(t, join(files, 'master'))
const { url } = master
await startSlave(t, url, 'slave-1', ['--slots', '1'])
const taken = async (): Promise<number> => (await getJson(`${url}/status`)).counters.accepted

t.test('prints the result of an expression, also of one that begins with a minus', async (t) => {
  t.match(await askfirst(t, url, ['submit', '2 + 3']), { code: 0, stdout: '5\n', stderr: '' })
  t.match(await askfirst(t, url, ['submit', '-2 * 4']), { code: 0, stdout: '-8\n' })
  const { stdout } = await askfirst(t, url, ['submit', '--json', '1/4'])
  t.match(JSON.parse(stdout), { status: 'done', result: 0.25, slave: 'slave-1' })
})

t.test('ends with a code that says how it went', async (t) => {
  const failed = await askfirst(t, url, ['submit', 'nonsense('])
  t.match(failed, { code: EXIT.failed[0], stdout: '', stderr: /rejected-expression/ })
  const usage = await askfirst(t, url, ['submit', '--quue', '1'])
  t.match(usage, { code: EXIT.usage[0], stderr: /--quue/ })
  t.match(await askfirst(t, url, ['dance']), {
    code: EXIT.usage[0],
    stderr: /unknown command 'dance'/,
  })
  t.match(await askfirst(t, url, ['task', 'nobody']), { code: EXIT.notFound[0] })
  const invalid = await askfirst(t, url, ['submit', '--kind', 'sleep', '--input', '{"ms": -1}'])
  t.match(invalid, { code: EXIT.refusedInput[0], stderr: /input.ms/ })
  const nobody = `http://127.0.0.1:${await freePort()}`
  const unreachable = await askfirst(t, nobody, ['submit', '1'])
  t.match(unreachable, { code: EXIT.unreachable[0], stderr: /connection refused/ })
})

t.test('tells of a refusal at once who said why not, and what can be done', async (t) => {
  const sleeper = await askfirst(t, url, [
    'submit',
    '--no-wait',
    '--kind',
    'sleep',
    '--input',
    LONG,
  ])
  const id = sleeper.stdout.trim()
  const before = await taken()
  const refused = await askfirst(t, url, ['submit', '1'])
  t.match(refused, { code: EXIT.notNow[0], stdout: '' })
  t.match(refused.stderr, /at-capacity.*\n +slave-1 +not available: running 1 of 1/)
  t.match(refused.stderr, 'Nothing was stored and nothing runs.')
  t.equal(await taken(), before)
  const why = await askfirst(t, url, ['why', '--json'])
  t.match(JSON.parse(why.stdout), { wouldAsk: null, slaves: [{ reason: 'running 1 of 1' }] })

  const waiting = begin(t, url, ['submit', '--queue', '6 * 7'])
  await until(async () => (await getJson(`${url}/status`)).waiting === 1)
  t.match(await askfirst(t, url, ['cancel', id]), { code: 0 })
  t.match(await waiting.ran, { code: 0, stdout: '42\n' })
})

t.test('lists, drains, benches and sees to jobs, in JSON for a pipe', async (t) => {
  const list = JSON.parse((await askfirst(t, url, ['tasks', '--limit', '3'])).stdout) as Json
  t.equal(list.length, 3)
  t.match(await askfirst(t, url, ['drain', 'slave-1']), { code: 0 })
  t.match(JSON.parse((await askfirst(t, url, ['slaves'])).stdout), [{ state: 'draining' }])
  t.match(await askfirst(t, url, ['resume', 'slave-1']), { code: 0 })
  t.match(await askfirst(t, url, ['drain', 'nobody']), { code: EXIT.notFound[0] })
  const bench = await askfirst(t, url, ['bench', '--tasks', '50', '--at-once', '4'])
  t.match(JSON.parse(bench.stdout), { tasks: 50, failed: 0, slots: 1 })
  const watch = await askfirst(t, url, ['watch', '--times', '2', '--every', '0.1'])
  const looks = watch.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Json)
  t.match(looks, [{ rates: null }, { rates: { refused: 0 }, slaves: [{ name: 'slave-1' }] }])
})

t.test('runs a job, and writes its result', async (t) => {
  const text = join(files, 'text.txt')
  writeFileSync(text, 'Ask first.\n\nThe first that says yes has it.')
  const job = JSON.parse((await askfirst(t, url, ['job', 'word-count', '--text', text])).stdout)
  t.match(job, { status: 'done', result: { total: 9, perParagraph: [2, 7] } })
  const result = join(files, 'result.txt')
  const input = '{"text": "a b a"}'
  const ran = await askfirst(t, url, ['job', 'word-frequency', '--input', input, '-o', result])
  t.equal(ran.code, 0, ran.stderr)
  t.equal(readFileSync(result, 'utf8'), '2 a\n1 b\n')
})

t.test('finds out what keeps a slave from working', async (t) => {
  const row = ((await getJson(`${url}/slaves`)) as Json).slaves[0]
  const port = new URL(row.url).port
  const doctor = async (args: string[]) => {
    const { code, stdout } = await askfirst(t, url, ['doctor', ...args])
    const list = JSON.parse(stdout) as { check: string; verdict: string; says: string }[]
    return { code, of: (check: string) => list.find((each) => each.check === check) }
  }
  const well = await doctor(['--port', port])
  t.equal(well.code, 0)
  t.match(well.of('port'), { verdict: 'ok', says: 'slave-1 listens' })
  t.match(well.of('reached'), { verdict: 'ok' })
  t.match(well.of('registered'), { verdict: 'ok', says: 'slave-1 is free' })
  const free = await doctor(['--port', '0', '--name', 'slave-9', '--advertise', row.url])
  t.match(free.of('reached'), { verdict: 'ok' })
  const taken = await doctor(['--port', new URL(url).port])
  t.equal(taken.code, EXIT.failed[0])
  t.match(taken.of('port'), { verdict: 'wrong', says: 'in use by another program' })
  const hidden = await doctor([
    '--port',
    String(await freePort()),
    '--advertise',
    `http://127.0.0.1:${await freePort()}`,
  ])
  t.match(hidden.of('reached'), {
    verdict: 'wrong',
    says: /does not reach .* the log of the master has the reason/,
  })
  t.equal(((await getJson(`${url}/slaves`)) as Json).slaves.length, 1, 'and registers nobody')
})

t.test('shows text of others as text', async (t) => {
  await askfirst(t, url, ['submit', '"\u001b[31m\u202e"'])
  const { stdout } = await askfirst(t, url, ['submit', '"\u001b[31m\u202e"'])
  t.equal(stdout.replace(/[\u0020-\u007e\n]/g, ''), '', 'nothing but printable ASCII')
})

t.test('has help for each command, and tells the exit codes', async (t) => {
  const { stdout } = await askfirst(t, url, ['--help'])
  for (const name of Object.keys(PROGRAMS)) t.match(stdout, `  ${name} `)
  for (const make of CLIENT_COMMANDS) t.match(stdout, `  ${make(() => async () => {}).name()}`)
  for (const [code] of Object.values(EXIT)) t.match(stdout, `  ${code}  `)
  const submit = await askfirst(t, url, ['submit', '--help'])
  t.match(submit, { code: 0, stdout: /--no-wait/ })
  const slave = await askfirst(t, '', ['slave', '--help'])
  t.match(slave, { code: 0, stdout: /^askfirst slave: / })
})

t.test('is run by the Node that it came with, whatever Node finds it', async (t) => {
  const other = (process.env.PATH ?? '')
    .split(delimiter)
    .map((folder) => join(folder, 'node'))
    .find((file) => existsSync(file) && versionOf(file) !== process.version)
  if (other === undefined) return t.pass('there is no other Node here')
  t.match(await askfirst(t, url, ['submit', '20 + 6'], { node: other }), {
    code: 0,
    stdout: '26\n',
  })
  t.match(await askfirst(t, url, ['dance'], { node: other }), { code: EXIT.usage[0] })
  const sleeper = begin(t, url, ['submit', '--kind', 'sleep', '--input', LONG], { node: other })
  await until(async () => (await getJson(`${url}/status`)).running === 1)
  sleeper.child.kill('SIGINT')
  t.match(await sleeper.ran, { code: EXIT.stopped[0], stderr: /continues/ })
  t.equal((await askfirst(t, url, ['cancel', 'last'])).code, 0)
})

const versionOf = (file: string): string =>
  execFileSync(file, ['--version'], { encoding: 'utf8', env: {} }).trim()
