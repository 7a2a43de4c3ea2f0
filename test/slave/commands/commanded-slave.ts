// A slave that runs programs, as a process, with a master that the test plays.

import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { basename, join } from 'node:path'
import type { Test } from 'tap'
import type { CommandInput } from '../../../shared/kinds/command.ts'
import type { Callback, Offer } from '../../../shared/protocol/wire.ts'
import { findConfinement } from '../../../slave/commands/containment.ts'
import { findProgram } from '../../../slave/executor/spawn.ts'
import { commandOf, launch, ROOT } from '../../rigs/cluster/launch.ts'
import { startFakeMaster } from '../../rigs/conformance/fake-master.ts'

/** Its id on every Linux. */
export const NOBODY = 65_534
export const isRoot = process.getuid?.() === 0

/** Settings that the slave in Python does not have. */
const OF_NODE = ['executors', 'kinds', 'log-level']
const PYTHON = pythonPath()

/** The slave that is tried. */
export type Trial = {
  language: 'TypeScript' | 'Python'
  /** The agent is root and its programs nobody; otherwise the agent is nobody, or this user. */
  asRoot: boolean
  /** The only programs that it finds. */
  tools?: string[]
}

/** Both slaves, as root and as a user without rights, each with a reason for not trying it. */
export function trials(): { trial: Trial; name: string; skip: string | false }[] {
  const noNamespaces =
    findConfinement(false).containment === 'pid-namespace' ? false : 'no user namespaces'
  return (['TypeScript', 'Python'] as const).flatMap((language) =>
    [true, false].map((asRoot) => {
      const who = asRoot
        ? 'root, whose programs are those of another user'
        : 'a user without rights'
      const files =
        language === 'Python' ? [PYTHON ?? '', 'slave/python/slave.py'] : ['slave/main.ts']
      const cannot = asRoot ? !isRoot && 'not root' : noRights(files) || noNamespaces
      const skip = noPrograms() || noSlave(language) || cannot
      return { trial: { language, asRoot }, name: `${language}, as ${who}`, skip }
    }),
  )
}

/**
 * The program itself: what stands in PATH may be a script that needs others. The system's comes first, because
 * another user cannot start one in the home of root.
 */
function pythonPath(): string | undefined {
  const script = 'import http.client, sys; print(sys.executable, end="", flush=True)'
  const old = '; sys.exit(sys.version_info < (3, 11))'
  const tried = ['/usr/bin/python3', 'python3'].map((name) =>
    spawnSync(name, ['-c', script + old], { encoding: 'utf8' }),
  )
  return tried.find(({ status }) => status === 0)?.stdout
}

/** Starts a slave. */
export const commandToStart = (language: Trial['language'], flags: string[]): string[] =>
  language === 'Python'
    ? [PYTHON as string, join(ROOT, 'slave/python/slave.py'), ...flags]
    : commandOf('slave/main.ts', flags)

export const noSlave = (language: Trial['language']): string | false =>
  language === 'Python' && !PYTHON ? 'python3 (3.11 or later) is not installed' : false

const IDS = ['--reuid', String(NOBODY), '--regid', String(NOBODY), '--clear-groups', '--']

/** Why the agent cannot run without rights here; false when it can. Of a checkout that only root can read. */
function noRights(files: string[]): string | false {
  if (!isRoot) return false
  const unreadable = files.find(
    (file) => spawnSync('setpriv', [...IDS, 'test', '-r', file], { cwd: ROOT }).status !== 0,
  )
  return unreadable === undefined ? false : `another user cannot read ${unreadable}`
}

/** Why the programs of the tests cannot run here; false when they can. */
export function noPrograms(): string | false {
  if (process.platform !== 'linux') return 'programs are contained on Linux only'
  return findProgram('perl') === undefined ? 'perl is not installed' : false
}

export async function startCommandedSlave(
  t: Test,
  { language, asRoot, tools: only }: Trial,
  settings: Record<string, string | number>,
) {
  const isPython = language === 'Python'
  // Removed by us, when the slave has ended: it makes its folder again. Not in /tmp, which programs do not see.
  mkdirSync(join(ROOT, '.tap'), { recursive: true })
  const base = mkdtempSync(join(ROOT, '.tap', 'commanded-'))
  chmodSync(base, 0o755)
  const data = join(base, 'data')
  mkdirSync(data)
  writeFileSync(join(data, 'canary'), CANARY, { mode: 0o644 })
  const drops = isRoot && !asRoot
  if (drops) for (const path of [data, join(data, 'canary')]) chownSync(path, NOBODY, NOBODY)
  const tools = join(base, 'tools')
  mkdirSync(tools)
  writeFileSync(join(tools, 'broken-interpreter'), '#!/nowhere/at-all\n', { mode: 0o755 })
  const master = await startFakeMaster({ port: 0, heartbeatMs: 1000, trace: () => {} })
  const all = {
    port: 0,
    master: master.url,
    name: 'commanded',
    data,
    commands: 'any',
    'log-level': 'warn',
    kinds: 'sleep',
    ...(asRoot ? { 'commands-user': 'nobody' } : {}),
    ...settings,
  }
  const flags = Object.entries(all)
    .filter(([name]) => !isPython || !OF_NODE.includes(name))
    .flatMap(([name, value]) => [`--${name}`, String(value)])
  const words = commandToStart(language, flags)
  for (const tool of only ?? [])
    symlinkSync(findProgram(tool) as string, join(tools, basename(tool)))
  const path = only ? tools : `/usr/local/bin:/usr/bin:/bin:${tools}`
  const env = { PATH: path, CANARY_VARIABLE: CANARY }
  const slave = launch(drops ? ['setpriv', ...IDS, ...words] : words, { env })
  t.teardown(async () => {
    await slave.end('SIGTERM', 20_000)
    await master.close()
    rmSync(base, { recursive: true, force: true })
  })
  const url = await slave.listening
  let count = 0

  return {
    url,
    data,
    master,
    pid: slave.child.pid as number,
    /** The end of what it has logged. */
    stderr: slave.stderr,
    /** Kills the agent. */
    kill: () => slave.end('SIGKILL'),
    /** Offers a task and gives its callback. */
    async run(input: CommandInput, runLimitMs = 60_000, more: Partial<Offer> = {}) {
      const attempt = `attempt-${++count}`
      const answer = await offer({
        attempt,
        task: `task-${count}`,
        kind: 'command',
        input,
        runLimitMs,
        ...more,
      })
      if (answer.answer !== 'taken') throw new Error(`not taken: ${JSON.stringify(answer)}`)
      return ended(attempt)
    },
    offer,
    ended,
    /** Paths of files that are left of runs. */
    left: (): string[] =>
      // What is removed meanwhile is none of it.
      spawnSync('find', [...(isPython ? ['work'] : ['work/runs', 'commands']), '-mindepth', '1'], {
        cwd: data,
        encoding: 'latin1',
      })
        .stdout.split('\n')
        .filter((path) => path !== '' && !/^commands\/\d+(\/(tmp|var-tmp|shm|lock))?$/.test(path)),
  }

  async function offer(one: Offer): Promise<{ answer: string; reason: string }> {
    const response = await fetch(`${url}/offers`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ offers: [one] }),
    })
    const { answers } = (await response.json()) as { answers: { answer: string; reason: string }[] }
    return answers[0] as { answer: string; reason: string }
  }

  async function ended(attempt: string): Promise<Callback> {
    for (;;) {
      const found = master.callbacksOf(attempt)[0]
      if (found) return found.body
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  }
}

export const CANARY = 'canary-9d1f7c'
