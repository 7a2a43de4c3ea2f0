// askfirst token: what a new slave joins with.

import { InvalidArgumentError, Option } from '@commander-js/extra-typings'
import { UsageError } from '../../../shared/process/usage-error.ts'
import { formatJoinLine } from '../../../shared/protocol/join-line.ts'
import { NAME_PATTERN } from '../../../shared/protocol/patterns.ts'
import type { Runner } from '../command.ts'
import {
  durationOf,
  expiry,
  onFolder,
  originOf,
  records,
  time,
  withAuthority,
} from './data-folder.ts'

export const token = (run: Runner) =>
  records(run, {
    name: 'token',
    says: 'makes, lists and revokes the tokens that slaves join with',
    notes: [
      'create prints one line, the join line: give it to the slave as ASKFIRST_JOIN or in a file (--join-file), never as an argument. It is a secret while it lasts.',
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
    none: (id) => `there is no token ${id} that could be revoked`,
  }).addCommand(
    onFolder('create', 'makes a token and prints its join line')
      .addOption(
        new Option('--ttl <TIME>', 'how long it lasts')
          .argParser(durationOf)
          .default(15 * 60_000, '15m'),
      )
      .option('--name <SLAVE>', 'good for this name only, which may have joined before', nameOf)
      .option('--uses <N>', 'how many slaves may join with it', usesOf, 1)
      .option(
        '--url <URL>',
        'where the slave reaches the master; as init was told when not given',
        originOf,
      )
      .action(
        run(({ output }, { data, ttl, name, uses, url }) =>
          withAuthority(data, async ({ identities, pin }) => {
            const master = url ?? identities.fact('url')
            if (!master) throw new UsageError('say --url: where the slave reaches the master')
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
  throw new InvalidArgumentError("It cannot be a slave's name.")
}

function usesOf(text: string): number {
  if (/^[1-9]\d{0,5}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('It must be a number.')
}
