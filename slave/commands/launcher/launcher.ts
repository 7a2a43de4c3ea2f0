// The launcher: a process of the agent that starts programs, one at a time, and watches them, so that the
// agent does none of it. In a PID namespace it is the first process: all others end with it, and it sees
// them all. It ends when the agent does. Its working directory is its folder (PLACES).

import { execFileSync } from 'node:child_process'
import { existsSync, writeFileSync, writeSync } from 'node:fs'
import type { Outcome } from '../../../shared/protocol/wire.ts'
import type { FromLauncher, LauncherSettings, Order, ToLauncher } from '../order.ts'
import { HIDDEN, NEWS_FD, WORK } from '../order.ts'
import { empty, makeRemovable } from './disk.ts'
import { isAlone } from './processes.ts'
import type { Run } from './run.ts'
import { startRun } from './run.ts'

/** Takes orders until stdin ends. */
export function serve(settings: LauncherSettings): void {
  const isContained = settings.containment === 'pid-namespace'
  let run: Run | undefined

  if (isContained && process.pid !== 1) throw new Error('is not the first of its namespace')
  // Only the agent ends it.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {})
  // The agent's may be stricter.
  process.umask(0o022)
  preferToDie()
  if (settings.hidden) hide()
  read()
  tell({ is: 'ready' })

  function read(): void {
    let text = ''
    process.stdin.setEncoding('utf8')
    process.stdin.on('data', (part: string) => {
      text += part
      const lines = text.split('\n')
      text = lines.pop() as string
      for (const line of lines) take(JSON.parse(line) as ToLauncher)
    })
    process.stdin.on('end', leave)
    process.stdin.on('error', leave)
  }

  /** The agent is gone, or wants it gone. */
  function leave(): void {
    run?.killAll()
    process.exit(0)
  }

  function take(message: ToLauncher): void {
    if ('stop' in message) run?.stop()
    else start(message.order)
  }

  function start(order: Order): void {
    const onEnded = (outcome: Outcome, ranMs: number): void => void end(order, outcome, ranMs)
    run = startRun({ order, settings, onEnded })
  }

  async function end(order: Order, outcome: Outcome, ranMs: number): Promise<void> {
    await clear(order)
    run = undefined
    const clean = !isContained || isAlone()
    tell({ is: 'ended', attempt: order.attempt, outcome, ranMs, clean })
  }
}

/** Programs inherit it: out of memory, the kernel ends them before the agent and its executors. */
function preferToDie(): void {
  try {
    writeFileSync('/proc/self/oom_score_adj', '1000')
  } catch {
    // Not Linux.
  }
}

/** From now on the folders of this launcher stand in place of those that all programs can write to. */
function hide(): void {
  for (const [place, path] of HIDDEN) {
    if (existsSync(path)) execFileSync('mount', ['--bind', place, path])
  }
}

/** Removes what the run left outside its folder, and lets the agent remove the folder. */
async function clear({ folder }: Order): Promise<void> {
  await makeRemovable(folder)
  for (const [place] of HIDDEN) await empty(place, WORK)
}

function tell(message: FromLauncher): void {
  writeSync(NEWS_FD, `${JSON.stringify(message)}\n`)
}
