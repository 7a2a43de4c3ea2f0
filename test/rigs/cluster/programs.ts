// Masters and slaves in processes of their own, on ports that the system chooses. Each is ended with the
// test, or the scope, that started it.

import type { ChildProcess } from 'node:child_process'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import type { Teardown } from '../../folder.ts'
import type { SlaveRow } from '../../requests.ts'
import { getJson, isFree, until } from '../../requests.ts'
import { BEFORE, COMMAND, commandOf, launch, own, ROOT } from './launch.ts'

/** A command on a master's data folder: what it prints. */
export const askfirst = (command: string, ...args: string[]): string =>
  execFileSync(COMMAND, [...BEFORE, `${ROOT}master/cli/askfirst.mjs`, command, ...args], {
    encoding: 'utf8',
    stdio: 'pipe',
    maxBuffer: 64 << 20,
  }).trim()

export type RunningProcess = {
  url: string
  child: ChildProcess
  /** The end of what it has written to standard error. */
  stderr: () => string
  kill(signal?: NodeJS.Signals): Promise<void>
}

/** Starts a program of ours (or of an absolute path) and waits until it says where it listens. */
export const startProcess = (
  t: Teardown,
  file: string,
  args: string[],
  env: Record<string, string> = {},
  /** For node itself. */
  flags: string[] = [],
): Promise<RunningProcess> => startServer(t, commandOf(file, args, flags), env)

/** As startProcess, for any command, such as a slave in Python. */
export async function startServer(
  t: Teardown,
  command: string[],
  env: Record<string, string> = {},
): Promise<RunningProcess> {
  const launched = launch(command, { env })
  const kill = async (signal: NodeJS.Signals = 'SIGKILL'): Promise<void> => {
    await launched.end(signal)
  }
  t.teardown(() => kill())
  const { child, stderr } = launched
  return { url: await launched.listening, child, stderr, kill }
}

export type Ran = { code: number | null; stdout: string; stderr: string }

/** Starts a command that people and scripts run to its end; `input` is its standard input. */
export function startCommand(
  t: Teardown,
  [program = '', ...args]: string[],
  /** `input: null` leaves its standard input open. */
  { env = {}, input = '' }: { env?: Record<string, string>; input?: string | null } = {},
) {
  const bare = { PATH: process.env.PATH ?? '' }
  const child = spawn(program, args, { stdio: 'pipe', env: { ...bare, ...env } })
  const owned = own(child)
  t.teardown(() => owned.end('SIGKILL'))
  const said = { stdout: '', stderr: '' }
  child.stdout.setEncoding('utf8').on('data', (text: string) => void (said.stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => void (said.stderr += text))
  child.stdin.on('error', () => {})
  if (input !== null) child.stdin.end(input)
  /** Resolves when it has ended and all its output has come. */
  const ran = once(child, 'close').then(([code]): Ran => ({ code: code as number | null, ...said }))
  return { child, said, ran }
}

/**
 * A port for a process that will be restarted at the same address. The system would choose a port from
 * the range of outgoing connections: a client that retries such a port while no process listens there
 * is in the end connected to itself, and the port is taken.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 10_000 + Math.floor(Math.random() * 20_000)
    const server = createServer()
    const free = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false))
      server.listen(port, '127.0.0.1', () => resolve(true))
    })
    if (!free) continue
    await new Promise((resolve) => server.close(resolve))
    return port
  }
}

/** A master with a store in a folder of the test, and quick heartbeats. */
export const startMaster = (t: Teardown, data: string, args: string[] = []) =>
  startProcess(t, 'master/main.ts', ['--port', '0', '--data', data, '--log-level', 'warn', ...args])

/** A slave that has registered with the master. */
export async function startSlave(
  t: Teardown,
  master: string,
  name: string,
  args: string[] = [],
): Promise<RunningProcess> {
  const given = ['--master', master, '--name', name, '--port', '0', '--log-level', 'error']
  const slave = await startProcess(t, 'slave/main.ts', [...given, '--executors', '1', ...args])
  await until(async () => {
    const { slaves } = (await getJson(`${master}/slaves`)) as { slaves: SlaveRow[] }
    return slaves.some((row) => row.name === name && row.url === slave.url && isFree(row))
  })
  return slave
}

/** A master, and slaves named slave-1, slave-2 ... with these arguments each. */
export async function startCluster(
  t: Teardown,
  given: { data: string; master?: string[]; slaves: string[][] },
): Promise<{ url: string; master: RunningProcess; slaves: RunningProcess[] }> {
  const master = await startMaster(t, given.data, given.master)
  const slaves: RunningProcess[] = []
  for (const [i, args] of given.slaves.entries())
    slaves.push(await startSlave(t, master.url, `slave-${i + 1}`, args))
  return { url: master.url, master, slaves }
}
