// `askfirst run` as a whole, in this process, against a master that is a fake.

import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { UsageError } from '../../../../shared/process/usage-error.ts'
import { runProgram } from '../in-process.ts'
import type { Gave, Run } from './fake-master.ts'
import { createFakeMaster } from './fake-master.ts'

type TestFolder = { teardown(run: () => unknown): unknown; testdir(): string }

/** A master whose program is `does`, and `askfirst run` with its progress in the folder of the test. */
async function openRun(t: TestFolder, does: (given: Run) => Gave | Promise<Gave>) {
  const folder = t.testdir()
  const master = await createFakeMaster(t, does)
  const runs = join(folder, 'state', 'askfirst', 'runs')
  type More = Parameters<typeof runProgram>[1]
  const env = { XDG_STATE_HOME: join(folder, 'state') }
  const run = (argv: string[], more: More = {}) =>
    runProgram(['run', ...argv], { url: master.url, env, ...more })
  const progress = (): string[] => (existsSync(runs) ? readdirSync(runs) : [])
  return { ...master, run, folder, runs, progress }
}
const echo = ({ args }: Run): Gave => ({ stdout: `${args.join(' ')}\n` })
/** A program that ends when the test says so, by its first argument. */
function gates() {
  const open = new Map<string, () => void>()
  const program = async ({ args: [name = ''] }: Run): Promise<Gave> => {
    await new Promise<void>((resolve) => open.set(name, resolve))
    return { stdout: `${name}\n` }
  }
  const end = async (name: string): Promise<void> => {
    while (!open.has(name)) await sleep(1)
    open.get(name)?.()
  }
  const started = async (name: string): Promise<void> => {
    while (!open.has(name)) await sleep(1)
  }
  return { program, end, started }
}

t.test('prints what the programs print in the order of the inputs', async (t) => {
  const { program, end } = gates()
  const { run, progress } = await openRun(t, program)
  const ran = run(['--at-once', '3', '--', 'x', ':::', 'a', 'b', 'c'])
  await end('c')
  await end('b')
  await sleep(20)
  await end('a')
  t.match(await ran, { stdout: 'a\nb\nc\n', exit: 0, stderr: /3 inputs in .* s, 0 failed/ })
  t.same(progress(), [], 'nothing is left of a complete run')
})

t.test('runs a program over lines and combinations, as GNU parallel says them', async (t) => {
  const { run, seen } = await openRun(t, echo)
  t.match(
    await run(['--at-once', '1', 'echo', '-5', '{2}{1.}', ':::', 'a.x', 'b', ':::', '1', '2']),
    {
      stdout: '-5 1a\n-5 2a\n-5 1b\n-5 2b\n',
    },
  )
  t.match(await run(['--', 'echo', '--out', '-n', ':::', '']), { stdout: '--out -n \n' })
  t.same(seen.bodies[0], {
    kind: 'command',
    input: { program: 'echo', args: ['-5', '1a'] },
    queue: true,
    attemptsMax: 3,
    retryOn: [],
  })
  t.match(await run(['echo', ':::']), { stdout: '', exit: 0 })
})

