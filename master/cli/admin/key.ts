// askfirst key: what clients show.

import { InvalidArgumentError } from '@commander-js/extra-typings'
import type { Scope } from '../../../shared/protocol/contract.ts'
import { SCOPES } from '../../../shared/protocol/contract.ts'
import type { Runner } from '../command.ts'
import {
  durationOf,
  expiry,
  handOver,
  onFolder,
  records,
  time,
  withAuthority,
} from './data-folder.ts'

export const key = (run: Runner) =>
  records(run, {
    name: 'key',
    says: 'creates, lists and revokes the keys of clients',
    notes: ['create prints the key once: clients send it as Authorization: Bearer KEY.'],
    operand: '<ID>',
    rows: (identities) => identities.keys(),
    columns: [
      ['ID', ({ id }) => id],
      ['CLIENT', ({ client }) => client],
      ['SCOPES', ({ scopes }) => scopes.join(',')],
      ['EXPIRES', expiry],
      ['REVOKED', ({ revokedAt }) => time(revokedAt)],
    ],
    revoke: (identities, id) => identities.revokeKey(id),
    none: (id) => `there is no valid key ${id}`,
  }).addCommand(
    onFolder('create', 'creates a key and prints it')
      .requiredOption(
        '--scopes <A,B>',
        'submit, read, cancel or admin (all of these and the slaves)',
        scopesOf,
      )
      .option(
        '--client <NAME>',
        'client whose tasks the key can read; keys of one client share tasks. Default: the key alone; * reads the tasks of all clients',
        clientOf,
      )
      .option('--ttl <90d>', 'validity; default: until it is revoked', durationOf)
      .option('--key-file <FILE>', 'write the key to this file (mode 0600) instead of the terminal')
      .action(
        run(({ output }, { data, scopes, client, ttl, keyFile }) =>
          withAuthority(data, async ({ identities }) => {
            const { secret } = await identities.createKey({
              scopes,
              ...(client === undefined ? {} : { client }),
              ...(ttl === undefined ? {} : { ttlMs: ttl }),
            })
            return handOver(secret, keyFile, output.line)
          }),
        ),
      ),
  )

function scopesOf(text: string): Scope[] {
  const words = text.split(',').filter((word) => word !== '')
  const scopes = SCOPES.filter((scope) => words.includes(scope))
  if (words.length > 0 && words.every((word) => scopes.some((scope) => scope === word))) {
    return scopes
  }
  throw new InvalidArgumentError(`It must be one or more of ${SCOPES.join(', ')}.`)
}

function clientOf(name: string): string {
  if (/^(\*|[A-Za-z0-9._-]{1,64})$/.test(name)) return name
  throw new InvalidArgumentError('It must be a name or *.')
}
