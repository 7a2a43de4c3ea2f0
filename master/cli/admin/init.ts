// askfirst init: makes a master's identities, so that it can face a network.

import { UsageError } from '../../../shared/process/usage-error.ts'
import type { Runner } from '../command.ts'
import { command } from '../command.ts'
import { dataOption, handOver, httpsOriginOf, withAuthority } from './data-folder.ts'

export const init = (run: Runner) =>
  command(
    'init',
    'creates a certificate authority and the first admin key, for a master on a network',
    [
      'Creates DIR/auth: a certificate authority and the first admin key, which is shown once. From then on a master with this --data uses HTTPS and requires authentication. A second run changes only --url and --names.',
    ],
  )
    // Without a default: it would give identities to the folder that npm start uses without any.
    .addOption(dataOption())
    .option('--url <URL>', 'URL at which slaves and clients reach the master', httpsOriginOf)
    .option(
      '--names <A,B>',
      'further names and addresses for its certificate; those of this machine are included',
    )
    .option('--key-file <FILE>', 'write the key to this file (mode 0600) instead of the terminal')
    .action(
      run(async ({ output }, { data, url, names, keyFile }) => {
        if (data === undefined) {
          throw new UsageError(
            '--data is required: the folder of the master, such as /srv/askfirst',
          )
        }
        const { hasIdentities, makeIdentities } = await import(
          '../../security/identities/folder.ts'
        )
        const isNew = !hasIdentities(data)
        if (isNew && url === undefined) {
          throw new UsageError(
            '--url is required: the URL at which slaves and clients reach the master, such as https://10.0.0.1:8080',
          )
        }
        if (isNew) await makeIdentities(data)
        await withAuthority(data, async ({ identities, pin }) => {
          if (url) await identities.setFact('url', url)
          if (names !== undefined) await identities.setFact('names', names)
          await output.line(`authority sha256:${pin}`)
          if (identities.keys().length > 0) {
            const words = 'has identities already: no key was created (see askfirst key create)'
            return await output.line(`${data} ${words}`)
          }
          const { id, secret } = await identities.createKey({ scopes: ['admin'] })
          await handOver(secret, keyFile, (words) =>
            output.line(`admin key ${id}, shown once: ${words}`),
          )
        })
      }),
    )
