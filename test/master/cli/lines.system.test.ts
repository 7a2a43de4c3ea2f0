// `askfirst submit` of many lines: in order, and nothing twice however often it is stopped.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { EXIT } from '../../../master/cli/exit-codes.ts'
import { folderOf } from '../../folder.ts'
import type { Json } from '../../requests.ts'
import { getJson, until } from '../../requests.ts'
import { startMaster, startSlave } from '../../rigs/cluster/programs.ts'
import { askfirst, begin } from './askfirst.ts'

const files = folderOf(t)
const master = await startMaster(t, join(files, 'master'))
const { url } = master
await startSlave(t, url, 'slave-1', ['--slots', '1'])
const taken = async (): Promise<number> => (await getJson(`${url}/status`)).counters.accepted

t.test('prints a result per line, in order, also of lines that fail or are empty', async (t) => {
  const input = '1 + 1\n\nnonsense(\r\n"a\\nb"\n2 ^ 10'
  const ran = await askfirst(t, url, ['submit', '--batch', '2'], { input })
  t.equal(ran.code, EXIT.failed[0])
  const lines = ran.stdout.split('\n')
  t.match(lines, ['2', '', /^failed: rejected-expression: /, /a\\*nb/, '1024', ''])
  t.equal(lines.length, 6)
  t.match(ran.stderr, /run [0-9a-f]{16}: the same lines with --run .*\n4 tasks in .*, 1 failed/)
  const json = await askfirst(t, url, ['submit', '--json'], { input: '1\n\n7\n' })
  const parsed = json.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Json)
  t.match(parsed, [
    { line: 1, result: 1 },
    { line: 3, result: 7 },
  ])
})

t.test('counts what expired as failed', async (t) => {
  const args = ['submit', '--kind', 'sleep', '--wait-limit-ms', '500']
  const ran = await askfirst(t, url, args, { input: '{"ms":1500}\n{"ms":1500}\n' })
  t.equal(ran.code, EXIT.failed[0])
  t.match(ran.stderr, /2 tasks in .*, 1 failed/)
})

t.test('says which line the master refused, and does the others', async (t) => {
  const ran = await askfirst(t, url, ['submit'], { input: `1\n${'9'.repeat(20_000)}\n3\n` })
  t.equal(ran.code, EXIT.failed[0])
  t.match(ran.stdout.split('\n'), ['1', /^refused: invalid-request: expression /, '3', ''])
})

t.test('reads a pipe whose lines come when they come', async (t) => {
  const { child, said, ran } = begin(t, url, ['submit'], { input: null })
  await until(async () => /--run/.test(said.stderr))
  await new Promise((resolve) => child.stdin.write('1 + 1\n', resolve))
  await new Promise((resolve) => setTimeout(resolve, 200))
  child.stdin.end('2 + 2\n')
  const { code, stdout } = await ran
  t.same({ code, stdout }, { code: 0, stdout: '2\n4\n' }, said.stderr)
})

const NUMBERS = Array.from({ length: 2000 }, (_, i) => i + 1)

t.test('goes on after kill -9 where it was, and does no line twice', async (t) => {
  const file = join(files, 'lines.txt')
  writeFileSync(file, NUMBERS.map((n) => `${n} * 2\n`).join(''))
  const before = await taken()
  const args = ['submit', '--file', file, '--batch', '50']
  const first = begin(t, url, args)
  await until(async () => first.said.stdout.split('\n').length > 300)
  first.child.kill('SIGKILL')
  await first.ran
  const between = (await taken()) - before
  t.ok(between >= 300 && between < NUMBERS.length, `${between} lines were taken before`)

  const second = await askfirst(t, url, args)
  t.equal(second.code, 0)
  t.equal(second.stdout, NUMBERS.map((n) => `${n * 2}\n`).join(''))
  t.match(second.stderr, /[\d,]+ tasks of them were stored before/)
  t.equal((await taken()) - before, NUMBERS.length)

  const third = await askfirst(t, url, [...args.slice(0, 3), '--again'])
  t.equal(third.stdout, second.stdout)
  t.equal((await taken()) - before, 2 * NUMBERS.length, '--again does them anew')
})

t.test('says after Ctrl-C how far it got, and goes on from there', async (t) => {
  const input = NUMBERS.map((n) => `${n} + 0.5\n`).join('')
  const before = await taken()
  const args = ['submit', '--run', 'my-run', '--batch', '50']
  const first = begin(t, url, args, { input })
  await until(async () => first.said.stdout.split('\n').length > 200)
  first.child.kill('SIGINT')
  const { code, stdout, stderr } = await first.ran
  t.equal(code, EXIT.stopped[0])
  const printed = stdout.split('\n').length - 1
  t.match(stderr, `The results of lines 1 to ${printed.toLocaleString('en')} are printed.`)
  t.match(stderr, 'Submit the same lines with --run my-run to continue: no line is executed twice.')
  t.equal((await askfirst(t, url, args, { input })).code, 0)
  t.equal((await taken()) - before, NUMBERS.length)
})
