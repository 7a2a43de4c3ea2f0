// The security of a master: with identities (askfirst init) TLS and authentication; without, neither.

import { Server as TlsServer } from 'node:tls'
import type { FastifyInstance } from 'fastify'
import type { Static } from 'typebox'
import type { Clock } from '../../shared/data/clock.ts'
import { msBetween } from '../../shared/data/clock.ts'
import { createAddressGuard } from '../../shared/http/address-guard.ts'
import { SKEW_MS } from '../../shared/http/certificates.ts'
import { serverOptions } from '../../shared/http/tls.ts'
import type { Logger } from '../../shared/process/log.ts'
import { isLoopback } from '../../shared/process/process.ts'
import type { MasterSettings } from '../settings.ts'
import { createAuth, createNoAuth } from './auth.ts'
import { hasIdentities, MASTER_CERTIFICATE_MS, openAuthority } from './identities/folder.ts'
import { createRateLimits } from './rate-limits.ts'
import { createSessions } from './sessions.ts'
import { createSlaveConnector } from './slave-connector.ts'

/** Interval between two checks of the master's own certificate. It is short because the clock may jump. */
const LOOK_MS = 60_000

type Settings = Readonly<Static<typeof MasterSettings>>
type Given = {
  settings: Settings
  slaves: { name: string; url: string }[]
  clock: Clock
  log: Logger
  /** The identities are damaged or gone: the master must stop. */
  onBroken: (error: Error) => void
}

/** `identity`: what the routes of identities need, where there are any. */
export const openSecurity = (given: Given) =>
  hasIdentities(given.settings.data) && !given.settings.insecureNoAuth
    ? openGuarded(given)
    : openUnguarded(given)

async function openUnguarded({ settings, slaves }: Given) {
  const { host, ownNames } = settings
  const auth = createNoAuth({ loopback: isLoopback(host), ownNames })
  return {
    material: undefined,
    reach: createSlaveConnector({ ...reachOf(settings, slaves), material: null }),
    guard: (server: FastifyInstance): void => auth.guard(server),
    onShutOut(_run: (slave: string) => void): void {},
    identity: undefined,
    async close(): Promise<void> {},
  }
}

async function openGuarded({ settings, slaves, clock, log, onBroken }: Given) {
  const authority = await openAuthority(settings.data, onBroken)
  const { identities } = authority
  let material = await authority.material(settings.host)
  let madeAt = clock.wall()
  let timer: NodeJS.Timeout | undefined
  const limits = createRateLimits({ ...settings, now: clock.now })
  const { wall } = clock
  const sessions = createSessions({ identities, wall })
  const auth = createAuth({ identities, sessions, limits, wall })

  return {
    material,
    reach: createSlaveConnector({
      ...reachOf(settings, slaves),
      material: () => material,
      isGood: (serial) => identities.certificateOf(serial)?.revokedAt === null,
    }),
    onShutOut: identities.onShutOut,
    guard(server: FastifyInstance): void {
      auth.guard(server)
      timer = setInterval(() => void renew(server), LOOK_MS)
    },
    identity: {
      authority,
      sessions,
      limits,
      slaveCertificateMs: settings.slaveCertificateMs,
    },
    /** Idempotent. */
    close(): Promise<void> {
      clearInterval(timer)
      return authority.close()
    },
  }

  async function renew(server: FastifyInstance): Promise<void> {
    // After the clock is set back by more than the allowed skew, the certificate is not valid yet.
    const ageMs = msBetween(madeAt, clock.wall())
    if (ageMs > -SKEW_MS && ageMs < MASTER_CERTIFICATE_MS / 3) return
    material = await authority.material(settings.host)
    madeAt = clock.wall()
    const { server: listener } = server
    if (listener instanceof TlsServer) listener.setSecureContext(serverOptions(material))
    log.info('the certificate of the master was renewed')
  }
}

function reachOf({ slaveAddresses, host, askTimeoutMs }: Settings, slaves: Given['slaves']) {
  return {
    guard: createAddressGuard({ only: slaveAddresses, loopback: isLoopback(host) }),
    timeoutMs: askTimeoutMs,
    named: new Map(slaves.map(({ name, url }) => [name, url])),
  }
}
