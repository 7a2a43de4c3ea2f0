// The processes of the bench: starting them, what processor time they took, and their end. Every
// process started here is gone when the bench is, however it ends.

import { fork } from 'node:child_process'
import { once } from 'node:events'
import { launch, own, ROOT } from '../cluster/launch.ts'
import { childrenOf, cpuUs } from '../cluster/proc.ts'
import { exitOnSignals } from '../cluster/scope.ts'
import type { LoadCommand, LoadReport } from './load.ts'

const START_MS_MAX = 20_000
const STOP_MS_MAX = 10_000
/** A run of the load that says nothing for so long after its time has failed. */
const LOAD_MS_MAX = 60_000

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
  const child = fork(`${ROOT}test/rigs/bench/load.ts`, { env: { PATH: process.env.PATH ?? '' } })
  const owned = own(child)
  await once(child, 'spawn')
  return {
    pid: child.pid as number,
    async run(command: LoadCommand): Promise<LoadReport> {
      child.send(command)
      const signal = AbortSignal.timeout(command.seconds * 1000 + LOAD_MS_MAX)
      const [said] = (await once(child, 'message', { signal })) as [LoadReport | { failed: string }]
      if ('failed' in said) throw new Error(`the load failed: ${said.failed}`)
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
