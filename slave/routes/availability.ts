// What anybody may ask a slave.

import type { FastifyInstance } from 'fastify'
import type { Metrics } from '../../shared/telemetry/metrics.ts'
import type { Agent } from '../agent.ts'

type Options = { agent: Agent; metrics: Metrics }

export async function availability(app: FastifyInstance, { agent, metrics }: Options) {
  /** "Are you available?" Changes nothing. */
  app.get('/availability', (_request, reply) => {
    reply.send(agent.availability())
  })

  /** Figures for Prometheus. */
  app.get('/metrics', async (_request, reply) => {
    reply.header('content-type', metrics.contentType)
    return metrics.text()
  })

  /** The agent is up. */
  app.get('/healthz', (_request, reply) => {
    reply.send({ status: 'up' })
  })
}
