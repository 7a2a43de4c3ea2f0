// askfirst identity: the slaves that have joined.

import type { Command } from './data-command.ts'
import {
  CommandError,
  dataOf,
  read,
  runCommand,
  table,
  time,
  withAuthority,
} from './data-command.ts'

const usage = `askfirst identity list [--data DIR]
askfirst identity revoke SLAVE [--data DIR]

revoke shuts a slave out: within a second its master takes nothing more from it. It may join again
with a token that is made for its name.
`

export const identity: Command = {
  name: 'identity',
  summary: 'lists the slaves that have joined, and shuts one out',
  usage,
  async run(argv, { out }) {
    const given = read(argv, { data: 'string' }, 2)
    const [verb = '', slave = ''] = given.words.split(' ')
    return withAuthority(dataOf(given), ({ identities }) => {
      if (verb === 'list') {
        const rows = identities.certificates().map((each) => {
          return [each.slave, time(each.issuedAt), time(each.expiresAt), time(each.revokedAt)]
        })
        out(table(['SLAVE', 'ISSUED', 'EXPIRES', 'REVOKED'], rows))
        return 0
      }
      if (verb !== 'revoke' || !slave) throw new CommandError('say list or revoke SLAVE')
      if (identities.revokeSlave(slave) > 0) return 0
      throw new CommandError(`no slave ${slave} has a certificate that could be revoked`)
    })
  },
}

if (import.meta.main) process.exitCode = await runCommand(identity, process.argv.slice(2))
