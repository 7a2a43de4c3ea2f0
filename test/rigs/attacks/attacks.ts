// One client that tries to stop or freeze a master, on real processes: npm run attacks -- [--only NAME]
//
//   huge-numbers   a job whose numbers have a million digits
//   long-numbers   a job whose numbers are as long as they may be; kill -9 while it runs
//   long-text      a job of 15.5 MB; kill -9 while it runs
//   long-words     word frequencies of 15.5 MB, and of one word of 15.5 MB; kill -9 while each runs
//   huge-images    an image of 100,000,000 pixels, and one of more; kill -9 while each is filtered
//   batch          1,000 tasks of 16 KB in one request; kill -9 right after the answer
//   huge-results   jobs with results of two megabytes, which are refused
//   large-results  tasks and jobs with results as large as they may be, and lists of them
//   many-parts     a job of 10,000 parts, and one of 60 parts of 100,000 digits, read page by page
//   held-bodies    64 connections that send all of a body but its last byte
//
// All the while a process on its own asks /healthz. Prints what was seen beside the bound of it, and
// fails when a bound is broken: /healthz within 200 ms, memory below 512 MB, no step of the event loop
// over 200 ms of CPU time, and every job and task ends with words.

import { fork } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { memoryMib } from '../cluster/proc.ts'
import type { RunningProcess } from '../cluster/programs.ts'
import { freePort, startProcess, startSlave } from '../cluster/programs.ts'
import { openScope } from '../cluster/scope.ts'
import { LOOP, watchStepsOf } from '../fuzz/cost/steps.ts'
import type { Attack } from './list.ts'
import { ATTACKS } from './list.ts'
import { createProbe } from './probing.ts'

const HEALTHZ_MS_MAX = 200
const STEP_MS_MAX = 200
const MEMORY_MB_MAX = 512
/** What is over its bound is done again: blamed is what is over it each time. */
const TRIES = 2

const { values } = parseArgs({ options: { only: { type: 'string' } } })
const attacks = ATTACKS.filter(({ name }) => values.only === undefined || name === values.only)

let failed = 0
for (const attack of attacks) {
  for (let left = TRIES; left > 0; left--) {
    const faults = await seen(attack)
    if (faults.length === 0) break
    if (left === 1) failed += faults.length
    const again = left > 1 ? ' (tried again)' : ''
    for (const fault of faults) process.stdout.write(`FAILED: ${attack.name}: ${fault}${again}\n`)
  }
}
process.stdout.write(`${attacks.length} attacks, ${failed} bounds broken\n`)
process.exitCode = failed > 0 || attacks.length === 0 ? 1 : 0

/** Does it to a master of its own, prints the figures and gives what is wrong. */
async function seen(attack: Attack): Promise<string[]> {
  const scope = openScope('attacks')
  const data = scope.folder
  const steps = join(data, 'steps')
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  let memoryMb = 0
  const start = (): Promise<RunningProcess> => {
    const given = ['--port', `${port}`, '--data', join(data, 'master'), '--log-level', 'error']
    const flags = ['--import', LOOP]
    return startProcess(scope, 'master/main.ts', given, { FUZZ_STEPS: steps }, flags)
  }
  const watch = watchStepsOf(steps)
  scope.teardown(watch.close)
  const probe = createProbe(fork(fileURLToPath(new URL('./probe.ts', import.meta.url)), [url]))
  scope.teardown(probe.close)
  let master = await start()
  await startSlave(scope, url, 'slave-1', ['--slots', '4', '--executors', '2'])
  await probe.begin(master.child.pid as number)
  const began = performance.now()
  let said: string[]
  try {
    said = await attack.run({
      url,
      async restart() {
        memoryMb = Math.max(memoryMb, highestMb(master))
        await probe.pause()
        await master.kill()
        master = await start()
        await probe.begin(master.child.pid as number)
      },
    })
  } catch (error) {
    said = [(error as Error).message]
  }
  const healthz = await probe.pause()
  memoryMb = Math.max(memoryMb, highestMb(master))
  const longest = watch.take()
  await scope.close()

  const rows = [
    ['slowest /healthz', healthz.slowestMs, HEALTHZ_MS_MAX, 'ms'],
    ['longest step', longest.cpuMs, STEP_MS_MAX, 'ms of CPU time'],
    ['memory', memoryMb, MEMORY_MB_MAX, 'MB'],
  ] as const
  const seconds = ((performance.now() - began) / 1000).toFixed(1)
  const figures = rows.map(
    ([name, is, most, unit]) => `${name} ${is.toFixed(0)} ${unit} (< ${most})`,
  )
  process.stdout.write(
    `${attack.name}: ${seconds} s, ${healthz.count} x /healthz, ${figures.join(', ')}; ` +
      `with the machine's delay ${healthz.withMachineMs.toFixed(0)} ms\n`,
  )
  const over = rows.filter(([, is, most]) => !(is < most))
  const unanswered = healthz.failures.map((failure) => `/healthz: ${failure}`)
  return [...over.map(([name, is]) => `${name}: ${is.toFixed(0)}`), ...unanswered, ...said]
}

/** The most that a process has had in memory; 0 where the system does not tell. */
function highestMb({ child }: RunningProcess): number {
  return memoryMib(child.pid as number, 'VmHWM') ?? 0
}
