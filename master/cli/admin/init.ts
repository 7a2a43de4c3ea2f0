// askfirst init: makes a master's identities, so that it can face a network.

import { UsageError } from '../../../shared/process/usage-error.ts'
import type { Runner } from '../command.ts'
import { command } from '../command.ts'
import { dataOption, handOver, originOf, withAuthority } from './data-folder.ts'

export const init = (run: Runner) =>
  command(
    'init',
    'makes an authority and the first admin key, so that a master can face a network',
    [
      'Makes DIR/auth: an authority that signs certificates, and the first admin key, which is shown once. From then on a master with this --data speaks HTTPS and asks everybody who they are. Run again, it changes --url and --names and nothing else.',
    ],
  )
    // Without a default: it would give identities to the folder that npm start uses without any.
    .addOption(dataOption())
    .option('--url <URL>', 'where slaves and clients reach the master', originOf)
    .option('--names <A,B>', 'further names and addresses of the master; its own are known')
    .option('--key-file <FILE>', 'the key goes into this file (0600) in place of the screen')
    .action(
      run(async ({ output }, { data, url, names, keyFile }) => {
        if (data === undefined) {
          throw new UsageError(
            '--data must be given: the folder of the master, such as /srv/askfirst',
          )
        }
        const { hasIdentities, makeIdentities } = await import(
          '../../security/identities/folder.ts'
        )
        const isNew = !hasIdentities(data)
        if (isNew && url === undefined) {
          throw new UsageError(
            '--url must be given: where slaves and clients reach the master, such as https://10.0.0.1:8080',
          )
        }
        if (isNew) await makeIdentities(data)
        await withAuthority(data, async ({ identities, pin }) => {
          if (url) await identities.setFact('url', url)
          if (names !== undefined) await identities.setFact('names', names)
          await output.line(`authority sha256:${pin}`)
          if (identities.keys().length > 0) {
            const words = 'has identities already: no key was made (see askfirst key create)'
            return await output.line(`${data} ${words}`)
          }
          const { id, secret } = await identities.createKey({ scopes: ['admin'] })
          await handOver(secret, keyFile, (words) =>
            output.line(`admin key ${id}, shown once: ${words}`),
          )
        })
      }),
    )
