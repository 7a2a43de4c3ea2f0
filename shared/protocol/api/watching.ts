// What people and monitors read of the dispatcher as a whole, and the endpoints.

import type { Static } from 'typebox'
import { Type } from 'typebox'
import { contract, OPEN, READ, READ_ALL } from '../contract.ts'
import { Count, Name } from '../wire.ts'
import { orNull, STRICT } from './fields.ts'

const AnyKind = {
  name: Name,
  summary: Type.String(),
  input: Type.Unknown({ description: 'a JSON schema' }),
  output: Type.Unknown({ description: 'a JSON schema' }),
  examples: Type.Array(Type.Unknown()),
}
export const Kinds = Type.Object(
  {
    kinds: Type.Array(
      Type.Object(
        {
          ...AnyKind,
          files: Type.Boolean({
            description: 'works on files of a job: cannot be submitted as a task',
          }),
          shorthand: Type.Boolean({
            description: 'the fields of its input may be given at the top level',
          }),
          offeredBy: Type.Integer({
            minimum: 0,
            description: 'number of live slaves that offer it',
          }),
        },
        STRICT,
      ),
    ),
    jobs: Type.Array(Type.Object(AnyKind, STRICT)),
    foreign: Type.Array(Type.Object({ name: Name, offeredBy: Count }, STRICT), {
      description: 'kinds that only slaves define; the master does not have their schemas',
    }),
  },
  STRICT,
)

const ByWord = Type.Record(Type.String(), Count)
export const Status = Type.Object({
  version: Type.String(),
  upMs: Type.Number(),
  accepting: Type.Boolean(),
  slaves: Type.Object({ registered: Count, alive: Count }),
  slots: Type.Object({ total: Count, free: Count }),
  /** How many tasks are kept, by status. */
  tasks: ByWord,
  running: Count,
  waiting: Count,
  counters: Type.Object({
    accepted: Count,
    asks: Count,
    answers: ByWord,
    refused: ByWord,
    ended: ByWord,
    attemptsLost: Count,
    callbacksUnattached: Count,
    callbacksStale: Count,
    callbacksForged: Count,
  }),
  eventLoopLagMs: Type.Object({ mean: Type.Number(), p99: Type.Number(), max: Type.Number() }),
  /** Steps of the wall clock. A master of an earlier version does not tell. */
  clock: Type.Optional(
    Type.Object({
      steps: Count,
      lastStepMs: Type.Number(),
      lastStepAt: orNull(Type.String({ format: 'date-time' })),
    }),
  ),
})
export type Status = Static<typeof Status>
export const Up = Type.Object({ status: Type.String() }, STRICT)

const STREAM = 'text/event-stream'

export const followEvents = contract('followEvents', 'GET', '/events', READ_ALL, {
  tag: 'watching',
  summary: 'Stream events (server-sent events)',
  description:
    'Events of tasks, refusals, slaves and jobs, each with an id; `Last-Event-ID` continues after ' +
    'an earlier event. The stream does not end by itself.',
  checked: {
    querystring: Type.Object(
      {
        type: Type.Optional(
          Type.String({
            maxLength: 64,
            description: 'task, refused, slave or job; several are separated by commas: "task,job"',
          }),
        ),
        task: Type.Optional(Type.String({ maxLength: 64 })),
        job: Type.Optional(Type.String({ maxLength: 64 })),
        kind: Type.Optional(Type.String({ maxLength: 64 })),
        slave: Type.Optional(Type.String({ maxLength: 64 })),
      },
      STRICT,
    ),
  },
  replies: { 200: STREAM },
  problems: ['too-many-streams'],
})
export type EventFilter = Static<typeof followEvents.checked.querystring>

export const followOverview = contract('followOverview', 'GET', '/overview', READ_ALL, {
  tag: 'watching',
  summary: 'Stream the overview that the dashboard shows',
  description: 'The whole overview first, then its changes, several times per second.',
  replies: { 200: STREAM },
  problems: ['too-many-streams'],
})

export const listKinds = contract('listKinds', 'GET', '/kinds', READ, {
  tag: 'watching',
  summary: 'List the kinds of tasks and jobs, with schemas and examples',
  replies: { 200: Kinds },
})

export const readStatus = contract('readStatus', 'GET', '/status', READ, {
  tag: 'watching',
  summary: 'Read the numbers of tasks, slots and refusals, and the event-loop lag',
  replies: { 200: Status },
})

export const readMetrics = contract('readMetrics', 'GET', '/metrics', READ, {
  tag: 'watching',
  summary: 'Metrics for Prometheus',
  anyQuery: true,
  replies: { 200: 'text/plain' },
})

export const isUp = contract('isUp', 'GET', '/healthz', OPEN, {
  tag: 'watching',
  summary: 'Liveness check: the process runs',
  anyQuery: true,
  replies: { 200: Up },
})

export const isReady = contract('isReady', 'GET', '/readyz', OPEN, {
  tag: 'watching',
  summary: 'Readiness check: the master accepts tasks',
  anyQuery: true,
  replies: { 200: Up },
  problems: ['draining'],
})
