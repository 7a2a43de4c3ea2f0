// The folder `auth/` in a master's data: the authority's key and certificate, and the identities. A master
// that has it speaks TLS and requires authentication.

import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { hostname, networkInterfaces } from 'node:os'
import { join } from 'node:path'
import type { Role } from '../../../shared/http/certificates.ts'
import {
  createAuthority,
  createKey,
  issue,
  pinOf,
  publicHalf,
} from '../../../shared/http/certificates.ts'
import type { Material } from '../../../shared/http/tls.ts'
import { hostOf } from '../../../shared/http/url.ts'
import type { StoreBrokenError } from '../../store/guard.ts'
import { opened } from '../../store/sqlite-open.ts'
import { openIdentities } from './identities.ts'
import { openSqliteIdentities } from './sqlite-identities.ts'

/** The master's own certificate; a third of its life before the end there is a new one. */
export const MASTER_CERTIFICATE_MS = 2_592_000_000

const at = (data: string, ...names: string[]): string => join(data, 'auth', ...names)

/** Whether `askfirst init` was run in this data folder. */
export const hasIdentities = (data: string): boolean => existsSync(at(data, 'ca.pem'))

/** Makes the authority. Whoever can read ca.key can make a certificate for anybody: 0600. */
export async function makeIdentities(data: string): Promise<void> {
  mkdirSync(at(data), { recursive: true, mode: 0o700 })
  chmodSync(at(data), 0o700)
  const { key, certificate } = await createAuthority()
  writeFileSync(at(data, 'ca.key'), key, { mode: 0o600 })
  // Last: from here on it is there.
  writeFileSync(at(data, 'ca.pem'), certificate, { mode: 0o644 })
}

export type Authority = Awaited<ReturnType<typeof openAuthority>>

/**
 * Opens what `askfirst init` made. Rejects with StoreRefusedError, with words about what to do, when the
 * identities cannot be opened. `onBroken`: see openSqliteIdentities.
 */
export async function openAuthority(data: string, onBroken?: (error: StoreBrokenError) => void) {
  const ca = readFileSync(at(data, 'ca.pem'), 'utf8')
  const pair = { key: readFileSync(at(data, 'ca.key'), 'utf8'), certificate: ca }
  const file = at(data, 'auth.sqlite')
  const identities = await openIdentities(opened(file, () => openSqliteIdentities(file, onBroken)))

  return {
    ca,
    pin: pinOf(ca),
    identities,

    issue: (publicKey: string, role: Role, name: string, lifeMs: number) =>
      issue(pair, { publicKey, role, name, addresses: [], lifeMs }),

    /** A key and certificate for the master, good for all its addresses and the names it was told. */
    async material(host: string): Promise<Material> {
      const key = createKey()
      const addresses = addressesOf(host, identities.fact('url'), identities.fact('names'))
      const about = { publicKey: publicHalf(key), role: 'master' as const, name: 'master' }
      const issued = await issue(pair, { ...about, addresses, lifeMs: MASTER_CERTIFICATE_MS })
      return { key, cert: issued.certificate, ca }
    },

    close: identities.close,
  }
}

function addressesOf(host: string, url = '', names = ''): string[] {
  const own = Object.values(networkInterfaces()).flatMap((each) => each ?? [])
  const told = URL.canParse(url) ? [hostOf(new URL(url))] : []
  const all = ['localhost', '127.0.0.1', '::1', host, hostname(), ...told, ...names.split(',')]
  const plain = own.filter(({ scopeid }) => !scopeid).map(({ address }) => address)
  return [...new Set([...all, ...plain])].filter((name) => /^[A-Za-z0-9.:_-]+$/.test(name))
}
