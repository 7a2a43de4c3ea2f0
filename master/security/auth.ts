// Authenticates and authorizes callers: each route gets the hook that its contract's `access` asks for.
// On loopback there is no authentication; one check for all routes refuses pages of other sites in a browser
// on the same machine.
//
//   request --> key (Authorization), session (cookie) or certificate --> caller --> may it? --> route

import type { Socket } from 'node:net'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { WallTime } from '../../shared/data/clock.ts'
import { FOREVER } from '../../shared/data/clock.ts'
import {
  isLocalName,
  isPrivateName,
  keepPagesOut,
  otherSite,
} from '../../shared/http/browser-guard.ts'
import { contractOf } from '../../shared/http/serve.ts'
import { peerOf } from '../../shared/http/tls.ts'
import type { Access, Scope } from '../../shared/protocol/contract.ts'
import { SCOPES } from '../../shared/protocol/contract.ts'
import { Problem } from '../../shared/protocol/problems.ts'
import type { Identities } from './identities/identities.ts'
import { EVERYBODY } from './identities/identities.ts'
import type { Key } from './identities/identity-store.ts'
import type { Allowance, RateLimits } from './rate-limits.ts'
import type { Sessions } from './sessions.ts'
import { sessionOf } from './sessions.ts'

/** The caller of a request. */
export type Caller = {
  /** Whose tasks it sees; EVERYBODY: all. Empty for a slave. */
  client: string
  scopes: readonly Scope[]
  /** The slave that speaks; null when it is a client. */
  slave: string | null
  /** Its credential expires then. */
  validUntil: WallTime
  allowance: Allowance | null
}

declare module 'fastify' {
  interface FastifyRequest {
    caller: Caller
    /** Whether its credential is still good: for responses that outlast a request. */
    isStillIn(): boolean
  }
}

/** The caller where there is no authentication. */
const ANYBODY: Caller = {
  client: EVERYBODY,
  scopes: SCOPES,
  slave: null,
  validUntil: FOREVER,
  allowance: null,
}

const SAFE_METHODS = ['GET', 'HEAD', 'OPTIONS']

export type Auth = { guard(server: FastifyInstance): void }

/** No authentication. `loopback`: the master listens there only. `ownNames`: further names of the master. */
export function createNoAuth(given: { loopback: boolean; ownNames: readonly string[] }): Auth {
  const { loopback, ownNames } = given
  return {
    guard(server) {
      server.decorateRequest('caller', { getter: () => ANYBODY })
      server.decorateRequest('isStillIn', () => true)
      const isOurs = loopback ? isLocalName : isPrivateName
      keepPagesOut(server, (name) => isOurs(name) || ownNames.includes(name))
    },
  }
}

