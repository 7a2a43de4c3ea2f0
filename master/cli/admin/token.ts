// askfirst token: what a new slave joins with.

import { formatJoinLine } from '../../../shared/protocol/join-line.ts'
import { NAME_PATTERN } from '../../../shared/protocol/wire.ts'
import { CommandError, durationOf, expiry, keeping, time } from './data-command.ts'
import { originOf } from './init.ts'

const usage = `askfirst token create [--data DIR] [--ttl 15m] [--name SLAVE] [--uses 1] [--url URL]
askfirst token list   [--data DIR]
askfirst token revoke ID [--data DIR]

create prints one line, the join line: give it to the slave as ASKFIRST_JOIN or in a file
(--join-file), never as an argument. It is a secret while it lasts.

  --ttl 15m     how long it lasts
  --name SLAVE  good for this name only, which may have joined before
  --uses N      how many slaves may join with it
  --url URL     where the slave reaches the master; as init was told when not given
`

export const token = keeping({
  name: 'token',
  summary: 'makes, lists and revokes the tokens that slaves join with',
  usage,
  flags: ['ttl', 'name', 'uses', 'url'],
  create({ identities, pin }, given, out) {
    const { name, ttl = '15m', uses = '1' } = given
    if (name !== undefined && !new RegExp(NAME_PATTERN).test(name)) {
      throw new CommandError(`--name ${name} cannot be a slave's name`)
    }
    if (!/^[1-9]\d{0,5}$/.test(uses)) throw new CommandError(`--uses ${uses} must be a number`)
    const master = given.url === undefined ? identities.fact('url') : originOf(given.url)
    if (!master) throw new CommandError('say --url: where the slave reaches the master')
    const about = { slave: name ?? null, uses: Number(uses), ttlMs: durationOf('--ttl', ttl) }
    const { secret } = identities.createToken(about)
    out(`${formatJoinLine({ token: secret, master, pin })}`)
  },
  rows: (identities) => identities.tokens(),
  columns: [
    ['ID', ({ id }) => id],
    ['SLAVE', ({ slave }) => slave ?? 'any'],
    ['USES LEFT', ({ usesLeft }) => `${usesLeft}`],
    ['EXPIRES', expiry],
    ['REVOKED', ({ revokedAt }) => time(revokedAt)],
  ],
  revoke: (identities, id) => identities.revokeToken(id),
  verbs: 'say create, list or revoke ID',
  none: (id) => `there is no token ${id} that could be revoked`,
})
