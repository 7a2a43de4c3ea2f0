// askfirst init: makes a master's identities, so that it can face a network.

import { hasIdentities, makeIdentities, openAuthority } from '../../security/identities/folder.ts'
import type { Command } from './data-command.ts'
import { CommandError, handOver, read } from './data-command.ts'

const usage = `askfirst init --data DIR --url https://ADDRESS:PORT [--names A,B] [--key-file FILE]

Makes DIR/auth: an authority that signs certificates, and the first admin key, which is shown once.
From then on a master with this --data speaks HTTPS and asks everybody who they are. Run again, it
changes --url and --names and nothing else.

  --url URL        where slaves and clients reach the master
  --names A,B      further names and addresses of the master; its own are known
  --key-file FILE  the key goes into this file (0600) in place of the screen
`

export const init: Command = {
  name: 'init',
  summary: 'makes an authority and the first admin key, so that a master can face a network',
  usage,
  async run(argv, { out }) {
    const given = read(argv, {
      data: 'string',
      url: 'string',
      names: 'string',
      'key-file': 'string',
    })
    // A default would give identities to the folder that npm start uses without any.
    const data = given.data ?? process.env.ASKFIRST_DATA
    if (data === undefined) {
      throw new CommandError(
        '--data must be given: the folder of the master, such as /srv/askfirst',
      )
    }
    const url = given.url === undefined ? undefined : originOf(given.url)
    const isNew = !hasIdentities(data)
    if (isNew && url === undefined) {
      throw new CommandError(
        '--url must be given: where slaves and clients reach the master, such as https://10.0.0.1:8080',
      )
    }
    if (isNew) await makeIdentities(data)
    const authority = openAuthority(data)
    try {
      const { identities } = authority
      if (url) identities.setFact('url', url)
      if (given.names !== undefined) identities.setFact('names', given.names)
      out(`authority sha256:${authority.pin}`)
      if (identities.keys().length > 0) {
        out(`${data} has identities already: no key was made (see askfirst key create)`)
        return 0
      }
      const { id, secret } = identities.createKey({ scopes: ['admin'] })
      handOver(secret, given['key-file'], (words) => out(`admin key ${id}, shown once: ${words}`))
      return 0
    } finally {
      authority.close()
    }
  },
}

/** An https origin. Throws CommandError. */
export function originOf(url: string): string {
  const parsed = URL.canParse(url) ? new URL(url) : null
  if (parsed?.protocol === 'https:' && parsed.pathname === '/' && !parsed.search) {
    return `https://${parsed.host}`
  }
  throw new CommandError(`--url ${url} must be as https://10.0.0.1:8080`)
}