/** Authentication by key, session or certificate. */
export function createAuth(given: {
  identities: Identities
  sessions: Sessions
  limits: RateLimits
  wall: () => WallTime
}): Auth {
  const { identities, sessions, limits, wall } = given
  const allowances = new Map<string, Allowance>()
  /** The caller of a connection's certificate, as of an epoch. */
  const known = new WeakMap<Socket, { caller: Caller | null; epoch: number }>()

  return {
    guard(server) {
      server.decorateRequest('caller', null as never)
      server.decorateRequest('isStillIn', function isStillIn(this: FastifyRequest) {
        try {
          identify(this)
          return true
        } catch {
          return false
        }
      })
      server.addHook('onRoute', (route) => {
        const { access } = contractOf(route)
        if (access.open) return
        route.onRequest = [
          (request, reply, done) => {
            try {
              letIn(request, access)
              const { allowance } = request.caller
              if (allowance) reply.raw.once('close', () => limits.leave(allowance))
            } catch (error) {
              // Close the connection so that the client reconnects with a fresh certificate.
              if ((error as Problem).status === 401) reply.header('connection', 'close')
              return done(error as Problem)
            }
            done()
          },
          ...[route.onRequest ?? []].flat(),
        ]
        if (access.slave) {
          route.preHandler = [
            (request, _reply, done) => done(speaksForAnother(request) ?? undefined),
            ...[route.preHandler ?? []].flat(),
          ]
        }
      })
    },
  }

  function letIn(request: FastifyRequest, access: Access & { open?: false }): void {
    const caller = identify(request)
    if (caller.slave !== null) {
      if (!access.slave)
        throw forbidden(`slaves are not authorized for this request: ${caller.slave}`)
    } else if (!access.key || !may(caller, access.key)) {
      const needed = access.key ? `a key with the scope "${access.key}"` : "a slave's certificate"
      throw forbidden(`this request needs ${needed}`)
    }
    if (access.all && caller.slave === null && caller.client !== EVERYBODY) {
      throw forbidden(
        'this request shows the tasks of all clients: it needs a key of the client "*"',
      )
    }
    if (caller.allowance) limits.enter(caller.allowance)
    request.caller = caller
  }

  function identify(request: FastifyRequest): Caller {
    const { authorization, cookie } = request.headers
    if (authorization !== undefined) return byKey(request, bearerOf(authorization))
    const session = cookie === undefined ? null : sessionOf(cookie)
    if (session !== null) return bySession(request, session)
    return byCertificate(request)
  }

  function byKey(request: FastifyRequest, secret: string): Caller {
    const key = secret === '' ? undefined : identities.keyOf(secret)
    if (!identities.isGood(key)) {
      // Counted only here: failures from a shared address must not block a key that is good.
      limits.failed(request.ip)
      throw unauthorized(`this key ${whyNot(key)}`)
    }
    return callerOf(key)
  }

  function bySession(request: FastifyRequest, id: string): Caller {
    const key = sessions.keyOf(id)
    if (!identities.isGood(key)) throw unauthorized('the session has ended: sign in again')
    const { host, origin } = request.headers
    // SameSite keeps the cookie from other sites; a browser that does not know SameSite sends Origin.
    if (!SAFE_METHODS.includes(request.method) && origin !== `https://${host}`) {
      throw otherSite(origin ?? 'nowhere')
    }
    return callerOf(key)
  }

  function byCertificate(request: FastifyRequest): Caller {
    const { socket } = request.raw
    let found = known.get(socket)
    if (found?.epoch !== identities.epoch) {
      found = { caller: readCertificate(socket), epoch: identities.epoch }
      known.set(socket, found)
    }
    if (!found.caller)
      throw unauthorized('authentication is required: send Authorization: Bearer KEY')
    if (found.caller.validUntil <= wall()) throw unauthorized('this certificate has expired')
    return found.caller
  }

  function readCertificate(socket: Socket): Caller | null {
    const peer = peerOf(socket)
    if (!peer) return null
    const { role, name, serial, validUntil } = peer
    if (role === 'client') {
      const key = identities.keyById(name)
      if (!identities.isGood(key)) return null
      return { ...callerOf(key), validUntil }
    }
    const certificate = identities.certificateOf(serial)
    if (role !== 'slave' || certificate?.slave !== name || certificate.revokedAt !== null)
      return null
    const allowance = allowanceOf(`slave ${name}`)
    return { client: '', scopes: [], slave: name, validUntil, allowance }
  }

  function callerOf({ id, client, scopes, expiresAt }: Key): Caller {
    const validUntil = expiresAt ?? FOREVER
    return { client, scopes, slave: null, validUntil, allowance: allowanceOf(id) }
  }

  function allowanceOf(name: string): Allowance {
    const before = allowances.get(name)
    if (before) return before
    const allowance = limits.newAllowance()
    allowances.set(name, allowance)
    return allowance
  }

  function whyNot(key: Key | undefined): string {
    if (!key) return 'is unknown'
    return key.revokedAt === null ? 'has expired' : 'was revoked'
  }
}

/** Whether a caller may do what a scope is for. Admins may do all. */
export const may = ({ scopes }: Caller, scope: Scope): boolean =>
  scopes.includes(scope) || scopes.includes('admin')

/** Whether a caller sees what belongs to a client. */
export const sees = ({ client }: Caller, owner: string | null): boolean =>
  client === EVERYBODY || client === owner

/** A slave may name only itself, wherever in the message the name is. */
function speaksForAnother(request: FastifyRequest): Problem | null {
  const { slave } = request.caller
  if (slave === null) return null
  const { params, query } = request
  const body = isPlain(request.body) ? request.body : null
  const names = [
    fieldOf(params, 'name'),
    fieldOf(query, 'slave'),
    fieldOf(body, 'name'),
    fieldOf(body, 'slave'),
    fieldOf(fieldOf(body, 'state'), 'slave'),
  ]
  const other = names.find((each) => each !== undefined && each !== slave)
  return other === undefined
    ? null
    : forbidden(`${slave} is not authorized to act for ${JSON.stringify(other)}`)
}

const fieldOf = (from: unknown, name: string): unknown =>
  typeof from === 'object' && from !== null ? Reflect.get(from, name) : undefined

const isPlain = (body: unknown): boolean =>
  typeof body === 'object' && body !== null && Object.getPrototypeOf(body) === Object.prototype

const bearerOf = (authorization: string): string =>
  /^Bearer +(\S+)$/i.exec(authorization)?.[1] ?? ''

const forbidden = (detail: string): Problem => new Problem('forbidden', detail)
const unauthorized = (detail: string): Problem =>
  new Problem('unauthorized', detail, {}, { 'www-authenticate': 'Bearer realm="askfirst"' })
