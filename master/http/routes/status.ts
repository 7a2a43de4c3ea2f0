// The state of the master, for people and monitors; and what Prometheus reads.

import type { FastifyInstance } from 'fastify'
import type { Monotonic } from '../../../shared/data/clock.ts'
import { isoOf } from '../../../shared/data/clock.ts'
import { serve } from '../../../shared/http/serve.ts'
import type { ClockSteps } from '../../../shared/process/clock-watch.ts'
import { VERSION } from '../../../shared/process/version.ts'
import { isReady, isUp, readMetrics, readStatus } from '../../../shared/protocol/api/watching.ts'
import { Problem } from '../../../shared/protocol/problems.ts'
import type { Metrics } from '../../../shared/telemetry/metrics.ts'
import { isElsewhere, slotsOf } from '../../core/registry.ts'
import type { Dispatcher } from '../../dispatch/dispatcher.ts'
import type { TaskReader } from '../../dispatch/task-reader.ts'
import type { Lag } from '../../observe/event-loop-lag.ts'

type Options = {
  dispatcher: Dispatcher
  reader: TaskReader
  lag: Lag
  now: () => Monotonic
  /** How the wall clock jumped. */
  clockSteps: Readonly<ClockSteps>
  metrics: Metrics
}

export async function status(app: FastifyInstance, options: Options) {
  const { dispatcher, reader, lag, now, clockSteps: steps, metrics } = options
  const startedAt = now()

  serve(app, readStatus, async () => {
    const { counters, registry, running, waiting } = dispatcher.view
    const all = registry.all()
    const alive = all.filter(
      (slave) => slave.standing === 'alive' && !isElsewhere(slave) && !slave.drained,
    )
    return {
      version: VERSION,
      upMs: Math.round(now() - startedAt),
      accepting: !dispatcher.isDraining,
      slaves: { registered: all.length, alive: alive.length },
      slots: slotsOf(alive),
      tasks: await reader.counts(),
      running,
      waiting,
      counters,
      eventLoopLagMs: lag.sinceStart(),
      clock: { steps: steps.count, lastStepMs: steps.lastMs, lastStepAt: isoOf(steps.lastAt) },
    }
  })

  serve(app, readMetrics, async (_request, reply) => {
    reply.header('content-type', metrics.contentType)
    return metrics.text()
  })

  serve(app, isUp, () => ({ status: 'up' }))

  serve(app, isReady, () => {
    if (dispatcher.isDraining) throw new Problem('draining', 'the master is shutting down')
    return { status: 'ready' }
  })
}
