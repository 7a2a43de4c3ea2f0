// How slaves join and renew their certificates, and how people sign in to the page.

import type { FastifyInstance } from 'fastify'
import { Type } from 'typebox'
import { msOf } from '../../../shared/data/clock.ts'
import { publicKeyOf } from '../../../shared/http/certificates.ts'
import { serve, serveWith } from '../../../shared/http/serve.ts'
import { peerOf } from '../../../shared/http/tls.ts'
import {
  join,
  readAuthority,
  readSession,
  renew,
  signIn,
  signOut,
} from '../../../shared/protocol/api/identity.ts'
import type { Checked, Contract, Replies } from '../../../shared/protocol/contract.ts'
import { Problem } from '../../../shared/protocol/problems.ts'
import type { Authority } from '../../security/identities/folder.ts'
import type { Refusal } from '../../security/identities/identities.ts'
import type { RateLimits } from '../../security/rate-limits.ts'
import type { Sessions } from '../../security/sessions.ts'
import { cookieFor, sessionOf } from '../../security/sessions.ts'

type Options = {
  authority: Authority
  sessions: Sessions
  limits: RateLimits
  slaveCertificateMs: number
}

const LIMIT = { bodyLimit: 16_384 }

const REFUSALS: Record<Refusal, string> = {
  unknown: 'this token is unknown or was revoked',
  expired: 'this token has expired: create another with askfirst token create',
  used: 'this token has been used: create another with askfirst token create',
  'other-name': 'this token is for a slave with another name',
  'name-taken':
    'a slave with this name has joined: choose another name, or create a token for it with --name',
  'shut-out':
    'the certificates of the slave with this name were revoked: create a token for it with --name',
}

export async function identity(app: FastifyInstance, options: Options) {
  const { authority, sessions, limits } = options
  const { identities } = authority

  /** A joining slave compares the certificate's SHA-256 with the pin of its token. */
  serve(app, readAuthority, (_request, reply) => {
    reply.type('application/x-pem-file')
    return authority.ca
  })

  serveWith(app, join, LIMIT, async (request) => {
    const { token, name, request: asked } = request.body
    limits.assertPatient(`join ${request.ip}`)
    const publicKey = await readRequest(asked).catch((error: Problem) => {
      limits.failed(`join ${request.ip}`)
      throw error
    })
    const refusal = await identities.useToken(token, name, publicKey)
    if (refusal) {
      limits.failed(`join ${request.ip}`)
      throw new Problem('join-refused', REFUSALS[refusal])
    }
    request.log.info({ slave: name, address: request.ip }, 'a slave has joined')
    return certify(name, publicKey, null)
  })

  serveWith(app, renew, LIMIT, async (request) => {
    const publicKey = await readRequest(request.body.request)
    const before = peerOf(request.raw.socket)?.serial ?? null
    return certify(request.caller.slave as string, publicKey, before)
  })

  async function readRequest(pem: string): Promise<string> {
    const publicKey = await publicKeyOf(pem)
    if (publicKey) return publicKey
    throw new Problem(
      'invalid-request',
      'request must be a PKCS #10 certificate request for a P-256 key, in PEM',
    )
  }

  async function certify(slave: string, publicKey: string, before: string | null) {
    const issued = await authority.issue(publicKey, 'slave', slave, options.slaveCertificateMs)
    const { certificate, serial, expiresAt } = issued
    if (!(await identities.noteCertificate({ serial, slave, expiresAt }, before))) {
      throw new Problem('unauthorized', `the certificates of ${slave} were revoked`)
    }
    return { certificate, expiresAt: msOf(expiresAt), lifeMs: options.slaveCertificateMs }
  }

  serveWith(app, signIn, LIMIT, async (request, reply) => {
    const key = identities.keyOf(request.body.key)
    if (!identities.isGood(key)) {
      limits.failed(request.ip)
      throw new Problem('unauthorized', 'this key is unknown, expired or revoked')
    }
    reply.header('set-cookie', cookieFor(sessions.open(key)))
    return { signedIn: true, client: key.client, scopes: [...key.scopes] }
  })

  serve(app, readSession, async (request) => {
    const id = sessionOf(request.headers.cookie ?? '')
    const key = id === null ? undefined : sessions.keyOf(id)
    if (!identities.isGood(key)) return { needed: true, signedIn: false }
    return { needed: true, signedIn: true, client: key.client, scopes: [...key.scopes] }
  })

  serve(app, signOut, async (request, reply) => {
    const id = sessionOf(request.headers.cookie ?? '')
    if (id !== null) sessions.close(id)
    reply.header('set-cookie', cookieFor(''))
    return { signedIn: false }
  })
}

/** The same endpoints on a master without identities: no sign-in is needed, and joining is impossible. */
export async function noIdentity(app: FastifyInstance) {
  serve(app, readSession, () => ({ needed: false, signedIn: false }))
  const nothing = (): never => {
    throw new Problem('not-found', 'this master has no identities: create them with askfirst init')
  }
  serve(app, readAuthority, nothing)
  serve(app, signOut, nothing)
  refuse(signIn)
  refuse(join)
  refuse(renew)

  /** Answers 404 without checking the body. */
  function refuse<C extends Checked, R extends Replies>(absent: Contract<C, R>): void {
    const { checked, ...contract } = absent
    const schema = () => checked.body ?? Type.Unknown()
    const content = { form: 'json', schema, optional: true } as const
    serve(app, { ...contract, checked: {}, content }, nothing)
  }
}
