// The documentation of routes/status.ts and routes/metrics.ts.

import { Status, Up } from '../../shared/client-wire.ts'
import type { Operations } from './operation.ts'

export const watchingDocs: Operations = {
  'GET /status': {
    summary: 'Numbers of tasks, slots and refusals; event-loop lag',
    tag: 'watching',
    operationId: 'readStatus',
    gives: { 200: Status },
  },
  'GET /metrics': {
    summary: 'The same and more for Prometheus',
    tag: 'watching',
    operationId: 'readMetrics',
    gives: { 200: 'text/plain' },
  },
  'GET /healthz': {
    summary: 'Whether the process is up',
    tag: 'watching',
    operationId: 'isUp',
    gives: { 200: Up },
  },
  'GET /readyz': {
    summary: 'Whether it takes tasks',
    tag: 'watching',
    operationId: 'isReady',
    gives: { 200: Up },
    problems: ['draining'],
  },
}
