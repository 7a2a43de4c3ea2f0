// Our programs as child processes: started, waited for, ended.

import type { ChildProcess, StdioOptions } from 'node:child_process'
import { spawn } from 'node:child_process'

/** A slave has registered within this. In milliseconds. */
const READY_MS = 60_000
/** One question to a master or slave of ours, its answer included. In milliseconds. */
export const ASK_MS = 10_000

export type Child = { name: string; process: ChildProcess; url: string }

export type Listener = {
  /** Text that it writes to standard output. */
  says?(text: string): void
  /** It ended, by itself or told to, and how, in words. */
  ended(how: string): void
}

/** Starts a program; `listens` resolves with its address once it says where it listens. */
export function startChild(
  name: string,
  [program = '', ...args]: string[],
  { says, ended }: Listener,
): Child & { listens: Promise<string> } {
  // Ctrl-C reaches the whole process group: ours alone, so that the master goes last.
  const detached = process.platform !== 'win32'
  const stdio: StdioOptions = ['ignore', 'pipe', 'inherit', 'ipc']
  const child: Child = { name, process: spawn(program, args, { stdio, detached }), url: '' }
  const listens = new Promise<string>((resolve, reject) => {
    child.process.stdout?.on('data', (text: Buffer) => {
      says?.(text.toString())
      child.url ||= / listens at (\S+)/.exec(text.toString())?.[1] ?? ''
      if (child.url !== '') resolve(child.url)
    })
    child.process.on('error', reject)
    child.process.on('exit', (code, signal) => {
      const how = child.url === '' ? 'could not be started' : 'ended unexpectedly'
      ended(`${name} ${how} (${signal ?? `code ${code}`})`)
    })
  })
  return Object.assign(child, { listens })
}

/** Tells it to stop, and waits until it has. */
export function endChild({ process: child }: Child): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve()
  return new Promise((resolve) => {
    child.once('exit', () => resolve())
    child.kill('SIGTERM')
  })
}

type Row = { name: string; url: string | null; polling?: boolean; state: string }

/** Waits until the master has asked this very slave, or is polled by it. */
export async function untilKnown(
  master: string,
  name: string,
  url: string,
  isOver = () => false,
): Promise<void> {
  const deadline = performance.now() + READY_MS
  const isHere = (row: Row): boolean =>
    row.name === name && (row.url === url || row.polling === true) && row.state !== 'silent'
  while (!isOver()) {
    const signal = AbortSignal.timeout(ASK_MS)
    const response = await fetch(`${master}/slaves`, { signal }).catch(() => undefined)
    const said = await response?.json().catch(() => undefined)
    const { slaves = [] } = (said ?? {}) as { slaves?: Row[] }
    if (slaves.some(isHere)) return
    if (performance.now() > deadline) {
      throw new Error(`${name} was not registered within ${READY_MS} ms`)
    }
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
}
