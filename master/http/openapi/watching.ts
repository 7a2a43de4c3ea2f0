// The documentation of routes/events.ts, routes/status.ts and routes/metrics.ts.

import { Kinds, Status, Up } from '../../../shared/protocol/client-wire.ts'
import type { Operations } from './operation.ts'

const STREAM = 'text/event-stream'

export const watchingDocs: Operations = {
  'GET /events': {
    summary: 'Follow what happens, as server-sent events',
    description:
      'Events of tasks, refusals, slaves and jobs, each with an id; with `Last-Event-ID` from where ' +
      'a reader was. It never ends by itself.',
    tag: 'watching',
    operationId: 'followEvents',
    gives: { 200: STREAM },
    problems: ['too-many-streams'],
  },
  'GET /overview': {
    summary: 'Follow the dispatcher at a glance, as the page does',
    description: 'All of it once, then what has changed, a few times a second.',
    tag: 'watching',
    operationId: 'followOverview',
    gives: { 200: STREAM },
    problems: ['too-many-streams'],
  },
  'GET /kinds': {
    summary: 'Which kinds of tasks and jobs there are, with schemas and examples',
    tag: 'watching',
    operationId: 'listKinds',
    gives: { 200: Kinds },
  },
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
