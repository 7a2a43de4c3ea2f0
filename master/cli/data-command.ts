// What the commands on a master's own data folder share: flags, words, exit codes.

import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { UsageError } from '../../shared/usage-error.ts'
import { hasIdentities, openAuthority } from '../identities/folder.ts'

/** A command of `askfirst`. `run` gives the exit code; what it throws as CommandError is said, 64. */
export type Command = {
  name: string
  summary: string
  usage: string
  run(argv: string[], io: { out: (text: string) => void }): Promise<number>
}

/** A mistake of whoever typed the command: one line. */
export { UsageError as CommandError }

const EXIT_USAGE = 64
const DATA = 'askfirst-data/master'

type Flags = Record<string, string | undefined>

/** Flags, and the words between them as `words`. Throws CommandError. */
export function read(
  argv: string[],
  flags: Record<string, 'string'>,
  wordsMax = 0,
): Flags & { words: string } {
  const options = Object.fromEntries(Object.entries(flags).map(([name, type]) => [name, { type }]))
  try {
    const { values, positionals } = parseArgs({ args: argv, options, allowPositionals: true })
    if (positionals.length > wordsMax) throw new Error(`unexpected: ${positionals[wordsMax]}`)
    return { ...(values as Flags), words: positionals.join(' ') }
  } catch (error) {
    throw new UsageError((error as Error).message)
  }
}

export const dataOf = ({ data }: Flags): string => data ?? process.env.ASKFIRST_DATA ?? DATA

/** Opens the identities of a data folder, and closes them again. Throws CommandError. */
export async function withAuthority<T>(
  data: string,
  run: (authority: ReturnType<typeof openAuthority>) => Promise<T> | T,
): Promise<T> {
  if (!hasIdentities(data)) {
    throw new UsageError(`${data} has no identities: run askfirst init --data ${data} first`)
  }
  const authority = openAuthority(data)
  try {
    return await run(authority)
  } finally {
    authority.close()
  }
}

const UNITS = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** `15m` as milliseconds. */
export function durationOf(flag: string, text: string): number {
  const [, count, unit] = /^(\d{1,6})([smhd])$/.exec(text) ?? []
  const ms = Number(count) * UNITS[unit as keyof typeof UNITS]
  if (ms > 0) return ms
  throw new UsageError(`${flag} ${text} must be as 30s, 15m, 12h or 90d`)
}

/** A secret goes into a file that only its owner reads, or is said once. */
export function handOver(secret: string, file: string | undefined, say: (words: string) => void) {
  if (file === undefined) return say(secret)
  try {
    writeFileSync(file, `${secret}\n`, { mode: 0o600, flag: 'wx' })
  } catch (error) {
    throw new UsageError(`the key cannot be kept in ${file}: ${(error as Error).message}`)
  }
  say(`in ${file}`)
}

/** A table for people: columns as wide as they must be. */
export function table(head: string[], rows: string[][]): string {
  const widths = head.map((name, i) =>
    Math.max(...[head, ...rows].map((row) => row[i]?.length ?? 0), name.length),
  )
  return [head, ...rows]
    .map((row) =>
      row
        .map((cell, i) => cell.padEnd(widths[i] as number))
        .join('  ')
        .trimEnd(),
    )
    .map((line) => `${line}\n`)
    .join('')
}

export const time = (ms: number | null): string => (ms === null ? '-' : new Date(ms).toISOString())

/** Runs a command: gives its exit code, and says its mistakes. */
export async function runCommand(command: Command, argv: string[]): Promise<number> {
  const out = (text: string): void => void process.stdout.write(text)
  if (argv.includes('--help') || argv.includes('-h')) {
    out(command.usage)
    return 0
  }
  try {
    return await command.run(argv, { out })
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    process.stderr.write(`askfirst ${command.name}: ${error.message}\n`)
    return EXIT_USAGE
  }
}
