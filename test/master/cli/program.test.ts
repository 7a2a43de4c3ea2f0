// How a command line is read: where options may stand, what a mistake is answered, and which exit it is.

import type { IncomingHttpHeaders } from 'node:http'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { UsageError } from '../../../shared/process/usage-error.ts'
import { VERSION } from '../../../shared/process/version.ts'
import { runProgram } from './in-process.ts'

/** What `bench` reads of it. */
const STATUS = { slots: { total: 2 }, slaves: { alive: 1 }, counters: { asks: 5 } }
/** In a list: of the second the outcome is too long. */
const FAILED = {
  id: 'b',
  status: 'failed',
  slave: 's',
  createdAt: '2026-01-01T00:00:00Z',
  kind: 'command',
  input: { program: 'sh' },
}
const failure = { type: 'exit-code', message: 'sh ended with exit code 3' }
const TASKS = [
  { ...FAILED, failure },
  { ...FAILED, omitted: ['failure'] },
]
const ANSWERS: Record<string, object> = {
  '/slaves': { slaves: [] },
  '/status': STATUS,
  '/tasks?kind=command&limit=20': { tasks: TASKS, next: null },
}
const seen: { path: string; body: string; headers: IncomingHttpHeaders }[] = []
const master = createServer((request, response) => {
  void request.toArray().then((chunks) => {
    const { url: path = '', headers } = request
    seen.push({ path, body: chunks.join(''), headers })
    const task = { id: 'a', status: 'done', result: 1 }
    const answer = ANSWERS[path] ?? task
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer))
  })
})
await new Promise<void>((resolve) => master.listen(0, '127.0.0.1', resolve))
const url = `http://127.0.0.1:${(master.address() as AddressInfo).port}`
t.teardown(() => master.close())

t.test('takes the global options before the command and after it', async (t) => {
  for (const argv of [
    ['--url', url, 'slaves'],
    ['slaves', '--url', url],
    ['--json', 'slaves', `--url=${url}`],
  ]) {
    t.match(await runProgram(argv, { isTTY: argv[0] === '--json' }), { stdout: '[]\n', exit: 'ok' })
  }
  const both = ['--url', 'http://127.0.0.1:1', 'slaves', '--url', url]
  t.match(await runProgram(both), { exit: 'ok' }, 'the later one counts')
  t.match(await runProgram(['slaves'], { url }), { exit: 'ok' }, 'by the environment')
  const file = join(t.testdir({ key: 'afk_1\n' }), 'key')
  await runProgram(['--key-file', file, 'slaves'], { url })
  t.equal(seen.at(-1)?.headers.authorization, 'Bearer afk_1')
})

t.test('sends the master what belongs to the command, and no global option', async (t) => {
  const globals = ['--json', '--url', url]
  await runProgram(['submit', '--no-wait', '1', '--priority', '2', ...globals])
  t.same(JSON.parse(seen.at(-1)?.body ?? ''), { expression: '1', priority: 2 })
  await runProgram(['job', 'sum', '--no-wait', '--parts', '2', ...globals])
  t.same(JSON.parse(seen.at(-1)?.body ?? ''), { kind: 'sum', input: {}, parts: 2 })
  await runProgram(['tasks', '--kind', 'sum', ...globals])
  t.match(seen.at(-1)?.path, /^\/[a-z-]+\?(kind=sum&limit=20|limit=20&kind=sum)$/)
})

t.test('lists tasks, also those whose failure is too long for a list', async (t) => {
  const argv = ['tasks', '--kind', 'command', '--limit', '20']
  const { stdout, exit } = await runProgram(argv, { url, isTTY: true })
  t.equal(exit, 'ok')
  t.match(stdout, /exit-code: sh ended with exit code 3\n.*\(long\)\n$/)
})

t.test(
  'reads the status of the master before and after a bench, and at no other time',
  async (t) => {
    const before = seen.length
    const { stdout, exit } = await runProgram(['bench', '--tasks', '2', '--json'], { url })
    t.match(JSON.parse(stdout), { slaves: 1, slots: 2, tasks: 2, refused: {}, asksPerTask: 0 })
    t.equal(exit, 'ok')
    const paths = seen.slice(before).map(({ path }) => path)
    t.same(paths, ['/status', '/tasks', '/tasks', '/status'])
  },
)

