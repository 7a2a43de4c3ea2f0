// What Prometheus reads.

import type { FastifyInstance } from 'fastify'
import type { Metrics } from '../../../shared/telemetry/metrics.ts'

export async function metrics(app: FastifyInstance, { metrics }: { metrics: Metrics }) {
  /** Counters, gauges and histograms, in Prometheus' text format. */
  app.get('/metrics', { config: { anyQuery: true } }, async (_request, reply) => {
    reply.header('content-type', metrics.contentType)
    return metrics.text()
  })
}
