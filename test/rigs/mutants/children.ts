// Child processes that run tests with mutations (child.ts), one request at a time each. A child that
// exceeds the time limit of a request is killed.

import type { ChildProcess } from 'node:child_process'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { setPriority } from 'node:os'
import { join } from 'node:path'
import type { Cover, Offsets, Outcome, TestsOfFile } from './child.ts'
import { ENVIRONMENT } from './environment.ts'
import type { Mutation } from './operators.ts'

export type Child = ReturnType<typeof startChild>
export type RunRequest = { file: string; mutation: Mutation | null; tests: TestsOfFile[] }

/** How often a request that is under way is looked at. */
const LOOK_MS = 250
/** Below all that people wait for. */
const NICE = 5

/** `root`: the folder of the source tree, with the tests. */
export function startChild(root: string) {
  const child = fork(join(import.meta.dirname, 'child.ts'), [], {
    cwd: root,
    execArgv: ['--no-warnings', '--import', join(import.meta.dirname, 'hooks.ts')],
    env: { ...process.env, [ENVIRONMENT.root]: root },
    stdio: ['ignore', 'ignore', process.env.MUTANTS_VERBOSE ? 'inherit' : 'ignore', 'ipc'],
  })
  if (child.pid !== undefined) setPriority(child.pid, NICE)

  return {
    /** Whether it has not run a mutation yet. */
    isNew: true,

    /** Runs tests; 'overdue' when they did not end in time, and the child was killed for that. */
    run(request: RunRequest, limitMs: number): Promise<Outcome | 'overdue'> {
      return ask<Outcome>({ do: 'run', ...request }, limitMs)
    },

    cover(test: string, offsets: Offsets, limitMs: number): Promise<Cover | 'overdue'> {
      return ask<Cover>({ do: 'cover', test, offsets }, limitMs)
    },

    async kill(): Promise<void> {
      if (child.exitCode !== null || child.signalCode !== null) return
      child.kill('SIGKILL')
      await once(child, 'exit')
    },
  }

  /** The reply, or 'overdue'. A child that ends by itself did not survive the mutation either. */
  async function ask<T>(request: object, limitMs: number): Promise<T | 'overdue'> {
    const { promise, resolve } = Promise.withResolvers<T | 'overdue'>()
    const stopwatch = startStopwatch(child)
    const timer = setInterval(() => {
      if (stopwatch() > limitMs) child.kill('SIGKILL')
    }, LOOK_MS)
    const ended = (): void => resolve('overdue')
    child.once('message', resolve)
    child.once('exit', ended)
    if (child.connected) child.send(request)
    else ended()
    const reply = await promise
    clearInterval(timer)
    child.off('message', resolve)
    child.off('exit', ended)
    return reply
  }
}

/** Milliseconds since now, without the time in which the child was ready and another had its core. */
function startStopwatch({ pid }: ChildProcess): () => number {
  const began = performance.now()
  const waitedBefore = waitedMs(pid)
  return () => performance.now() - began - (waitedMs(pid) - waitedBefore)
}

/** How long a process has waited for a core (Linux; elsewhere 0, so that a busy machine needs patience). */
function waitedMs(pid: number | undefined): number {
  try {
    const [, waitedNs] = readFileSync(`/proc/${String(pid)}/schedstat`, 'utf8').split(' ')
    return Number(waitedNs) / 1e6
  } catch {
    return 0
  }
}
