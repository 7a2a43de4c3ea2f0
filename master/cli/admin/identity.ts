// askfirst identity: the slaves that have joined.

import { keeping, time } from './data-command.ts'

const usage = `askfirst identity list [--data DIR]
askfirst identity revoke SLAVE [--data DIR]

revoke shuts a slave out: within a second its master takes nothing more from it. It may join again
with a token that is made for its name.
`

export const identity = keeping({
  name: 'identity',
  summary: 'lists the slaves that have joined, and shuts one out',
  usage,
  rows: (identities) => identities.certificates(),
  columns: [
    ['SLAVE', ({ slave }) => slave],
    ['ISSUED', ({ issuedAt }) => time(issuedAt)],
    ['EXPIRES', ({ expiresAt }) => time(expiresAt)],
    ['REVOKED', ({ revokedAt }) => time(revokedAt)],
  ],
  revoke: (identities, slave) => identities.revokeSlave(slave) > 0,
  verbs: 'say list or revoke SLAVE',
  none: (slave) => `no slave ${slave} has a certificate that could be revoked`,
})
