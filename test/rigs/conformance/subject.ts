// The slave under trial: any program, started with a command line. `{master}`, `{name}`, `{port}`
// and `{data}` stand for what it is told. The command must be the slave itself, not a shell around
// it, so that signals reach it.

import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { once } from 'node:events'

/** Standard error is kept this long, for the report. */
const STDERR_CHARACTERS = 4000

export type Subject = {
  readonly child: ChildProcess
  stderr: () => string
  /** Whether its process has ended. */
  hasEnded: () => boolean
  /** Resolves when its process has ended. */
  ended: Promise<void>
  kill(): Promise<void>
}

/** Killed when this process ends, at the latest. */
const alive = new Set<ChildProcess>()
process.once('exit', () => {
  for (const child of alive) child.kill('SIGKILL')
})

/** The words of a command line. Quotes hold words together; nothing else is special. */
export function wordsOf(command: string): string[] {
  const words = command.match(/(?:[^\s"']+|"[^"]*"|'[^']*')+/g) ?? []
  return words.map((word) => word.replace(/"([^"]*)"|'([^']*)'/g, '$1$2'))
}

/** Starts a slave. */
export function startSubject(command: string, told: Record<string, string>): Subject {
  const filled = wordsOf(command).map((word) =>
    word.replace(/\{(\w+)\}/g, (whole, name: string) => told[name] ?? whole),
  )
  // A test runner makes each process load its hooks by NODE_OPTIONS; a slave's children may not.
  const line = process.platform === 'win32' ? filled : ['env', '-u', 'NODE_OPTIONS', ...filled]
  const [program = '', ...args] = line
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] })
  let stderr = ''
  child.stderr?.on('data', (text: Buffer) => {
    stderr = (stderr + text.toString()).slice(-STDERR_CHARACTERS)
  })
  let gone = false
  alive.add(child)
  const ended = Promise.race([once(child, 'exit'), once(child, 'error')]).then(
    () => void (gone = true),
    (error: Error) => {
      stderr += error.message
      gone = true
    },
  )
  void ended.then(() => alive.delete(child))

  return {
    child,
    stderr: () => stderr.trim(),
    hasEnded: () => gone,
    ended,
    async kill() {
      if (gone) return
      child.kill('SIGKILL')
      child.kill('SIGCONT')
      await ended
    },
  }
}
