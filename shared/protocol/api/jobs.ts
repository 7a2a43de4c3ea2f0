// Jobs: what a client submits and reads, and the endpoints.

import type { Static } from 'typebox'
import { Type } from 'typebox'
import { CANCEL, contract, READ, SUBMIT } from '../contract.ts'
import { JOB_STATUSES } from '../statuses.ts'
import { Count, Name } from '../wire.ts'
import { words } from '../words.ts'
import {
  DryRunQuery,
  Id,
  IdParams,
  OUTCOME,
  orNull,
  PAGE,
  STRICT,
  Time,
  TraceId,
} from './fields.ts'
import { jobBody, jobExamples } from './job-body.ts'
import { Cancelled } from './tasks.ts'

const Status = words(JOB_STATUSES)

export const JobExplanation = Type.Object(
  {
    kind: Name,
    needs: Type.Array(Name, { description: 'kinds that slaves must offer' }),
    stages: Type.Array(Type.String()),
    parts: Type.Integer({ minimum: 0, description: 'number of parts of the first stage' }),
    slots: Count,
    slaves: Count,
  },
  {
    ...STRICT,
    description:
      'With `?dry-run`: how the job would be split, and how many slaves could run its parts.',
  },
)

const Stage = Type.Object({
  name: Type.String(),
  total: Count,
  done: Count,
  running: Count,
  /** Parts that were started again because files were lost, or whose task was tried again. */
  again: Count,
  /** Of the files that the parts gave. */
  bytes: Count,
  startedAt: orNull(Time),
  endedAt: orNull(Time),
  ms: Type.Number(),
  stragglers: Type.Array(
    Type.Object({
      part: Count,
      task: orNull(Id),
      runningMs: Type.Number(),
      usualMs: Type.Number(),
    }),
  ),
})
export type Stage = Static<typeof Stage>

const File = Type.Object({ name: Type.String(), type: Type.String(), href: Type.String() }, STRICT)
export type JobFile = Static<typeof File>

export const Job = Type.Object(
  {
    id: Id,
    kind: Name,
    status: Status,
    input: Type.Optional(Type.Unknown()),
    /** Fields that are too long: `input`, `stages`; in lists `result` and `failure`, too. */
    omitted: Type.Optional(Type.Array(Type.String())),
    ...OUTCOME,
    /** That of a part's task, or one of the job kind. */
    failure: Type.Optional(Type.Object({ type: Type.String(), message: Type.String() })),
    file: Type.Optional(File),
    stages: Type.Array(Stage),
    priority: Type.Integer(),
    runLimitMs: Count,
    slots: Type.Integer({
      minimum: 1,
      description: 'slots of the slaves that could run its parts',
    }),
    slaves: Type.Integer({
      minimum: 1,
      description: 'slaves that could run its parts when it was submitted',
    }),
    tags: Type.Array(Type.String()),
    traceId: TraceId,
    createdAt: Time,
    endedAt: orNull(Time),
    ms: Type.Number(),
  },
  STRICT,
)
export type Job = Static<typeof Job>
export const JobList = Type.Object({ jobs: Type.Array(Job), next: orNull(Id) }, STRICT)

const Part = Type.Object({
  part: Count,
  kind: Name,
  status: Type.String(),
  task: orNull(Id),
  slave: orNull(Type.String()),
  result: Type.Optional(Type.Unknown()),
  omitted: Type.Optional(Type.Array(Type.String())),
  bytes: Count,
  files: Type.Optional(
    Type.Array(Type.Object({ name: Type.String(), sha256: Type.Optional(Type.String()) }), {
      description: 'files that are blobs on the master',
    }),
  ),
  ms: Type.Number(),
  tries: Count,
  rounds: Count,
})
export type Part = Static<typeof Part>

const Transfers = Type.Array(
  Type.Array(Type.Union([Type.String(), Count]), {
    minItems: 3,
    maxItems: 3,
    description: 'source slave, target slave, bytes',
  }),
  { description: 'partitions that completed parts fetched' },
)
export const Parts = Type.Object(
  {
    id: Id,
    status: Status,
    stages: Type.Array(
      Type.Object(
        {
          name: Type.String(),
          total: Count,
          /** The `offset` of the other parts; null when there are no more. */
          next: orNull(Count),
          /** `transfers`, when there is no room for them. */
          omitted: Type.Optional(Type.Array(Type.String())),
          transfers: Transfers,
          parts: Type.Array(Part),
        },
        STRICT,
      ),
    ),
  },
  STRICT,
)
export type Parts = Static<typeof Parts>
export type StageParts = Parts['stages'][number]

export const JobResult = Type.Object(
  {
    id: Id,
    result: Type.Unknown(),
    resultType: Type.Optional(Type.String()),
    resultText: Type.Optional(Type.String()),
  },
  { description: 'When the result is not a file.' },
)

export const submitJob = contract('submitJob', 'POST', '/jobs', SUBMIT, {
  tag: 'jobs',
  summary: 'Start a job: the master splits it into parts, assigns them and combines their results',
  checked: { querystring: DryRunQuery },
  content: { form: 'json', schema: jobBody, examples: jobExamples },
  headers: ['prefer', 'idempotency-key', 'traceparent'],
  replies: { 202: Job, 200: [Job, JobExplanation] },
  problems: [
    'unknown-kind',
    'no-capable-slave',
    'no-such-blob',
    'key-reused',
    'at-capacity',
    'no-slaves',
    'queue-full',
    'store-full',
    'draining',
  ],
})

export const listJobs = contract('listJobs', 'GET', '/jobs', READ, {
  tag: 'jobs',
  summary: 'List jobs, newest first',
  checked: { querystring: Type.Object(PAGE, STRICT) },
  replies: { 200: JobList },
})

export const readJob = contract('readJob', 'GET', '/jobs/:id', READ, {
  tag: 'jobs',
  summary: 'Read a job: its stages, their progress and the result',
  checked: { params: IdParams },
  headers: ['prefer'],
  replies: { 200: Job },
  problems: ['no-such-job'],
})

export const readParts = contract('readParts', 'GET', '/jobs/:id/parts', READ, {
  tag: 'jobs',
  summary: 'Read the parts of a job, stage by stage',
  checked: {
    params: IdParams,
    querystring: Type.Object(
      {
        stage: Type.Optional(Type.String({ maxLength: 64 })),
        offset: Type.Optional(Type.Integer({ minimum: 0 })),
        limit: PAGE.limit,
      },
      STRICT,
    ),
  },
  replies: { 200: Parts },
  problems: ['no-such-job'],
})
export type PartsFilter = Static<typeof readParts.checked.querystring>

export const readResult = contract('readResult', 'GET', '/jobs/:id/result', READ, {
  tag: 'jobs',
  summary: 'Read the result alone: a file with its own media type, any other result as JSON',
  checked: { params: IdParams },
  headers: ['prefer'],
  replies: { 200: [JobResult, '*/*'] },
  problems: ['no-such-job', 'no-such-blob', 'not-ended', 'no-result'],
})

export const cancelJob = contract('cancelJob', 'DELETE', '/jobs/:id', CANCEL, {
  tag: 'jobs',
  summary: 'Cancel a job and its running parts',
  checked: { params: IdParams },
  replies: { 200: [Job, Cancelled] },
  problems: ['no-such-job', 'already-ended'],
})
