// `npm start`: a master and two slaves of one slot each on this machine, each a process of its own.
// Slaves start one after the other, so that slave-1 is asked first.

import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { join } from 'node:path'

const ROOT = new URL('../../', import.meta.url).pathname
const DATA = process.env.ASKFIRST_DATA ?? join(process.cwd(), 'askfirst-data')
const PORT = Number(process.env.ASKFIRST_PORT ?? 8080)
const SLAVES = [1, 2]
const READY_MS = 15_000

const children: { name: string; child: ChildProcess }[] = []
let stopping = false

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGBREAK'] as const) {
  process.on(signal, () => void stop(0))
}

try {
  await run()
} catch (error) {
  process.stderr.write(`askfirst: ${(error as Error).message}\n`)
  await stop(1)
}

async function run(): Promise<void> {
  const master = `http://127.0.0.1:${PORT}`
  const quiet = ['--log-level', 'warn']
  start('master', 'master/main.ts', ['--port', `${PORT}`, '--data', join(DATA, 'master'), ...quiet])
  await until(`${master}/readyz`, (response) => response.ok)
  for (const i of SLAVES) {
    const name = `slave-${i}`
    const port = PORT + 1000 + i - 80
    const given = ['--name', name, '--slots', '1', '--executors', '1', '--port', `${port}`]
    const data = join(DATA, name)
    start(name, 'slave/main.ts', ['--master', master, ...given, '--data', data, ...quiet])
    await until(`${master}/slaves`, async (response) => {
      const { slaves } = (await response.json()) as { slaves: { name: string; state: string }[] }
      return slaves.some((slave) => slave.name === name && slave.state !== 'silent')
    })
  }
  process.stdout.write(welcome(master))
}

function start(name: string, file: string, args: string[]): void {
  const stdio = ['ignore', 'pipe', 'inherit'] as const
  // Ctrl-C reaches the whole process group: ours alone, so that the master goes last.
  const detached = process.platform !== 'win32'
  const child = spawn(process.execPath, [join(ROOT, file), ...args], {
    stdio: [...stdio],
    detached,
  })
  children.push({ name, child })
  child.stdout?.on('data', (text: Buffer) => process.stdout.write(`  ${text}`))
  child.on('exit', (code, signal) => {
    if (stopping) return
    process.stderr.write(`askfirst: ${name} ended by itself (${signal ?? `code ${code}`})\n`)
    void stop(1)
  })
}

/** Waits for a fact that an address tells. */
async function until(url: string, holds: (response: Response) => unknown): Promise<void> {
  const deadline = performance.now() + READY_MS
  while (!stopping) {
    try {
      if (await holds(await fetch(url))) return
    } catch {
      // Not up yet.
    }
    if (performance.now() > deadline) throw new Error(`${url} was not ready in ${READY_MS} ms`)
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
}

/** Stops the slaves, which finish what they have, then the master. */
async function stop(code: number): Promise<void> {
  if (stopping) return
  stopping = true
  const [master, ...slaves] = children
  await Promise.all(slaves.map(({ child }) => end(child)))
  if (master) await end(master.child)
  process.exit(code)
}

function end(child: ChildProcess): Promise<void> {
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
