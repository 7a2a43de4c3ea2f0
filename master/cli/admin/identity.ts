// askfirst identity: the slaves that have joined.

import type { Runner } from '../command.ts'
import { records, time } from './data-folder.ts'

export const identity = (run: Runner) =>
  records(run, {
    name: 'identity',
    says: 'lists the slaves that have joined and revokes their certificates',
    notes: [
      'revoke revokes the certificates of a slave: within a second the master refuses its requests. The slave can join again with a token that is created for its name.',
    ],
    operand: '<SLAVE>',
    rows: (identities) => identities.certificates(),
    columns: [
      ['SLAVE', ({ slave }) => slave],
      ['ISSUED', ({ issuedAt }) => time(issuedAt)],
      ['EXPIRES', ({ expiresAt }) => time(expiresAt)],
      ['REVOKED', ({ revokedAt }) => time(revokedAt)],
    ],
    revoke: async (identities, slave) => (await identities.revokeSlave(slave)) > 0,
    none: (slave) => `no slave ${slave} has a valid certificate`,
  })
