// What a master asks a slave.

import type { FastifyInstance, onRequestHookHandler } from 'fastify'
import { OffersRequest, RevokeRequest } from '../../shared/protocol/wire.ts'
import type { Agent } from '../agent.ts'
import { offersAsWritten } from '../link/raw-inputs.ts'

/** The master has checked each input; several of them in one request have more together. */
const ANY_SHAPE = { anyShape: true } as const

type Options = { agent: Agent; onRequest?: onRequestHookHandler }

export async function offers(app: FastifyInstance, { agent, onRequest }: Options) {
  if (onRequest) app.addHook('onRequest', onRequest)

  /** "Are you available for these tasks?", and the tasks. */
  app.post('/offers', { config: ANY_SHAPE, schema: { body: OffersRequest } }, (request, reply) => {
    reply.send(agent.offer(offersAsWritten(request.body as OffersRequest, request.bodyBytes)))
  })

  /** "Who are you, and what do you hold?" */
  app.get('/attempts', (_request, reply) => {
    reply.send(agent.attempts())
  })

  /** "Drop these attempts, and never take them." */
  app.post('/attempts/revoke', { schema: { body: RevokeRequest } }, (request, reply) => {
    reply.send({ state: agent.revoke((request.body as RevokeRequest).attempts) })
  })
}
