// Authorizes the callers of a slave that has an identity: the master offers and peers fetch, each with a
// certificate of the same authority. Without an identity there is no authentication.

import type { Socket } from 'node:net'
import type { FastifyInstance, onRequestHookHandler } from 'fastify'
import { systemClock } from '../../shared/data/clock.ts'
import type { Role } from '../../shared/http/certificates.ts'
import { contractOf } from '../../shared/http/serve.ts'
import type { Peer } from '../../shared/http/tls.ts'
import { peerOf } from '../../shared/http/tls.ts'
import { Problem } from '../../shared/protocol/problems.ts'

const known = new WeakMap<Socket, Peer | null>()

/** Adds to each route the hook that its contract's `access` asks for. Must be added before the routes. */
export function admit(server: FastifyInstance): void {
  server.addHook('onRoute', (route) => {
    const { access } = contractOf(route)
    if (!access.open) route.onRequest = only(access.master ? 'master' : 'slave')
  })
}

const only =
  (role: Role): onRequestHookHandler =>
  (request, reply, done) => {
    const { socket } = request.raw
    let peer = known.get(socket)
    if (peer === undefined) known.set(socket, (peer = peerOf(socket)))
    if (peer && peer.validUntil > systemClock.wall()) {
      if (peer.role === role) return done()
      return done(
        new Problem(
          'forbidden',
          `this request needs the certificate of a ${role}; the peer is ${peer.name}`,
        ),
      )
    }
    reply.header('connection', 'close')
    done(
      new Problem(
        'unauthorized',
        `this request needs the certificate of a ${role} of this cluster`,
      ),
    )
  }
