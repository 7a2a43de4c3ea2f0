// The metrics of a slave.

import type { ClockSteps } from '../../shared/process/clock-watch.ts'
import type { Metrics } from '../../shared/telemetry/metrics.ts'
import { addClockSteps, createMetrics } from '../../shared/telemetry/metrics.ts'
import type { Agent } from '../agent/agent.ts'

/** `GET /metrics`, as text. */
export function createSlaveMetrics(agent: Agent, clockSteps: Readonly<ClockSteps>): Metrics {
  const metrics = createMetrics()
  const { figures } = agent
  metrics.counters(
    'askfirst_slave_answers_total',
    'Answers to offers, by answer.',
    'answer',
    () => ({
      ...figures.answers,
    }),
  )
  metrics.counters('askfirst_slave_ended_total', 'Ended attempts by status.', 'status', () => ({
    ...figures.ended,
  }))
  metrics.histogram(
    'askfirst_slave_run_seconds',
    'Run time of one attempt in an executor.',
    1000,
    () => {
      return figures.runMs
    },
  )
  metrics.gauges('askfirst_slave_slots', 'Slots by state.', 'state', () => {
    const { slots, free } = agent.availability()
    return { free, taken: slots - free }
  })
  metrics.gauge('askfirst_slave_accepting', '1 while the slave accepts tasks, else 0.', () =>
    agent.availability().mode === 'accepting' ? 1 : 0,
  )
  metrics.gauge('askfirst_slave_outbox', 'Outcomes that the master has not acknowledged yet.', () =>
    agent.unacknowledged(),
  )
  addClockSteps(metrics, 'askfirst_slave', clockSteps)
  return metrics
}
