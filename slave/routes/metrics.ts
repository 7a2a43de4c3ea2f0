// What a monitor reads of a slave.

import type { ClockSteps } from '../../shared/process/clock-watch.ts'
import type { Metrics } from '../../shared/telemetry/metrics.ts'
import { addClockSteps, createMetrics } from '../../shared/telemetry/metrics.ts'
import type { Agent } from '../agent/agent.ts'

/** `GET /metrics`, as text. */
export function createSlaveMetrics(agent: Agent, clockSteps: Readonly<ClockSteps>): Metrics {
  const metrics = createMetrics()
  const { figures } = agent
  metrics.counters('askfirst_slave_answers_total', 'Answers to offers.', 'answer', () => ({
    ...figures.answers,
  }))
  metrics.counters('askfirst_slave_ended_total', 'Attempts that have ended.', 'status', () => ({
    ...figures.ended,
  }))
  metrics.histogram('askfirst_slave_run_seconds', 'In an executor, one attempt.', 1000, () => {
    return figures.runMs
  })
  metrics.gauges('askfirst_slave_slots', 'Slots by state.', 'state', () => {
    const { slots, free } = agent.availability()
    return { free, taken: slots - free }
  })
  metrics.gauge('askfirst_slave_accepting', '1 while it takes new tasks.', () =>
    agent.availability().mode === 'accepting' ? 1 : 0,
  )
  metrics.gauge('askfirst_slave_outbox', 'Outcomes that the master has not acknowledged.', () =>
    agent.unacknowledged(),
  )
  addClockSteps(metrics, 'askfirst_slave', clockSteps)
  return metrics
}
