// A slave that runs programs, as a process, with a master that the test plays.

import { spawnSync } from 'node:child_process'
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import type { CommandInput } from '../../../shared/kinds/command.ts'
import type { Callback, Offer } from '../../../shared/protocol/wire.ts'
import { findProgram } from '../../../slave/executor/spawn.ts'
import { commandOf, launch, ROOT } from '../../rigs/cluster/launch.ts'
import { startFakeMaster } from '../../rigs/conformance/fake-master.ts'

/** Its id on every Linux. */
export const NOBODY = 65_534
export const isRoot = process.getuid?.() === 0

const IDS = ['--reuid', String(NOBODY), '--regid', String(NOBODY), '--clear-groups', '--']

/** Why the agent cannot run without rights here; false when it can. Of a checkout that only root can read. */
export function noRights(): string | false {
  if (!isRoot) return false
  const tried = spawnSync('setpriv', [...IDS, 'test', '-r', `${ROOT}slave/main.ts`])
  return tried.status === 0 ? false : 'another user cannot read this checkout'
}

/** Why the programs of the tests cannot run here; false when they can. */
export function noPrograms(): string | false {
  if (process.platform !== 'linux') return 'programs are contained on Linux only'
  return findProgram('perl') === undefined ? 'perl is not installed' : false
}

/** `asRoot`: the agent is root and its programs nobody; otherwise the agent is nobody, or this user. */
export async function startCommandedSlave(
  t: Test,
  asRoot: boolean,
  settings: Record<string, string | number>,
) {
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
  const flags = Object.entries(all).flatMap(([name, value]) => [`--${name}`, String(value)])
  const words = commandOf('slave/main.ts', flags)
  const env = { PATH: `/usr/local/bin:/usr/bin:/bin:${tools}`, CANARY_VARIABLE: CANARY }
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
      spawnSync('find', ['work/runs', 'commands', '-mindepth', '1'], {
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
