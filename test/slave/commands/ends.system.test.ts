// No program outlives its run: not when its task is revoked, nor when the agent is killed or told to stop; and
// what can be done where a machine has no PID namespaces. Also what the card says, and what is refused.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chownSync, mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Test } from 'tap'
import t from 'tap'
import { createLog } from '../../../shared/process/log.ts'
import { createCommands } from '../../../slave/commands/commands.ts'
import type { RunEnded } from '../../../slave/executor/executors.ts'
import { commandLineOf, isAlive } from '../../rigs/cluster/proc.ts'
import type { Trial } from './commanded-slave.ts'
import {
  commandToStart,
  isRoot,
  NOBODY,
  noPrograms,
  noSlave,
  startCommandedSlave,
  trials,
} from './commanded-slave.ts'

const MARK = `stays-${process.pid}`
const skip = noPrograms()

/** A program, and a daemon of it, that both ignore SIGTERM. */
const STAYS = {
  program: 'perl',
  args: [
    '-MPOSIX',
    '-e',
    '$SIG{TERM} = "IGNORE"; if (!fork) { setsid; %ENV = (); sleep 1 while 1 } sleep 1 while 1',
    MARK,
  ],
}

for (const { trial, name, skip } of trials()) t.test(name, { skip }, (t) => tryEnds(t, trial))

async function tryEnds(t: Test, trial: Trial): Promise<void> {
  t.test('a revoked run ends with all its processes, and nothing is delivered', async (t) => {
    const slave = await startCommandedSlave(t, trial, { 'kill-grace-ms': 200 })
    await slave.offer({
      attempt: 'a',
      task: 't',
      kind: 'command',
      input: STAYS,
      runLimitMs: 60_000,
    })
    await until(() => processes().length === 2)
    const revoked = await fetch(`${slave.url}/attempts/revoke`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ attempts: ['a'] }),
    })
    t.equal(revoked.status, 200)
    await until(() => processes().length === 0)
    t.match((await slave.run({ program: 'true' })).outcome, { status: 'done' })
    await until(() => slave.left().length === 0)
    t.same(slave.master.callbacksOf('a'), [])
  })

  t.test('the death of the agent by SIGKILL ends all processes of a run', async (t) => {
    const slave = await startCommandedSlave(t, trial, {})
    await slave.offer({
      attempt: 'a',
      task: 't',
      kind: 'command',
      input: STAYS,
      runLimitMs: 60_000,
    })
    await until(() => processes().length === 2)
    await slave.kill()
    await until(() => processes().length === 0)
    t.pass()
  })

  t.test('the card has the kind, the programs and the containment', async (t) => {
    const slave = await startCommandedSlave(t, trial, {
      commands: 'true,convert=/nowhere/convert',
    })
    await until(() => slave.master.registrations.length > 0)
    const [registration] = slave.master.registrations
    t.equal(registration?.body.kinds.at(-1), 'command')
    t.match(registration?.body, {
      commands: { programs: ['true', 'convert'], containment: 'pid-namespace' },
    })
    t.ok(registration?.body.features?.includes('commands'))
    const answer = (program: string) =>
      slave.offer({
        attempt: program,
        task: 't',
        kind: 'command',
        input: { program },
        runLimitMs: 1000,
      })
    t.match(await answer('sh'), { answer: 'unable', reason: 'does not run "sh"' })
    t.match(await answer('convert'), {
      answer: 'unable',
      reason: '"convert" is not installed here',
    })
    t.match(await answer('true'), { answer: 'taken' })
    t.match((await slave.ended('true')).outcome, { status: 'done', result: { exitCode: 0 } })
  })

  t.test('a program gets arguments as they are, its input, and measured resources', async (t) => {
    const slave = await startCommandedSlave(t, trial, {})
    const args = ['%s|', '$HOME', '; id', "'", '"', '*', '', '\u20ac', '--', '-x']
    t.match((await slave.run({ program: 'printf', args })).outcome, {
      result: {
        stdout: args
          .slice(1)
          .map((arg) => `${arg}|`)
          .join(''),
      },
    })
    const stdin = 'x'.repeat(3_000_000)
    t.match((await slave.run({ program: 'wc', args: ['-c'], stdin })).outcome, {
      result: { stdout: '3000000\n', stdoutBytes: 8 },
    })
    const code = 'my $x = "x" x 50000000; my $n = 0; 1 while (times)[0] < 0.5'
    const { outcome, ranMs } = await slave.run({ program: 'perl', args: ['-e', code] })
    if (outcome.status !== 'done') return t.fail(JSON.stringify(outcome))
    const { cpuMs, rssBytesMax } = outcome.result as { cpuMs: number; rssBytesMax: number }
    t.ok(cpuMs >= 450 && cpuMs < 5000, `${cpuMs} ms of CPU`)
    t.ok(rssBytesMax > 40_000_000 && rssBytesMax < 200_000_000, `${rssBytesMax} bytes`)
    t.ok(ranMs >= 450)
    const tooMany = Array.from({ length: 10_000 }, () => 'x'.repeat(1000))
    t.match((await slave.run({ program: 'true', args: tooMany })).outcome, {
      type: 'rejected-input',
    })
  })
}

