// What the commands on a master's own data folder share: flags, words, exit codes.

import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import type { WallTime } from '../../../shared/data/clock.ts'
import { isoOf } from '../../../shared/data/clock.ts'
import { UsageError } from '../../../shared/process/usage-error.ts'
import { hasIdentities, openAuthority } from '../../security/identities/folder.ts'
import type { Listed } from '../../security/identities/store.ts'
import { StoreBrokenError } from '../../store/guard.ts'
import { StoreRefusedError } from '../../store/sqlite-open.ts'
import type { Column, Words } from '../output.ts'
import { table } from '../output.ts'

/** Prints lines. */
export type Out = (words: Words) => void

/** A command of `askfirst`. `run` gives the exit code; what it throws as CommandError is said, 64. */
export type Command = {
  name: string
  summary: string
  usage: string
  run(argv: string[], io: { out: Out }): Promise<number>
}

/** A mistake of whoever typed the command: one line. */
export { UsageError as CommandError }

const DATA = 'askfirst-data/master'

type Flags = Record<string, string | undefined>
type Authority = ReturnType<typeof openAuthority>

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

const dataOf = ({ data }: Flags): string => data ?? process.env.ASKFIRST_DATA ?? DATA

/** Opens the identities of a data folder, and closes them again. Throws CommandError. */
export async function withAuthority<T>(
  data: string,
  run: (authority: Authority) => Promise<T> | T,
): Promise<T> {
  if (!hasIdentities(data)) {
    throw new UsageError(`${data} has no identities: run askfirst init --data ${data} first`)
  }
  let authority: Authority | undefined
  try {
    authority = openAuthority(data)
    return await run(authority)
  } catch (error) {
    const isTold = error instanceof StoreRefusedError || error instanceof StoreBrokenError
    throw isTold ? new UsageError(error.message) : error
  } finally {
    authority?.close()
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

export const time = (at: WallTime | null): string => isoOf(at) ?? '-'

/** When a key or token expires. One that has expired says so: the clock may have been set back since. */
export const expiry = ({
  expiresAt,
  hasExpired,
}: Listed<{ expiresAt: WallTime | null }>): string =>
  hasExpired ? `${time(expiresAt)} (expired)` : time(expiresAt)

/** What the identities of a data folder have of one sort: made, listed and revoked by one command. */
type Keeping<Row> = Pick<Command, 'name' | 'summary' | 'usage'> & {
  /** Flags besides --data. */
  flags?: string[]
  create?(authority: Authority, given: Flags, out: Out): void
  rows(identities: Authority['identities']): Row[]
  columns: Column<Row>[]
  /** Whether there was something to revoke. */
  revoke(identities: Authority['identities'], id: string): boolean
  /** What to say, when something else was said. */
  verbs: string
  none(id: string): string
}

/** The command for it: `create`, `list` or `revoke ID`. */
export function keeping<Row>(given: Keeping<Row>): Command {
  const { name, summary, usage } = given
  const flags = ['data', ...(given.flags ?? [])].map((flag) => [flag, 'string'] as const)
  return {
    name,
    summary,
    usage,
    async run(argv, { out }) {
      const said = read(argv, Object.fromEntries(flags), 2)
      const [verb = '', id = ''] = said.words.split(' ')
      return withAuthority(dataOf(said), (authority) => {
        const { identities } = authority
        if (verb === 'create' && given.create) given.create(authority, said, out)
        else if (verb === 'list') {
          const rows = given.rows(identities)
          out(table(rows, given.columns, Number.POSITIVE_INFINITY))
        } else if (verb !== 'revoke' || !id) throw new UsageError(given.verbs)
        else if (!given.revoke(identities, id)) throw new UsageError(given.none(id))
        return 0
      })
    },
  }
}

export const usageOf = ({ usage }: Command): string[] => usage.trimEnd().split('\n')