t.test('uploads a file once, and brings results back beside the input', async (t) => {
  const shout = ({ args, files }: Run): Gave => {
    const [name = ''] = args
    const text = `${files.get(name)}`.toUpperCase()
    return { files: { [name.replace(/\.txt$/, '.up')]: text } }
  }
  const { run, folder, seen } = await openRun(t, shout)
  const inputs = ['a', 'b'].map((name) => join(folder, `${name}.txt`))
  const common = join(folder, 'common')
  for (const file of [...inputs, common]) writeFileSync(file, `text of ${file}`)
  const argv = [
    '--at-once',
    '1',
    '--file',
    common,
    '--out',
    '{.}.up',
    '--',
    'shout',
    '{}',
    ':::',
    ...inputs,
  ]
  t.match(await run(argv), { exit: 0 })
  for (const file of inputs) {
    t.equal(readFileSync(file.replace('.txt', '.up'), 'utf8'), `TEXT OF ${file.toUpperCase()}`)
  }
  t.same(readdirSync(folder).toSorted(), ['a.txt', 'a.up', 'b.txt', 'b.up', 'common', 'state'])
  const place = `root${folder}`
  t.match(seen.bodies[0], { outputs: [`${place}/a.up`] })
  t.same(Object.keys(seen.bodies[0]?.files ?? {}), [`${place}/a.txt`, `${place}/common`])
  const puts = (): number => seen.requests.filter((each) => each === 'PUT /blobs').length
  t.equal(puts(), 3)

  t.match(await run(['--results', join(folder, 'r'), ...argv]), {})
  t.equal(puts(), 3, 'the master has them')
  t.ok(existsSync(join(folder, 'r', place, 'a.up')))
})

t.test(
  'a result that arrives damaged is fetched again and never has its name before',
  async (t) => {
    const { run, folder, answers, seen } = await openRun(t, () => ({ files: { o: 'good' } }))
    let damaged = 2
    answers.before = (request) =>
      request.includes('/files/') && damaged-- > 0
        ? { status: 200, bytes: Buffer.from('bad') }
        : undefined
    const results = join(folder, 'results')
    t.match(await run(['--out', 'o', '--results', results, 'x', ':::', 'a']), { exit: 0 })
    t.equal(readFileSync(join(results, 'o'), 'utf8'), 'good')
    t.same(readdirSync(results), ['o'])
    t.equal(seen.requests.filter((each) => each.includes('/files/o')).length, 3)

    answers.before = (request) =>
      request.includes('/files/') ? { status: 200, bytes: Buffer.from('bad') } : undefined
    const other = join(folder, 'other')
    const ran = await run(['--out', 'o', '--results', other, 'x', ':::', 'a'])
    t.match(ran, { exit: 1, stderr: 'askfirst: a: result: o arrived with other content' })
    t.same(readdirSync(other), [])
  },
)

t.test('a file that nobody asked for, or two inputs both leave, is a failure', async (t) => {
  const { run, folder } = await openRun(t, ({ args: [name = ''] }) => ({ files: { [name]: name } }))
  const to = (name: string): string[] => ['--results', join(folder, name)]
  const odd = await run(['--out', 'o.*', ...to('a'), 'x', ':::', 'o.1', 'evil', '../evil', '/evil'])
  t.equal(odd.exit, 1)
  t.match(odd.stderr, 'evil: result: the task gave a file that --out does not name: "evil"')
  t.match(odd.stderr, '../evil: result: a result file has the part ".."')
  t.same(readdirSync(join(folder, 'a')), ['o.1'])
  const same = await run(['--out', 'o.*', '--at-once', '1', ...to('b'), 'x', ':::', 'o.1', 'o.1'])
  t.match(same.stderr, `inputs 1 and 2 both leave ${join(folder, 'b', 'o.1')}: put {} in --results`)
  const refused = await run(['--out', 'o', ...to('c'), 'x', ':::', '1', '2'])
  t.match(refused.error, {
    name: 'UsageError',
    message: /^--out o is the same file for each input/,
  })
  t.match(
    await run(['--out', 'o.*', '--results', join(folder, 'd/{#}'), 'x', ':::', 'o.1', 'o.1']),
    {
      exit: 0,
    },
  )
})

t.test('exits with the highest exit code, and says why an input failed', async (t) => {
  const { run } = await openRun(t, ({ args: [code] }) =>
    code === 'lost'
      ? { failure: { type: 'slave-lost', message: 'slave-1 is gone' } }
      : { exit: Number(code), stderr: `says ${code}\n` },
  )
  const ran = await run(['--at-once', '1', 'exit', ':::', '0', '3', '2', 'lost'])
  t.equal(ran.exit, 3)
  t.match(
    ran.stderr,
    'says 3\naskfirst: 3: exit-code: ended with exit code 3 (askfirst why task-2)',
  )
  t.match(ran.stderr, 'askfirst: lost: slave-lost: slave-1 is gone (askfirst why task-4)')
  t.match(ran.stderr, '4 inputs in')
  t.match((await run(['exit', ':::', 'lost'])).exit, 1)
})

