// What anybody may ask a slave.

import type { FastifyInstance } from 'fastify'
import type { Agent } from '../agent.ts'

export async function availability(app: FastifyInstance, { agent }: { agent: Agent }) {
  /** "Are you available?" Changes nothing. */
  app.get('/availability', (_request, reply) => {
    reply.send(agent.availability())
  })

  /** The agent is up. */
  app.get('/healthz', (_request, reply) => {
    reply.send({ status: 'up' })
  })
}
