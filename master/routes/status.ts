// How the master is: for people and for monitors.

import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { FastifyInstance } from 'fastify'
import { Problem } from '../../shared/problems.ts'
import { VERSION } from '../../shared/version.ts'
import type { Dispatcher } from '../dispatcher.ts'
import type { TaskReader } from '../task-reader.ts'

type Options = { dispatcher: Dispatcher; reader: TaskReader; now: () => number }

/** The event loop's delay is measured at this interval, in milliseconds. */
const LAG_RESOLUTION_MS = 10

export async function status(app: FastifyInstance, { dispatcher, reader, now }: Options) {
  const lag = monitorEventLoopDelay({ resolution: LAG_RESOLUTION_MS })
  const startedAt = now()
  lag.enable()
  app.addHook('onClose', async () => void lag.disable())

  /** Numbers of tasks, slaves and refusals. */
  app.get('/status', async () => {
    const { counters, registry, running, waiting } = dispatcher.view
    const all = registry.all()
    const alive = all.filter(({ standing, drained }) => standing === 'alive' && !drained)
    return {
      version: VERSION,
      upMs: Math.round(now() - startedAt),
      accepting: !dispatcher.isDraining,
      slaves: { registered: all.length, alive: alive.length },
      slots: {
        total: alive.reduce((sum, { slots }) => sum + slots, 0),
        free: alive.reduce((sum, { free }) => sum + free, 0),
      },
      tasks: await reader.counts(),
      running,
      waiting,
      counters,
      eventLoopLagMs: {
        mean: inMs(lag.mean),
        p99: inMs(lag.percentile(99)),
        max: inMs(lag.max),
      },
    }
  })

  /** The process is up. */
  app.get('/healthz', () => ({ status: 'up' }))

  /** It takes tasks. */
  app.get('/readyz', () => {
    if (dispatcher.isDraining) throw new Problem('draining', 'the master is shutting down')
    return { status: 'ready' }
  })
}

/** The monitor counts its own interval: the delay is what exceeds it. */
const inMs = (ns: number): number =>
  Number.isNaN(ns) ? 0 : Math.max(0, Math.round(ns / 1e4) / 100 - LAG_RESOLUTION_MS)
