// What the commands on a master's own data folder share: the folder, its authority, and the commands that
// list and revoke what its identities hold.

import { writeFileSync } from 'node:fs'
import { Command, InvalidArgumentError, Option } from '@commander-js/extra-typings'
import type { WallTime } from '../../../shared/data/clock.ts'
import { isoOf } from '../../../shared/data/clock.ts'
import { UsageError } from '../../../shared/process/usage-error.ts'
import type { Authority } from '../../security/identities/folder.ts'
import type { Listed } from '../../security/identities/identities.ts'
import type { Runner } from '../command.ts'
import { command } from '../command.ts'
import type { Column } from '../output.ts'
import { table } from '../output.ts'

type Identities = Authority['identities']

export const dataOption = () =>
  new Option('--data <DIR>', "the master's data folder").env('ASKFIRST_DATA')

/** A subcommand that works on a data folder. */
export const onFolder = (name: string, says: string) =>
  new Command(name).description(says).addOption(dataOption().default('askfirst-data/master'))

/**
 * Opens the identities of a data folder, and closes them again. Throws UsageError. Loads what it needs when it
 * is called: a command that speaks to a master starts without the store and the schemas.
 */
export async function withAuthority(
  data: string,
  does: (authority: Authority) => Promise<void> | void,
): Promise<void> {
  const [{ hasIdentities, openAuthority }, { StoreBrokenError }, { StoreRefusedError }] =
    await Promise.all([
      import('../../security/identities/folder.ts'),
      import('../../store/guard.ts'),
      import('../../store/sqlite-open.ts'),
    ])
  if (!hasIdentities(data)) {
    throw new UsageError(`${data} has no identities: run askfirst init --data ${data} first`)
  }
  let authority: Authority | undefined
  try {
    authority = await openAuthority(data)
    await does(authority)
  } catch (error) {
    const isTold = error instanceof StoreRefusedError || error instanceof StoreBrokenError
    throw isTold ? new UsageError(error.message) : error
  } finally {
    await authority?.close()
  }
}

/** `key`, `token` or `identity`: it lists what the identities of a data folder hold, and revokes it. */
export const records = <Row>(
  run: Runner,
  given: {
    name: string
    says: string
    notes: string[]
    /** The operand of `revoke`. */
    operand: '<ID>' | '<SLAVE>'
    rows(identities: Identities): Row[] | Promise<Row[]>
    columns: Column<Row>[]
    /** Whether there was something to revoke. */
    revoke(identities: Identities, id: string): Promise<boolean>
    none(id: string): string
  },
) =>
  command(given.name, given.says, given.notes)
    .addCommand(
      onFolder('list', 'lists all of them').action(
        run(({ output }, { data }) =>
          withAuthority(data, async ({ identities }) => {
            const rows = await given.rows(identities)
            return output.line(table(rows, given.columns, Number.POSITIVE_INFINITY))
          }),
        ),
      ),
    )
    .addCommand(
      onFolder('revoke', 'revokes one')
        .argument(given.operand)
        .action(
          run((_session, id, { data }) =>
            withAuthority(data, async ({ identities }) => {
              if (!(await given.revoke(identities, id))) throw new UsageError(given.none(id))
            }),
          ),
        ),
    )

const UNITS = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** Parses an option such as `15m` as milliseconds. */
export function durationOf(text: string): number {
  const [, count, unit] = /^(\d{1,6})([smhd])$/.exec(text) ?? []
  const ms = Number(count) * UNITS[unit as keyof typeof UNITS]
  if (ms > 0) return ms
  throw new InvalidArgumentError('It must be a duration such as 30s, 15m, 12h or 90d.')
}

/** Parses an option as an https origin. */
export function httpsOriginOf(url: string): string {
  const parsed = URL.canParse(url) ? new URL(url) : null
  if (parsed?.protocol === 'https:' && parsed.pathname === '/' && !parsed.search) {
    return `https://${parsed.host}`
  }
  throw new InvalidArgumentError('It must be an https URL such as https://10.0.0.1:8080.')
}

/** Writes a secret to a file that only its owner can read, else shows it once. Throws UsageError. */
export function handOver(
  secret: string,
  file: string | undefined,
  say: (words: string) => Promise<void>,
): Promise<void> {
  if (file === undefined) return say(secret)
  try {
    writeFileSync(file, `${secret}\n`, { mode: 0o600, flag: 'wx' })
  } catch (error) {
    throw new UsageError(`the key cannot be written to ${file}: ${(error as Error).message}`)
  }
  return say(`in ${file}`)
}

export const time = (at: WallTime | null): string => isoOf(at) ?? '-'

/** When a key or token expires. One that has expired says so: the clock may have been set back since. */
export const expiry = ({
  expiresAt,
  hasExpired,
}: Listed<{ expiresAt: WallTime | null }>): string =>
  hasExpired ? `${time(expiresAt)} (expired)` : time(expiresAt)
