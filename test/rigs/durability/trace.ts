// `npm run durability`: a trace of the master's system calls (strace, on Linux) shows that every
// 202 and every acknowledged callback is preceded by a sync that follows the write of what it
// promises to the store's log; and that this check fails when SQLite is left to sync as it likes.

import { cpSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { getJson, post, until } from '../../requests.ts'
import { launch, ROOT } from '../cluster/launch.ts'
import { childrenOf } from '../cluster/proc.ts'
import { startSlave } from '../cluster/programs.ts'
import { openScope } from '../cluster/scope.ts'
import type { Verdict } from './judge.ts'
import { judge } from './judge.ts'

const TASKS = 60
const CALLS = 'read,write,writev,pwrite64,fsync,fdatasync'
/** Node reads at most 64 KiB from a socket at a time; a write may be larger. */
const TEXT_MAX = 4 << 20
/** On a machine that is busy with other things an answer takes its time, and so does the whole. */
const WORK_MS_MAX = 600_000
const PATIENT = ['--ask-timeout-ms', '60000', '--heartbeat-ms', '60000']

const asItIs = await traced(true)
const unsynced = await traced(false)
const right = asItIs.promises > 0 && asItIs.broken.length === 0 && unsynced.broken.length > 0
for (const [name, verdict] of Object.entries({
  'as it is': asItIs,
  'without its sync': unsynced,
})) {
  const { promises, broken } = verdict
  process.stdout.write(`the store ${name}: ${promises} promises, ${broken.length} not synced\n`)
  if (verdict === asItIs) for (const line of broken.slice(0, 5)) process.stdout.write(`  ${line}\n`)
}
process.stdout.write(right ? '2 passed, 0 failed\n' : '0 passed, 1 failed\n')
process.exitCode = right ? 0 : 1

/** Runs a master under strace, with tasks through it, and judges the trace. */
async function traced(syncs: boolean): Promise<Verdict> {
  const scope = openScope('trace')
  const { folder } = scope
  try {
    const program = copyOfMaster(folder, syncs)
    const trace = join(folder, 'trace')
    const strace = ['-f', '-qq', '-y', '-s', `${TEXT_MAX}`, '-e', `trace=${CALLS}`, '-o', trace]
    const given = ['--port', '0', '--data', join(folder, 'data'), '--log-level', 'error']
    const args = [program, ...given, ...PATIENT]
    const command = ['strace', ...strace, process.execPath, ...args]
    const master = launch(command, { env: 'inherited' })
    const pid = master.child.pid as number
    // Of the two strace goes last: a process that is traced outlives it.
    scope.teardown(() => {
      if (master.hasEnded()) return
      process.kill(childOf(pid), 'SIGKILL')
      return master.ended
    })
    const url = await master.listening
    const slave = await startSlave(scope, url, 'slave-1', ['--slots', '64'])
    await work(url)
    await slave.kill('SIGTERM')
    process.kill(childOf(pid), 'SIGTERM')
    await master.ended
    return judge(readFileSync(trace, 'latin1'))
  } finally {
    await scope.close()
  }
}

/** The process that strace traces; strace itself lets no signal through to it. */
function childOf(pid: number): number {
  return childrenOf(pid)[0] as number
}

/**
 * The program as it is, or with SQLite's synchronous=NORMAL alone, without the store's own sync of
 * the log: nothing else differs.
 */
function copyOfMaster(folder: string, syncs: boolean): string {
  for (const part of ['master', 'shared', 'package.json']) {
    cpSync(join(ROOT, part), join(folder, 'program', part), { recursive: true })
  }
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'program', 'node_modules'))
  const file = join(folder, 'program/master/store/log-sync.ts')
  const text = readFileSync(file, 'utf8')
  const call = 'fdatasync(log, finished)'
  if (!text.includes(call)) throw new Error(`${file} no longer says "${call}"`)
  if (!syncs) writeFileSync(file, text.replace(call, 'setImmediate(finished, null)'))
  return join(folder, 'program/master/main.ts')
}

/** Direct and queued tasks, some at once, some one by one; ends when all have ended. */
async function work(url: string): Promise<void> {
  const submit = async (i: number) => {
    const { status, body } = await post(`${url}/tasks`, {
      expression: `${i} + 1`,
      queue: i % 2 === 0,
    })
    if (status !== 202) throw new Error(`task ${i} was not accepted: ${JSON.stringify(body)}`)
  }
  for (let i = 0; i < TASKS / 3; i++) await submit(i)
  await Promise.all(Array.from({ length: (2 * TASKS) / 3 }, (_, i) => submit(1000 + i)))
  await until(async () => (await getJson(`${url}/status`)).tasks.done === TASKS, WORK_MS_MAX)
}
