// askfirst key: what clients show.

import type { Scope } from '../../../shared/protocol/contract.ts'
import { SCOPES } from '../../../shared/protocol/contract.ts'
import { CommandError, durationOf, expiry, handOver, keeping, time } from './data-command.ts'

const usage = `askfirst key create --scopes submit,read,cancel [--client NAME] [--ttl 90d] [--key-file FILE] [--data DIR]
askfirst key list   [--data DIR]
askfirst key revoke ID [--data DIR]

create prints the key, this once: clients show it as Authorization: Bearer KEY.

  --scopes A,B     submit, read, cancel, admin (all of them, and the slaves)
  --client NAME    whose tasks it sees: keys of one client share them. By itself when not given; *
                   sees all
  --ttl 90d        how long it lasts; until it is revoked when not given
  --key-file FILE  the key goes into this file (0600) in place of the screen
`

export const key = keeping({
  name: 'key',
  summary: 'makes, lists and revokes the keys of clients',
  usage,
  flags: ['scopes', 'client', 'ttl', 'key-file'],
  create({ identities }, given, out) {
    const { client, ttl } = given
    if (client !== undefined && !/^(\*|[A-Za-z0-9._-]{1,64})$/.test(client)) {
      throw new CommandError(`--client ${client} must be a name, or *`)
    }
    const { secret } = identities.createKey({
      scopes: scopesOf(given.scopes),
      ...(client === undefined ? {} : { client }),
      ...(ttl === undefined ? {} : { ttlMs: durationOf('--ttl', ttl) }),
    })
    handOver(secret, given['key-file'], (words) => out(words))
  },
  rows: (identities) => identities.keys(),
  columns: [
    ['ID', ({ id }) => id],
    ['CLIENT', ({ client }) => client],
    ['SCOPES', ({ scopes }) => scopes.join(',')],
    ['EXPIRES', expiry],
    ['REVOKED', ({ revokedAt }) => time(revokedAt)],
  ],
  revoke: (identities, id) => identities.revokeKey(id),
  verbs: 'say create, list or revoke ID',
  none: (id) => `there is no key ${id} that could be revoked`,
})

function scopesOf(text = ''): Scope[] {
  const scopes = text.split(',').filter((word) => word !== '')
  const odd = scopes.find((word) => !SCOPES.includes(word as Scope))
  if (scopes.length > 0 && odd === undefined) return scopes as Scope[]
  throw new CommandError(`--scopes ${odd ?? ''} must be some of ${SCOPES.join(', ')}`)
}
