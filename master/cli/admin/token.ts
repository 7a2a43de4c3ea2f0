// askfirst token: what a new slave joins with.

import { InvalidArgumentError, Option } from '@commander-js/extra-typings'
import { UsageError } from '../../../shared/process/usage-error.ts'
import { formatJoinLine } from '../../../shared/protocol/join-line.ts'
import { NAME_PATTERN } from '../../../shared/protocol/patterns.ts'
import type { Runner } from '../command.ts'
import {
  durationOf,
  expiry,
  httpsOriginOf,
  onFolder,
  records,
  time,
  withAuthority,
} from './data-folder.ts'

export const token = (run: Runner) =>
  records(run, {
    name: 'token',
    says: 'creates, lists and revokes the tokens with which slaves join',
    notes: [
      'create prints the join line: give it to the slave as ASKFIRST_JOIN or in a file (--join-file), never as an argument. It is a secret until it expires or is used.',
    ],
    operand: '<ID>',
    rows: (identities) => identities.tokens(),
    columns: [
      ['ID', ({ id }) => id],
      ['SLAVE', ({ slave }) => slave ?? 'any'],
      ['USES LEFT', ({ usesLeft }) => `${usesLeft}`],
      ['EXPIRES', expiry],
      ['REVOKED', ({ revokedAt }) => time(revokedAt)],
    ],
    revoke: (identities, id) => identities.revokeToken(id),
    none: (id) => `there is no valid token ${id}`,
  }).addCommand(
    onFolder('create', 'creates a token and prints its join line')
      .addOption(
        new Option('--ttl <TIME>', 'validity').argParser(durationOf).default(15 * 60_000, '15m'),
      )
      .option(
        '--name <SLAVE>',
        'only for a slave with this name, which may have joined before',
        nameOf,
      )
      .option('--uses <N>', 'number of slaves that may join with it', usesOf, 1)
      .option(
        '--url <URL>',
        'URL at which the slave reaches the master; default: the --url of init',
        httpsOriginOf,
      )
      .action(
        run(({ output }, { data, ttl, name, uses, url }) =>
          withAuthority(data, async ({ identities, pin }) => {
            const master = url ?? identities.fact('url')
            if (!master)
              throw new UsageError(
                '--url is required: the URL at which the slave reaches the master',
              )
            const { secret } = await identities.createToken({
              slave: name ?? null,
              uses,
              ttlMs: ttl,
            })
            return output.line(formatJoinLine({ token: secret, master, pin }))
          }),
        ),
      ),
  )

function nameOf(name: string): string {
  if (new RegExp(NAME_PATTERN).test(name)) return name
  throw new InvalidArgumentError('It must be a valid name of a slave.')
}

function usesOf(text: string): number {
  if (/^[1-9]\d{0,5}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('It must be a number.')
}
