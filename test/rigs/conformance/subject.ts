// The slave under trial: any program, started with a command line. `{master}`, `{name}`, `{port}`
// and `{data}` stand for what it is told. The command must be the slave itself, not a shell around
// it, so that signals reach it.

import type { ChildProcess } from 'node:child_process'
import { launch, withoutHooks } from '../cluster/launch.ts'

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
  const launched = launch(withoutHooks(filled), { env: 'inherited' })
  const { child, stderr, hasEnded, ended, end } = launched
  return {
    child,
    stderr: () => stderr().slice(-STDERR_CHARACTERS).trim(),
    hasEnded,
    ended,
    async kill() {
      await end('SIGKILL')
    },
  }
}
