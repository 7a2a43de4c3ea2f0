// A master and slaves that run programs, and `askfirst run` as a process beside them.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { commandOf, own, ROOT } from '../cluster/launch.ts'
import { startMaster, startSlave } from '../cluster/programs.ts'
import type { Scope } from '../cluster/scope.ts'

/** Root must name another user for the programs. */
const user = process.getuid?.() === 0 ? ['--commands-user', 'nobody'] : []

/** `programs`: of each slave, separated by commas. */
export async function openCluster(scope: Scope, slots: number, programs: string[]) {
  const master = await startMaster(scope, join(scope.folder, 'master'))
  const slaves = []
  for (const [i, names] of programs.entries()) {
    const args = ['--commands', names, ...user, '--slots', `${slots}`, '--executors', `${slots}`]
    slaves.push(await startSlave(scope, master.url, `slave-${i + 1}`, args))
  }
  return { url: master.url, slaves }
}

export type Running = ReturnType<typeof startRun>

/** Starts `askfirst run` in a folder. */
export function startRun(scope: Scope, url: string, cwd: string, args: string[]) {
  const [program = '', ...words] = commandOf(`${ROOT}master/cli/askfirst.mjs`, ['run', ...args])
  const env = {
    PATH: process.env.PATH ?? '',
    ASKFIRST_URL: url,
    XDG_STATE_HOME: join(scope.folder, 'state'),
  }
  const child = spawn(program, words, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] })
  const owned = own(child)
  scope.teardown(() => owned.end('SIGKILL'))
  const said = { stdout: '', stderr: '' }
  child.stdout.setEncoding('utf8').on('data', (text: string) => void (said.stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => void (said.stderr += text))
  const ran = once(child, 'close').then(([code]) => ({ code: code as number | null, ...said }))
  return { child, said, ran }
}