t.test('without namespaces', { skip }, async (t) => {
  const base = t.testdir({ runs: {} })
  const ended = new Map<string, RunEnded>()
  const commands = createCommands({
    settings: {
      commands: ['any'],
      killGraceMs: 200,
      commandMemoryBytesMax: 2 ** 30,
      commandProcessesMax: 100,
      commandDiskBytesMax: 2 ** 30,
      executors: 1,
      resultBytesMax: 2 ** 20,
      ...(isRoot ? { commandsUser: 'nobody' } : {}),
    },
    root: join(base, 'commands'),
    log: await createLog('test', 'silent'),
    confinement: {
      containment: 'process-group',
      hidden: false,
      before: [],
      prlimit: null,
      missing: [],
    },
  })
  const executors = commands.executors((list) => {
    for (const each of list) ended.set(each.attempt, each)
  })
  t.teardown(() => executors.close())
  const run = async (
    attempt: string,
    input: { program: string; args?: string[] },
    runLimitMs: number,
  ) => {
    const folder = join(base, 'runs', attempt)
    mkdirSync(folder)
    if (isRoot) chownSync(folder, NOBODY, NOBODY)
    const streams = { stdout: null, stderr: null }
    const more = { kind: 'command', task: 't', secretEnv: {}, folder, streams }
    executors.run({ attempt, input, runLimitMs, ...more })
    await until(() => ended.has(attempt))
    return ended.get(attempt)?.outcome
  }

  t.same(commands.commands, { programs: 'any', containment: 'process-group' })
  t.match(await run('a', { program: 'echo', args: ['ok'] }, 60_000), { result: { stdout: 'ok\n' } })
  const group = '$SIG{TERM} = "IGNORE"; fork; sleep 1 while 1'
  t.match(await run('b', { program: 'perl', args: ['-e', group, MARK] }, 300), {
    type: 'time-limit',
  })
  await until(() => processes().length === 0)
  const daemon = 'exit if fork; setsid; exit if fork; sleep 1 while 1'
  const outcome = await run('c', { program: 'perl', args: ['-MPOSIX', '-e', daemon, MARK] }, 60_000)
  t.match(outcome, { status: 'done' }, 'its variables say whose it is')
  await until(() => processes().length === 0)
})

t.test('Python, without namespaces', { skip: skip || noSlave('Python') }, async (t) => {
  const tools = ['perl', 'sh', 'echo', 'sleep', 'rm', 'chmod']
  const trial: Trial = { language: 'Python', asRoot: isRoot, tools }
  const slave = await startCommandedSlave(t, trial, { 'kill-grace-ms': 200 })
  await until(() => slave.master.registrations.length > 0)
  const commands = { programs: 'any', containment: 'process-group' }
  t.match(slave.master.registrations[0]?.body, { commands })
  t.match((await slave.run({ program: 'echo', args: ['ok'] })).outcome, {
    result: { stdout: 'ok\n' },
  })
  const perl = (code: string) => ({ program: 'perl', args: ['-MPOSIX', '-e', code, MARK] })
  const atLimit = await slave.run(perl('$SIG{TERM} = "IGNORE"; fork; sleep 1 while 1'), 300)
  t.match(atLimit.outcome, { type: 'time-limit', signal: 'SIGKILL' })
  t.same(processes(), [])
  const daemon = 'exit if fork; setsid; %ENV = (); exit if fork; sleep 1 while 1'
  t.match((await slave.run(perl(daemon))).outcome, { status: 'done' }, 'orphans are found')
  t.same(processes(), [])
  const offer = { task: 't', kind: 'command', input: STAYS, runLimitMs: 60_000 }
  await slave.offer({ attempt: 'a', ...offer })
  await until(() => processes().length === 2)
  await slave.kill()
  await until(() => processes().length === 0)
})

for (const language of ['TypeScript', 'Python'] as const) {
  const cannot = skip || noSlave(language) || !isRoot
  t.test(`${language}: root needs another user for its programs`, { skip: cannot }, async (t) => {
    const data = t.testdir({})
    const refusal = async (...flags: string[]): Promise<string> => {
      const all = ['--port', '0', '--data', data, ...flags]
      const [command = '', ...args] = commandToStart(language, all)
      const slave = spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe'] })
      let text = ''
      slave.stderr.on('data', (part: Buffer) => (text += part.toString()))
      await once(slave, 'close')
      return text
    }
    t.match(await refusal('--commands', 'true'), /needs --commands-user/)
    t.match(await refusal('--commands', 'true', '--commands-user', 'root'), /must not be root/)
    t.match(await refusal('--commands', 'true', '--commands-user', 'no-such-user'), /no such user/)
    const asNobody = ['--commands-user', 'nobody']
    t.match(await refusal('--commands', 'x=/tmp/x', ...asNobody), /\/tmp of its own/)
    if (language === 'TypeScript') {
      t.match(await refusal('--kinds', 'command'), /offered with --commands/)
    }
  })
}

/** Processes of this test's programs that run. */
function processes(): number[] {
  const ids = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
  return ids.filter(
    (id) =>
      commandLineOf(id).includes(MARK) && !commandLineOf(id).includes('launcher') && isAlive(id),
  )
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await delay(10)
}