t.test('says how much of an output is not shown', async (t) => {
  const { run } = await openRun(t, () => ({ stdout: 'end\n', stdoutBytes: 70_000 }))
  const { stderr } = await run(['x', ':::', 'a'])
  t.match(
    stderr,
    "askfirst: a: the first 4,464 bytes of stdout are not shown: --out stdout --results 'DIR/{#}' keeps all of it",
  )
})

t.test('continues after Ctrl-C and does no input twice', async (t) => {
  const { program, end, started } = gates()
  const { run, seen, progress, runs } = await openRun(t, program)
  const names = ['a', 'b', 'c', 'd', 'e']
  const argv = ['--at-once', '2', '--', 'x', ':::', ...names]
  const first = run(argv, {
    onStart: (interrupt) => {
      void (async () => {
        await end('a')
        await started('c')
        interrupt()
        await sleep(50)
        await end('c')
      })()
    },
  })
  t.match(await first, {
    stdout: 'a\n',
    exit: 'stopped',
    stderr:
      /Ctrl-C again within 2 s cancels.\n.*2 inputs in .*\nThe same command continues the run/,
  })
  t.equal(progress().length, 1)
  t.same(seen.ran.toSorted(), ['x a', 'x b', 'x c'], 'nothing was started after it')

  const second = run(argv)
  for (const name of ['b', 'd', 'e']) await end(name)
  const ended = await second
  t.match(ended, { stdout: 'b\nc\nd\ne\n', exit: 0, stderr: /continues: 2 inputs recorded before/ })
  t.same(
    seen.ran.toSorted(),
    names.map((name) => `x ${name}`),
    'each ran once',
  )
  t.same(progress(), [])
  t.notOk(existsSync(join(runs, 'lock')))
})

t.test('cancels what is under way at a second Ctrl-C, and does it again later', async (t) => {
  const { program, end, started } = gates()
  const { run, seen } = await openRun(t, program)
  const argv = ['--run', 'mine', '--at-once', '2', '--', 'x', ':::', 'a', 'b']
  const first = run(argv, {
    onStart: (interrupt, again) => {
      void (async () => {
        await started('a')
        await started('b')
        interrupt()
        again()
      })()
    },
  })
  t.match(await first, { exit: 'stopped', stdout: '', stderr: /2 tasks under way are cancelled/ })
  t.equal(seen.cancelled, 2)
  const second = run(argv)
  while (seen.ran.length < 4) await sleep(1)
  await sleep(5)
  await end('a')
  await end('b')
  t.match(await second, { exit: 0, stdout: 'a\nb\n' })
  t.same(seen.ran.toSorted(), ['x a', 'x a', 'x b', 'x b'])
  t.match(await run(argv), { exit: 0, stdout: '', stderr: /mine continues: 2 inputs recorded/ })
  t.equal(seen.ran.length, 4, 'a named run that is complete does nothing')
  const other = await run(['--run', 'mine', '--', 'y', ':::', 'a'])
  t.match(other.error, { name: 'UsageError', message: /^run mine is of another command/ })
})

t.test('ends early as --halt says', async (t) => {
  const { run, seen } = await openRun(t, ({ args: [code] }) => ({ exit: Number(code) }))
  const argv = ['--halt', 'soon,fail=1', '--at-once', '1', '--', 'exit', ':::', '0', '3', '4', '5']
  t.match(await run(argv), { exit: 3 })
  t.same(seen.ran, ['exit 0', 'exit 3'])
  const { program, started } = gates()
  const slow = await openRun(t, async (given) => {
    if (given.args[0] !== 'bad') return program(given)
    await started('slow')
    return { exit: 9 }
  })
  const now = ['--halt', 'now,fail=1', '--at-once', '2', '--', 'x', ':::', 'slow', 'bad', 'c']
  t.match(await slow.run(now), { exit: 9, stderr: /The task under way is cancelled/ })
  t.equal(slow.seen.cancelled, 1)
})

