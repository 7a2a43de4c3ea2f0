// What Prometheus reads.

import type { FastifyInstance } from 'fastify'
import { serve } from '../../../shared/http/serve.ts'
import { readMetrics } from '../../../shared/protocol/api/watching.ts'
import type { Metrics } from '../../../shared/telemetry/metrics.ts'

export async function metrics(app: FastifyInstance, { metrics }: { metrics: Metrics }) {
  serve(app, readMetrics, async (_request, reply) => {
    reply.header('content-type', metrics.contentType)
    return metrics.text()
  })
}
