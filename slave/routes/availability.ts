// What every caller may ask a slave.

import type { FastifyInstance } from 'fastify'
import { serve } from '../../shared/http/serve.ts'
import { isUp, readMetrics as readMasterMetrics } from '../../shared/protocol/api/watching.ts'
import { OPEN } from '../../shared/protocol/contract.ts'
import { readAvailability } from '../../shared/protocol/slave-api.ts'
import type { Metrics } from '../../shared/telemetry/metrics.ts'
import type { Agent } from '../agent/agent.ts'

/** Unlike the master's, they are open: they say nothing about tasks. */
const readMetrics = { ...readMasterMetrics, access: OPEN }

type Options = { agent: Agent; metrics: Metrics }

export async function availability(app: FastifyInstance, { agent, metrics }: Options) {
  serve(app, readAvailability, () => agent.availability())

  serve(app, readMetrics, async (_request, reply) => {
    reply.header('content-type', metrics.contentType)
    return metrics.text()
  })

  serve(app, isUp, () => ({ status: 'up' }))
}
