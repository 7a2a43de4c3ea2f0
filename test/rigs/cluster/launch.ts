// Starts processes for tests and rigs: collects what a process writes, tells where it listens, and ends
// it. No process outlives the process that launched it.

import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { resolve } from 'node:path'
import { createInterface } from 'node:readline'

export const ROOT = new URL('../../../', import.meta.url).pathname
/** Code that one process has compiled is reused by the next: a third of the time of a start. */
const COMPILE_CACHE = `${ROOT}.tap/compile-cache`
const STDERR_CHARACTERS = 20_000

/**
 * The command, without the hooks that tap adds to each process of a test by NODE_OPTIONS: an executor
 * has no permission to load them.
 */
export const withoutHooks = (command: string[]): string[] =>
  process.platform === 'win32' ? command : ['env', '-u', 'NODE_OPTIONS', ...command]

/** Node without tap's hooks, as a command and the words before its arguments. */
export const [COMMAND = '', ...BEFORE] = withoutHooks([process.execPath])

/** The command line of a program of ours, or of one at an absolute path. */
export const commandOf = (file: string, args: string[] = [], flags: string[] = []): string[] =>
  withoutHooks([process.execPath, ...flags, resolve(ROOT, file), ...args])

export type Owned = {
  /** Resolves when it has ended, or could not be started. */
  ended: Promise<void>
  hasEnded: () => boolean
  /**
   * Sends a signal, continues the process if it is stopped, and waits for its end. Sends SIGKILL
   * after `patienceMs`, and gives false then.
   */
  end(signal: NodeJS.Signals, patienceMs?: number): Promise<boolean>
}

export type Launched = Owned & {
  child: ChildProcess
  /** The address at which it says that it listens. Rejects when it ends before. */
  listening: Promise<string>
  /** The end of what it has written to standard error. */
  stderr: () => string
}

const alive = new Set<ChildProcess>()
// A test that exceeds its time limit runs no teardown.
process.once('exit', () => {
  for (const child of alive) child.kill('SIGKILL')
})

/** Ends a process with this one, at the latest. */
export function own(child: ChildProcess): Owned {
  let gone = false
  alive.add(child)
  const left = Promise.race([once(child, 'exit'), once(child, 'error')]).catch(() => {})
  const ended = left.then(() => {
    gone = true
    alive.delete(child)
  })
  return {
    ended,
    hasEnded: () => gone,
    async end(signal, patienceMs) {
      if (gone) return true
      child.kill(signal)
      child.kill('SIGCONT')
      let late = false
      const stop = (): void => {
        late = true
        child.kill('SIGKILL')
      }
      const timer = patienceMs === undefined ? undefined : setTimeout(stop, patienceMs)
      await ended
      clearTimeout(timer)
      return !late
    },
  }
}

/** Starts a command with an environment of PATH and `env` alone, or with that of this process. */
export function launch(
  [program = '', ...args]: readonly string[],
  given: {
    env?: Record<string, string> | 'inherited'
    /** Gets each piece of standard error. */
    onStderr?: (text: Buffer) => void
  } = {},
): Launched {
  const bare = { PATH: process.env.PATH ?? '', NODE_COMPILE_CACHE: COMPILE_CACHE }
  const env = given.env === 'inherited' ? process.env : { ...bare, ...given.env }
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], env })
  let stderr = ''
  child.stderr.on('data', (text: Buffer) => {
    stderr = (stderr + text.toString()).slice(-STDERR_CHARACTERS)
    given.onStderr?.(text)
  })
  child.once('error', ({ message }) => (stderr += message))
  const listening = new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      const url = / listens at (\S+)$/.exec(line)?.[1]
      if (url) resolve(url)
    })
    const fail = (): void => {
      const how = child.signalCode ?? child.exitCode
      reject(new Error(`the process ended (${how}) before it listened: ${stderr}`))
    }
    child.once('close', fail)
    child.once('error', fail)
  })
  // Not every caller waits for it.
  listening.catch(() => {})
  return { ...own(child), child, listening, stderr: () => stderr }
}
