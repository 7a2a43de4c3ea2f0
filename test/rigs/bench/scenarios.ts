// The loads that are put on every target, and one run of one of them.

import type { LoadCommand, LoadReport } from './load.ts'
import type { Cpu, Load } from './processes.ts'
import { readCpu } from './processes.ts'
import type { Target } from './targets.ts'

export type Scenario = {
  name: string
  words: string
  command: Pick<LoadCommand, 'connections' | 'batch' | 'waits'> & { perSecond?: number }
  /** It needs a target that gives results. */
  needsWork: boolean
}

const closed = (connections: number, batch: number, waits: LoadCommand['waits'] = 'none') => ({
  connections,
  batch,
  waits,
})

export const SCENARIOS: Scenario[] = [
  {
    name: 'single',
    words: '32 concurrent POSTs of one task each, to the last result',
    command: closed(32, 1),
    needsWork: false,
  },
  {
    name: 'batch',
    words: '4 concurrent POSTs of 100 tasks each, to the last result',
    command: closed(4, 100),
    needsWork: false,
  },
  {
    name: 'one',
    words: 'one at a time, POST to 202',
    command: closed(1, 1),
    needsWork: false,
  },
  {
    name: 'one-result',
    words: 'one at a time, POST to the result (Prefer: wait=10)',
    command: closed(1, 1, 'all'),
    needsWork: true,
  },
  {
    name: 'open',
    words: '500/s open loop (Poisson), from the intended time; every second one to the result',
    command: { ...closed(64, 1, 'every second'), perSecond: 500 },
    needsWork: true,
  },
]

/** One run: what the load saw, and what each process took of the processor. */
export type Run = LoadReport & {
  tasksPerSecond: number
  /** Microseconds for each task that was done. */
  cpuPerTask: Cpu
}

let nextTask = 0

export async function runOnce(
  scenario: Scenario,
  target: Target,
  load: Load,
  seconds: number,
): Promise<Run> {
  const { url, works } = target
  const pids = { ...target.pids, load: load.pid }
  const before = readCpu(pids)
  const report = await load.run({
    ...scenario.command,
    url,
    seconds,
    first: nextTask,
    counts: works,
  })
  const after = readCpu(pids)
  nextTask += report.sent
  if (target.keeps) await lookAtSample(url, report)
  if (report.done !== report.accepted) {
    report.errors[`${report.accepted} accepted, but ${report.done} done`] = 1
  }
  const tasks = Math.max(1, report.done)
  const perTask = (name: string) => ((after[name] ?? 0) - (before[name] ?? 0)) / tasks
  return {
    ...report,
    tasksPerSecond: report.done / report.seconds,
    cpuPerTask: Object.fromEntries(Object.keys(after).map((name) => [name, perTask(name)])),
  }
}

/** A sample of the stored tasks must have the right results. */
async function lookAtSample(url: string, { sample, errors }: LoadReport): Promise<void> {
  for (const { id, result } of sample) {
    const response = await fetch(`${url}/tasks/${id}`)
    const task = (await response.json()) as { status: string; result: unknown }
    if (task.status === 'done' && task.result === result) continue
    const words = `a stored task is ${task.status} with ${JSON.stringify(task.result)}, not done with ${result}`
    errors[words] = (errors[words] ?? 0) + 1
  }
}
