// The processes of the bench: starting them, what processor time they took, and their end. Every
// process started here is gone when the bench is, however it ends.

import { fork } from 'node:child_process'
import { once } from 'node:events'
import { launch, own, ROOT } from '../cluster/launch.ts'
import { childrenOf, cpuUs } from '../cluster/proc.ts'
import { exitOnSignals } from '../cluster/scope.ts'
import type { FleetCommand, FleetCounts } from './fleet.ts'
import type { LoadCommand, LoadReport } from './load.ts'

const START_MS_MAX = 20_000
const STOP_MS_MAX = 10_000
/** A run of the load that says nothing for so long after its time has failed. */
const LOAD_MS_MAX = 60_000
/** Ten thousand slaves register within this on a busy machine. */
const FLEET_MS_MAX = 300_000

exitOnSignals()

export type Running = { url: string; pid: number; stop(): Promise<void> }

export type ProcessOptions = { node?: string[]; env?: Record<string, string> }

/** Starts a program of ours and waits until it says at which address it listens. */
export async function start(
  file: string,
  args: string[] = [],
  options: ProcessOptions = {},
): Promise<Running> {
  const launched = launch([process.execPath, ...(options.node ?? []), `${ROOT}${file}`, ...args], {
    // What is measured compiles its own code.
    env: { NODE_DISABLE_COMPILE_CACHE: '1', ...options.env },
    onStderr: (text) => process.stderr.write(text),
  })
  const timer = setTimeout(() => launched.child.kill('SIGKILL'), START_MS_MAX)
  const url = await launched.listening.finally(() => clearTimeout(timer))
  const stop = async (): Promise<void> => void (await launched.end('SIGTERM', STOP_MS_MAX))
  return { url, pid: launched.child.pid as number, stop }
}

export type Load = Awaited<ReturnType<typeof startLoad>>

/** Starts the process that makes the load. */
export async function startLoad() {
  const { pid, ask, stop } = await startHelper<LoadCommand, LoadReport>('load.ts')
  return {
    pid,
    stop,
    run: (command: LoadCommand): Promise<LoadReport> =>
      ask(command, command.seconds * 1000 + LOAD_MS_MAX),
  }
}

export type Fleet = Awaited<ReturnType<typeof startFleet>>

/** Starts the process of the simulated slaves. */
export async function startFleet() {
  const { ask, stop } = await startHelper<FleetCommand, FleetCounts>('fleet.ts')
  return { stop, tell: (command: FleetCommand): Promise<FleetCounts> => ask(command, FLEET_MS_MAX) }
}

/** Forks a file of this folder that answers each message with one. */
async function startHelper<Asked extends object, Said extends object>(file: string) {
  const child = fork(`${ROOT}test/rigs/bench/${file}`, { env: { PATH: process.env.PATH ?? '' } })
  const owned = own(child)
  await once(child, 'spawn')
  return {
    pid: child.pid as number,
    async ask(asked: Asked, ms: number): Promise<Said> {
      child.send(asked)
      const signal = AbortSignal.timeout(ms)
      const [said] = (await once(child, 'message', { signal })) as [Said | { failed: string }]
      if ('failed' in said) throw new Error(`${file} failed: ${said.failed}`)
      return said
    },
    stop: async (): Promise<void> => void (await owned.end('SIGTERM', STOP_MS_MAX)),
  }
}

/** Processor time, by process, in microseconds. */
export type Cpu = Record<string, number>

/** What each process has taken so far; `executors` are the slave's children, living and dead. */
export function readCpu(pids: Record<string, number>): Cpu {
  const cpu: Cpu = {}
  for (const [name, pid] of Object.entries(pids)) {
    const own = cpuUs(pid)
    cpu[name] = own.self
    if (name !== 'slave') continue
    const living = childrenOf(pid).map((child) => cpuUs(child).self)
    cpu.executors = living.reduce((sum, us) => sum + us, own.reaped)
  }
  return cpu
}