t.test('leaves an option after a command of the data folder to that command', async (t) => {
  const { error } = await runProgram(['init', '--data', t.testdir(), '--url', 'http://10.0.0.1'])
  t.match(error, { message: /'--url <URL>' argument 'http:\/\/10.0.0.1' is invalid/ })
})

t.test('takes an expression that begins with a minus as an operand', async (t) => {
  for (const expression of ['-2 * 4', '-2', '-(1)', '-.5']) {
    await runProgram(['submit', '--no-wait', expression, '--priority', '-5'], { url })
    t.match(JSON.parse(seen.at(-1)?.body ?? ''), { expression, priority: -5 })
  }
})

t.test('refuses a wrong command line in one line that says what is right', async (t) => {
  for (const [argv, words] of [
    [['statu'], "unknown command 'statu' (Did you mean status?); see askfirst --help"],
    [['submit', '--quue', '1'], "'--quue' (Did you mean --queue?); see askfirst submit --help"],
    [['task'], "missing required argument 'ID'; see askfirst task --help"],
    [['task', 'a', 'b'], "too many arguments for 'task'. Expected 1 argument but got 2"],
    [['tasks', '--limit', '0'], "argument '0' is invalid. It must be a number from 1.; see"],
    [['tasks', '--limit', ''], 'It must be a number from 1'],
    [['tasks', '--status', 'x'], 'Allowed choices are pending, in progress, done'],
    [['events', '--type'], "option '--type <TYPE>' argument missing"],
    [['key', 'lost'], "unknown command 'lost' (Did you mean list?); see askfirst key --help"],
    [['key', 'create'], "required option '--scopes <A,B>' not specified"],
    [
      ['key', 'create', '--scopes', 'read,all'],
      'It must be one or more of submit, read, cancel, admin',
    ],
    [['key', 'create', '--scopes', 'read', '--client', 'a b'], 'It must be a name or *'],
    [
      ['key', 'create', '--scopes', 'read', '--ttl', '5'],
      'It must be a duration such as 30s, 15m, 12h or 90d',
    ],
    [['token', 'create', '--uses', '0'], 'It must be a number'],
    [['token', 'create', '--name', 'a b'], 'It must be a valid name of a slave'],
    [['key', 'list', '--data', 'nowhere'], 'nowhere has no identities: run askfirst init'],
    [['slaves', '--url', 'nowhere'], '"nowhere" is no URL of a master'],
    [['why', '--input', '{"n":'], '--input is not JSON: '],
    [['submit', '--kind', 'sum', '--input', '{"n":'], '--input is not JSON: '],
    [['job', 'sum', '--input', '{"n":'], '--input is not JSON: '],
    [['--json', 'master'], 'askfirst master takes no options before its name'],
  ] as const) {
    const { error, stdout, stderr } = await runProgram([...argv], { url })
    t.type(error, UsageError, argv.join(' '))
    t.match(error?.message, words)
    t.notMatch(error?.message, '\n')
    t.equal(stdout + stderr, '', 'main.ts prints it')
  }
})

t.test('prints the help of a command, of all, and the version', async (t) => {
  const all = await runProgram([])
  t.match(all, {
    exit: 'ok',
    stdout: /Usage: askfirst .*\n\naskfirst: assigns tasks to the first slave/,
  })
  for (const argv of [['--help'], ['-h'], ['help']])
    t.equal((await runProgram(argv)).stdout, all.stdout)
  const one = await runProgram(['key', 'help', 'create'])
  t.match(one, { exit: 'ok', stdout: '--key-file <FILE>', stderr: '' })
  t.match(await runProgram(['submit', '--help']), {
    exit: 'ok',
    stdout: /Global options:\n +--url/,
  })
  for (const argv of [['--version'], ['version']]) {
    t.match(await runProgram(argv), { exit: 'ok', stdout: `${VERSION}\n` })
  }
  const noVerb = await runProgram(['key'])
  t.match(noVerb, { exit: 'usage', stdout: '', stderr: /Usage: askfirst key/ })
})
