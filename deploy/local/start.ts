// `npm start`: a master and two slaves of one slot each on this machine, each a process of its own.
// Slaves start one after the other, so that slave-1 is asked first.

import type { ChildProcess, StdioOptions } from 'node:child_process'
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { PREPARE_TO_STOP } from '../../shared/process.ts'

const ROOT = new URL('../../', import.meta.url).pathname
const DATA = process.env.ASKFIRST_DATA ?? join(process.cwd(), 'askfirst-data')
const PORT = Number(process.env.ASKFIRST_PORT ?? 8080)
const SLAVES = [1, 2]
/** A slave has registered within this. In milliseconds. */
const READY_MS = 60_000

type Child = { name: string; process: ChildProcess; url: string }

const children: Child[] = []
let stopping = false

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGBREAK'] as const) {
  process.on(signal, () => void (stopping ? stopAtOnce() : stop(0)))
}

try {
  await run()
} catch (error) {
  process.stderr.write(`askfirst: ${(error as Error).message}\n`)
  await stop(1)
}

async function run(): Promise<void> {
  const quiet = ['--log-level', 'warn']
  const given = ['--port', `${PORT}`, '--data', join(DATA, 'master'), ...quiet]
  const master = await start('master', 'master/main.ts', given)
  for (const i of SLAVES) {
    const name = `slave-${i}`
    const port = PORT + 1000 + i - 80
    const given = ['--name', name, '--slots', '1', '--executors', '1', '--port', `${port}`]
    const data = join(DATA, name)
    const more = ['--master', master, ...given, '--data', data, ...quiet]
    const url = await start(name, 'slave/main.ts', more)
    await untilKnown(`${master}/slaves`, name, url)
  }
  process.stdout.write(welcome(master))
}

/** Starts a program; resolves with its address once it says where it listens. */
function start(name: string, file: string, args: string[]): Promise<string> {
  // Ctrl-C reaches the whole process group: ours alone, so that the master goes last.
  const detached = process.platform !== 'win32'
  const stdio: StdioOptions = ['ignore', 'pipe', 'inherit', 'ipc']
  const child: Child = {
    name,
    process: spawn(process.execPath, [join(ROOT, file), ...args], { stdio, detached }),
    url: '',
  }
  children.push(child)
  return new Promise((resolve, reject) => {
    child.process.stdout?.on('data', (text: Buffer) => {
      process.stdout.write(`  ${text}`)
      child.url ||= / listens at (\S+)/.exec(text.toString())?.[1] ?? ''
      if (child.url !== '') resolve(child.url)
    })
    child.process.on('error', reject)
    child.process.on('exit', (code, signal) => {
      if (stopping) return
      const how = child.url === '' ? 'could not be started' : 'ended by itself'
      process.stderr.write(`askfirst: ${name} ${how} (${signal ?? `code ${code}`})\n`)
      void stop(1)
    })
  })
}

/** Waits until the master has asked this very slave. */
async function untilKnown(url: string, name: string, slaveUrl: string): Promise<void> {
  type Row = { name: string; url: string; state: string }
  const deadline = performance.now() + READY_MS
  while (!stopping) {
    const response = await fetch(url).catch(() => undefined)
    const { slaves = [] } = ((await response?.json()) ?? {}) as { slaves?: Row[] }
    const isHere = (row: Row): boolean => row.name === name && row.url === slaveUrl
    if (slaves.some((row) => isHere(row) && row.state !== 'silent')) return
    if (performance.now() > deadline) {
      throw new Error(`${name} was not registered within ${READY_MS} ms`)
    }
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
}

/** Tells the master to take nothing new, then stops the slaves, which finish what they have. */
async function stop(code: number): Promise<void> {
  if (stopping) return
  stopping = true
  const [master, ...slaves] = children
  if (master?.process.connected) master.process.send(PREPARE_TO_STOP)
  await Promise.all(slaves.map(tellWhatItFinishes))
  await Promise.all(slaves.map(end))
  if (master) await end(master)
  process.exit(code)
}

async function tellWhatItFinishes({ name, url }: Child): Promise<void> {
  const response = await fetch(`${url}/availability`).catch(() => undefined)
  if (!response?.ok) return
  const { slots, free } = (await response.json()) as { slots: number; free: number }
  const running = slots - free
  if (running === 0) return
  const tasks = running === 1 ? '1 task' : `${running} tasks`
  process.stdout.write(`stopping: ${name} finishes ${tasks}; Ctrl-C again stops at once\n`)
}

function stopAtOnce(): void {
  for (const child of children) child.process.kill('SIGKILL')
  process.exit(1)
}

function end({ process: child }: Child): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve()
  return new Promise((resolve) => {
    child.once('exit', () => resolve())
    child.kill('SIGTERM')
  })
}

function welcome(master: string): string {
  return `
askfirst is ready. Try, in another terminal:

  curl -s ${master}/tasks -H 'content-type: application/json' -d '{"expression": "2 + 3 * sqrt(16)"}'
  curl -s ${master}/get-tasks
  curl -s ${master}/tasks -H 'content-type: application/json' -d '{"kind": "sleep", "input": {"ms": 7000}}'

Send the last one three times within seven seconds, and the third hears "at capacity".
Ctrl-C stops everything; tasks are kept in ${DATA}.
`
}
