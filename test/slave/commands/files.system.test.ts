// The files of programs, on both slaves: what a task comes with stands in its folder, and what it leaves reaches
// the master before the outcome. And its variables, of which the secret ones are written down nowhere.

import { spawnSync } from 'node:child_process'
import type { Test } from 'tap'
import t from 'tap'
import type { InputFile, Outcome } from '../../../shared/protocol/wire.ts'
import { sha256Of } from '../../rigs/conformance/fake-master.ts'
import type { Trial } from './commanded-slave.ts'
import { startCommandedSlave, trials } from './commanded-slave.ts'

const SECRET = 'canary-of-a-variable'
const sh = (script: string) => ({ program: 'sh', args: ['-c', script] })

for (const { trial, name, skip } of trials()) t.test(name, { skip }, (t) => tryFiles(t, trial))

async function tryFiles(t: Test, trial: Trial): Promise<void> {
  const slave = await startCommandedSlave(t, trial, { 'kill-grace-ms': 200 })
  const { blobs } = slave.master
  const inputFile = (name: string, text: string): InputFile => {
    const bytes = Buffer.from(text)
    const sha256 = sha256Of(bytes)
    blobs.set(sha256, { bytes, type: 'application/octet-stream' })
    return { name, url: `/blobs/${sha256}`, bytes: bytes.length, sha256 }
  }
  /** The text of each file of an outcome, which must be at the master. */
  const textsOf = ({ files = [] }: Outcome) =>
    files.map(({ name, sha256 = '' }) => [name, blobs.get(sha256)?.bytes.toString()])

  t.test('a program finds its files, and leaves some in the order of their names', async (t) => {
    const files = [inputFile('a b.txt', 'one'), inputFile('sub/\u00e4.txt', 'two')]
    const script = `cat 'a b.txt' sub/\u00e4.txt; echo changed >> 'a b.txt'
      mkdir out; echo x > out/x.bin; echo no > stdout; seq 20000; echo oops >&2; pwd > where; test "$(pwd)" = "$HOME"`
    const outputs = ['out/*', 'a b.txt', 'stdout', 'stderr', 'none.*', 's*']
    for (const _time of ['first', 'again, from the cache']) {
      const { outcome } = await slave.run(sh(script), 60_000, { files, outputs })
      if (outcome.status !== 'done') return t.fail(JSON.stringify(outcome))
      const numbers = Array.from({ length: 20_000 }, (_, i) => `${i + 1}\n`).join('')
      t.same(textsOf(outcome), [
        ['a b.txt', 'onechanged\n'],
        ['out/x.bin', 'x\n'],
        ['stderr', 'oops\n'],
        ['stdout', `onetwo${numbers}`],
      ])
      const result = outcome.result as { stdout: string; stdoutBytes: number }
      t.equal(result.stdout, `onetwo${numbers}`.slice(-65_536))
      t.equal(result.stdoutBytes, 6 + numbers.length)
    }
  })

  t.test('a program that fails delivers what is there', async (t) => {
    const outputs = ['left', 'not-left', 'link', 'stdout']
    const script = 'echo some > left; ln -s /etc/passwd link; echo said; exit 3'
    const { outcome } = await slave.run(sh(script), 60_000, { outputs })
    const message = 'sh ended with exit code 3'
    const failure = { type: 'exit-code', message, exitCode: 3, signal: null }
    t.match(outcome, { status: 'failed', ...failure, result: { stdout: 'said\n' } })
    const texts = [
      ['left', 'some\n'],
      ['stdout', 'said\n'],
    ]
    t.same(textsOf(outcome), texts)
  })

  t.test('what a program must leave and does not, or leaves as a link, fails it', async (t) => {
    const end = async (script: string, outputs: string[]) =>
      (await slave.run(sh(script), 60_000, { outputs })).outcome
    t.match(await end('true', ['x']), { type: 'missing-output', message: /no file x/ })
    t.match(await end('ln -s /etc/passwd x', ['x']), { type: 'invalid-result', message: /link/ })
    t.match(await end('cd ..; rm -rf "$HOME"; ln -s /etc "$HOME"; true', ['passwd']), {
      type: 'missing-output',
    })
    t.match(await end('mkdir shut; echo x > shut/y; chmod 0 shut', ['shut/*']), {
      status: 'done',
      files: [{ name: 'shut/y' }],
    })
  })

  t.test('a file that cannot be fetched, and a bad input, end the task', async (t) => {
    const file = { ...inputFile('x', 'gone'), url: `/blobs/${'0'.repeat(64)}` }
    const missing = await slave.run({ program: 'true' }, 60_000, { files: [file] })
    t.match(missing.outcome, { type: 'missing-file', missing: ['x'] })
    for (const bad of [{ args: ['a\0b'] }, { args: [1] }, { env: { 'A=B': '' } }, { more: 1 }]) {
      const input = { program: 'true', ...bad } as { program: string }
      t.match((await slave.run(input)).outcome, { status: 'failed', type: 'rejected-input' })
    }
  })

  t.test('a program has the variables of its input, and none of the agent', async (t) => {
    const env = { PATH: '/bin:/usr/bin', TOKEN: 'not this', LONG: 'x\ny' }
    const secretEnv = { TOKEN: SECRET, ASKFIRST_TASK: SECRET }
    const script = 'env -u TOKEN -u PWD -u SHLVL -u _ -u OLDPWD; printf %s "$TOKEN" | wc -c'
    const { outcome, attempt, task } = await slave.run({ ...sh(script), env }, 60_000, {
      secretEnv,
    })
    if (outcome.status !== 'done') return t.fail(JSON.stringify(outcome))
    const { stdout } = outcome.result as { stdout: string }
    const names = stdout.split('\n').flatMap((line) => /^([A-Z_]+)=/.exec(line)?.[1] ?? [])
    const all = ['ASKFIRST_ATTEMPT', 'ASKFIRST_TASK', 'HOME', 'LANG', 'LONG', 'PATH', 'TMPDIR']
    t.same(names.sort(), all)
    t.match(stdout, `ASKFIRST_TASK=${task}\n`)
    t.match(stdout, `ASKFIRST_ATTEMPT=${attempt}\n`)
    t.match(stdout, 'PATH=/bin:/usr/bin\n')
    t.match(stdout, `\n${SECRET.length}\n`)
    const failing = { program: 'broken-interpreter', env: {} }
    const failed = await slave.run(failing, 60_000, { secretEnv: { TOKEN: SECRET } })
    t.match(failed.outcome, { type: 'program-missing' })
    const texts = JSON.stringify([slave.master.callbacks, slave.master.heartbeats]) + slave.stderr()
    t.notMatch(texts, SECRET)
    t.equal(spawnSync('grep', ['-r', SECRET, slave.data]).stdout.toString(), '')
  })
}
