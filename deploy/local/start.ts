// `npm start`: a master and two slaves of one slot each on this machine, each a process of its own.
// Slaves start one after the other, so that slave-1 is asked first.

import { join } from 'node:path'
import { hasIdentities } from '../../master/security/identities/folder.ts'
import { PREPARE_TO_STOP } from '../../shared/process/process.ts'
import type { Child } from './child.ts'
import { ASK_MS, endChild, startChild, untilKnown } from './child.ts'

const ROOT = join(import.meta.dirname, '..', '..')
const DATA = process.env.ASKFIRST_DATA ?? join(process.cwd(), 'askfirst-data')
const PORT = Number(process.env.ASKFIRST_PORT ?? 8080)
const SLAVES = [1, 2]

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
  if (hasIdentities(join(DATA, 'master'))) {
    throw new Error(
      `${join(DATA, 'master')} has identities (askfirst init), so its master uses HTTPS and requires ` +
        'credentials, which npm start does not create: set ASKFIRST_DATA to another folder, ' +
        'or start master and slaves as described in deploy/README.md',
    )
  }
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
    await untilKnown(master, name, url, () => stopping)
  }
  process.stdout.write(welcome(master))
}

/** Starts a program of ours; resolves with its address once it says where it listens. */
function start(name: string, file: string, args: string[]): Promise<string> {
  const child = startChild(name, [process.execPath, join(ROOT, file), ...args], {
    says: (text) => void process.stdout.write(`  ${text}`),
    ended(how) {
      if (stopping) return
      process.stderr.write(`askfirst: ${how}\n`)
      void stop(1)
    },
  })
  children.push(child)
  return child.listens
}

/** Tells the master to take nothing new, then stops the slaves, which finish what they have. */
async function stop(code: number): Promise<void> {
  if (stopping) return
  stopping = true
  const [master, ...slaves] = children
  if (master?.process.connected) master.process.send(PREPARE_TO_STOP)
  await Promise.all(slaves.map(tellWhatItFinishes))
  await Promise.all(slaves.map(endChild))
  if (master) await endChild(master)
  process.exit(code)
}

async function tellWhatItFinishes({ name, url }: Child): Promise<void> {
  const signal = AbortSignal.timeout(ASK_MS)
  const response = await fetch(`${url}/availability`, { signal }).catch(() => undefined)
  const said = response?.ok ? await response.json().catch(() => undefined) : undefined
  if (!said) return
  const { slots, free } = said as { slots: number; free: number }
  const running = slots - free
  if (running === 0) return
  const tasks = running === 1 ? '1 task' : `${running} tasks`
  process.stdout.write(`stopping: ${name} finishes ${tasks}; Ctrl-C again stops at once\n`)
}

function stopAtOnce(): void {
  for (const child of children) child.process.kill('SIGKILL')
  process.exit(1)
}

function welcome(master: string): string {
  return `
askfirst is ready. Try, in another terminal:

  curl -s ${master}/tasks -H 'content-type: application/json' -d '{"expression": "2 + 3 * sqrt(16)"}'
  curl -s ${master}/get-tasks
  curl -s ${master}/tasks -H 'content-type: application/json' -d '{"kind": "sleep", "input": {"ms": 7000}}'

Send the last request three times within seven seconds: the third is refused with "at capacity".
Ctrl-C stops everything; tasks are kept in ${DATA}.
`
}