t.test('stops when the master refuses it, and leaves what is under way', async (t) => {
  const { run, seen, answers, progress } = await openRun(t, echo)
  answers.before = (request) =>
    request === 'POST /tasks' && seen.ran.length === 2
      ? { status: 403, body: { type: 'forbidden', detail: 'no' } }
      : undefined
  const ran = await run(['--at-once', '1', '--', 'echo', ':::', '1', '2', '3', '4'])
  t.match(ran, { error: { name: 'ProblemError', type: 'forbidden' }, stdout: '1\n2\n' })
  t.match(ran.stderr, 'The same command continues the run')
  t.equal(progress().length, 1)
  delete answers.before
  t.match(await run(['--at-once', '1', '--', 'echo', ':::', '1', '2', '3', '4']), {
    stdout: '3\n4\n',
  })
})

t.test('an input that the master refuses is a failure of that input', async (t) => {
  const { run, answers } = await openRun(t, echo)
  let number = 0
  answers.before = (request) =>
    request === 'POST /tasks' && ++number === 1
      ? { status: 400, body: { type: 'invalid-request', detail: 'args is too long' } }
      : undefined
  t.match(await run(['--at-once', '1', '--', 'echo', ':::', 'a', 'b']), {
    exit: 1,
    stdout: 'b\n',
    stderr: /askfirst: a: invalid-request: args is too long/,
  })
})

t.test('uploads again what the master has removed meanwhile', async (t) => {
  const { run, folder, answers, blobs, seen } = await openRun(t, ({ files }) => ({
    stdout: `${[...files.values()]}`,
  }))
  const file = join(folder, 'a')
  writeFileSync(file, 'text')
  let number = 0
  answers.before = (request) => {
    if (request !== 'POST /tasks' || ++number > 1) return
    blobs.clear()
    return { status: 422, body: { type: 'no-such-blob' } }
  }
  t.match(await run(['cat', ':::', file]), { stdout: 'text', exit: 0 })
  t.equal(seen.requests.filter((each) => each === 'PUT /blobs').length, 2)
})

t.test('refuses a command line that cannot be run, before anything runs', async (t) => {
  const { run, folder, answers, seen } = await openRun(t, echo)
  mkdirSync(join(folder, 'root'))
  for (const [argv, message] of [
    [[':::', 'a'], /^give a program/],
    [['./script', ':::', 'a'], /"\.\/script" is no name of a program/],
    [['--slots', '2', 'x', ':::', 'a'], /^--slots is not available in this version/],
    [['--halt', 'x', 'x', ':::', 'a'], /^--halt x is not understood/],
    [['--run', '../x', 'x', ':::', 'a'], /^--run \.\.\/x: it must consist of/],
    [['--env', 'NOWHERE', 'x', ':::', 'a'], /^--env NOWHERE: there is no such variable/],
    [['--out', '../{}', 'x', ':::', 'a'], /^--out has the part "\.\.": "\.\.\/a"/],
    [['x', '{2}', ':::', 'a'], /^\{2\} names input source 2/],
    [['x', ':::+', 'a'], /has no :::\+/],
  ] as const) {
    const { error, stdout } = await run([...argv])
    t.type(error, UsageError, argv.join(' '))
    t.match(error?.message, message)
    t.equal(stdout, '')
  }
  answers.able = false
  const { error } = await run(['flax', ':::', 'a'])
  t.match(error, { message: 'no slave runs "flax": slave-1  not available: does not run "flax"' })
  t.same(seen.ran, [])
})
