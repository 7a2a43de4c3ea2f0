// Real processes for end-to-end tests: masters and slaves on ports that the system chooses, each
// stopped with the test that started it.

import type { ChildProcess } from 'node:child_process'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { resolve } from 'node:path'
import { createInterface } from 'node:readline'
import type { Test } from 'tap'

const ROOT = new URL('../../', import.meta.url).pathname
/** What one process has compiled the next need not: a third of the time that a start takes. */
const COMPILE_CACHE = `${ROOT}.tap/compile-cache`

/**
 * tap makes each node process that a test starts load its hooks, by NODE_OPTIONS, and those theirs.
 * An executor has no permission to load them, so a process of ours is started without.
 */
export const [COMMAND = '', ...BEFORE] =
  process.platform === 'win32'
    ? [process.execPath]
    : ['env', '-u', 'NODE_OPTIONS', process.execPath]

/** A command on a master's data folder: what it prints. */
export const askfirst = (command: string, ...args: string[]): string =>
  execFileSync(COMMAND, [...BEFORE, `${ROOT}master/cli/askfirst.mjs`, command, ...args], {
    encoding: 'utf8',
    stdio: 'pipe',
    maxBuffer: 64 << 20,
  }).trim()

/** What a test needs of tap: something that runs when the test ends. */
export type Teardown = { teardown(run: () => unknown): unknown; testdir(): string }

type Content = Parameters<Test['testdir']>[0]

/**
 * A folder of the test, removed when its processes have ended. (tap removes the folder before the
 * teardowns that were added after it, and a master or a slave whose folder goes takes notice.)
 */
export function folderOf(
  t: { teardown(run: () => unknown): unknown; testdir: (content?: Content) => string },
  content?: Content,
): string {
  t.teardown(() => {})
  return t.testdir(content)
}

export type RunningProcess = {
  url: string
  child: ChildProcess
  /** Everything it has written to standard error. */
  stderr: () => string
  kill(signal?: NodeJS.Signals): Promise<void>
}

/** Starts a program of ours (or of an absolute path) and waits until it says where it listens. */
export async function startProcess(
  t: Teardown,
  file: string,
  args: string[],
  env: Record<string, string> = {},
  /** For node itself. */
  flags: string[] = [],
): Promise<RunningProcess> {
  const child = spawn(COMMAND, [...BEFORE, ...flags, resolve(ROOT, file), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env.PATH ?? '', NODE_COMPILE_CACHE: COMPILE_CACHE, ...env },
  })
  let stderr = ''
  child.stderr?.on('data', (text: Buffer) => {
    stderr = (stderr + text.toString()).slice(-20_000)
  })
  const kill = async (signal: NodeJS.Signals = 'SIGKILL'): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const exited = once(child, 'exit')
    child.kill(signal)
    child.kill('SIGCONT')
    await exited
  }
  // A test that is over its time has no teardown.
  const killNow = (): void => void child.kill('SIGKILL')
  process.once('exit', killNow)
  child.once('exit', () => process.off('exit', killNow))
  t.teardown(() => kill())
  return { url: await listening(child, () => stderr), child, stderr: () => stderr, kill }
}

async function listening(child: ChildProcess, stderr: () => string): Promise<string> {
  const closed = once(child, 'close')
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream })
  for await (const line of lines) {
    const url = / listens at (\S+)$/.exec(line)?.[1]
    if (url) return url
  }
  await closed
  const how = child.signalCode ?? child.exitCode
  throw new Error(`the process ended (${how}) before it listened: ${stderr()}`)
}

/**
 * A port for a process that will be started anew at the same address. Not one that the system would
 * choose: those also serve outgoing connections, and whoever connects to one of them again and
 * again while nobody listens there is at last connected to itself, and the port is taken.
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

export type SlaveRow = { name: string; url: string; state: string; slots: number; free: number }

/** It is registered, was heard, and has room. */
export const isFree = ({ state }: SlaveRow): boolean => state === 'free'

/** Waits for a fact, looking again every few milliseconds. Throws after `mostMs`. */
export async function until(holds: () => Promise<unknown>, mostMs = 60_000): Promise<void> {
  const deadline = performance.now() + mostMs
  let last: unknown
  while (performance.now() < deadline) {
    try {
      if (await holds()) return
    } catch (error) {
      last = error
    }
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  throw new Error(
    `waited ${mostMs} ms in vain for ${holds}${last instanceof Error ? `; last: ${last.message}` : ''}`,
  )
}

// biome-ignore lint/suspicious/noExplicitAny: tests read answers as they come
export type Json = any

export async function getJson(url: string, headers: Record<string, string> = {}): Promise<Json> {
  const response = await fetch(url, { headers })
  return response.json()
}

export type Answer = { status: number; headers: Headers; body: Json }

/** POSTs JSON, or text as it is; gives status, headers and the parsed body. */
export const post = (
  url: string,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<Answer> =>
  request('POST', url, typeof body === 'string' ? body : JSON.stringify(body), {
    'content-type': 'application/json',
    ...headers,
  })

/** Any request; gives status, headers and the body, parsed. */
export async function request(
  method: string,
  url: string,
  body?: string | Uint8Array<ArrayBuffer>,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const response = await fetch(url, { method, headers, ...(body === undefined ? {} : { body }) })
  return { status: response.status, headers: response.headers, body: await response.json() }
}

/** The task, once it has ended. */
export async function ended(url: string, id: string): Promise<Json> {
  let task: Json
  await until(async () => {
    task = await getJson(`${url}/tasks/${id}`, { prefer: 'wait=5' })
    return task.endedAt !== null
  })
  return task
}

/** A task that occupies a slot. */
export const sleep = (ms: number) => ({ kind: 'sleep', input: { ms } })
