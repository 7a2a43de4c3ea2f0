// Tasks: what a client submits and reads, and the endpoints.

import type { Static } from 'typebox'
import { Type } from 'typebox'
import { Asked } from '../asked.ts'
import { CANCEL, contract, READ, SUBMIT } from '../contract.ts'
import { ProblemDocument } from '../problem-document.ts'
import { TASK_STATUSES } from '../statuses.ts'
import type { TrailEvent } from '../trail.js'
import { TRAIL_EVENTS } from '../trail.js'
import { Count, FilePath, Name, Sha256 } from '../wire.ts'
import { words } from '../words.ts'
import {
  DryRunQuery,
  Id,
  IdParams,
  Ms,
  OUTCOME,
  orNull,
  PAGE,
  STRICT,
  Time,
  TraceId,
} from './fields.ts'
import { SLAVE_STATES } from './slaves.ts'
import { batchBody, TASK_OPTIONS, TaskOptions, taskBody, taskExamples } from './task-body.ts'

const Status = words(TASK_STATUSES)

export const AcceptedTask = Type.Object(
  { id: Id, status: Status, slave: orNull(Name), message: Type.String(), asked: Type.Array(Asked) },
  { ...STRICT, description: 'A slave has accepted it, or it is queued.' },
)
export type AcceptedTask = Static<typeof AcceptedTask>

export const EndedTask = Type.Object(
  {
    id: Id,
    kind: Name,
    status: Status,
    ...OUTCOME,
    slave: orNull(Name),
    asked: Type.Array(Asked),
  },
  { ...STRICT, description: 'It ended while the client waited.' },
)

const summary = {
  id: Id,
  kind: Name,
  status: Status,
  input: Type.Optional(Type.Unknown()),
  ...OUTCOME,
  slave: orNull(Name),
  tries: Count,
  priority: Type.Integer(),
  runLimitMs: Count,
  tags: Type.Array(Type.String()),
  createdAt: Time,
  startedAt: orNull(Time),
  endedAt: orNull(Time),
  waitUntil: Type.Optional(Time),
  /** Fields that are too long for a list. */
  omitted: Type.Optional(Type.Array(Type.String())),
}
export const TaskSummary = Type.Object(summary, STRICT)
export type TaskSummary = Static<typeof TaskSummary>
export const Task = Type.Object(
  {
    ...summary,
    inputFiles: Type.Optional(
      Type.Record(Type.String(), Type.Object({ sha256: Sha256, bytes: Count }, STRICT)),
    ),
    outputs: TASK_OPTIONS.outputs,
    needs: TASK_OPTIONS.needs,
    attemptsMax: TASK_OPTIONS.attemptsMax,
    retryOn: TASK_OPTIONS.retryOn,
    traceId: TraceId,
    asked: Type.Array(Asked),
  },
  STRICT,
)
export type Task = Static<typeof Task>
export const TaskList = Type.Object({ tasks: Type.Array(TaskSummary), next: orNull(Id) }, STRICT)

/** One entry of a trail. trail.js says what each event means, and tells it in a sentence. */
export const TrailEntry = Type.Object(
  {
    at: Time,
    event: Type.Unsafe<TrailEvent>(words(Object.keys(TRAIL_EVENTS))),
    slave: Type.Optional(Name),
    reason: Type.Optional(Type.String()),
    /** Until the answer came. */
    ms: Type.Optional(Ms),
    /** The slave was not asked, because its answer was known: the age of that, in milliseconds. */
    knownMs: Type.Optional(Type.Number({ minimum: 0 })),
  },
  STRICT,
)
export type TrailEntry = Static<typeof TrailEntry>
export const Trail = Type.Object({ id: Id, status: Status, trail: Type.Array(TrailEntry) }, STRICT)
export type Trail = Static<typeof Trail>

export const Explanation = Type.Object(
  {
    wouldAsk: orNull(Name),
    slaves: Type.Array(
      Type.Object(
        {
          slave: Name,
          available: Type.Boolean(),
          /** How it stands for such a task. A master of an earlier version does not tell. */
          state: Type.Optional(words([...SLAVE_STATES, 'unable'])),
          /** The same in words; empty for one that is available. */
          reason: Type.String(),
        },
        STRICT,
      ),
    ),
  },
  {
    ...STRICT,
    description: 'With `?dry-run`: which slave would be asked first, and why the others would not.',
  },
)
export type Explanation = Static<typeof Explanation>

export const BatchExplanation = Type.Object(
  { tasks: Type.Array(Type.Object({ kind: Name, wouldAsk: orNull(Name) }, STRICT)) },
  { ...STRICT, description: 'With `?dry-run`: which slave would be asked first, for each item.' },
)

/** The reply to a key that may cancel and not read. */
export const Cancelled = Type.Object(
  { id: Id, status: Status },
  { ...STRICT, description: 'When the key has no scope to read.' },
)

export const Batch = Type.Object(
  {
    tasks: Type.Array(
      Type.Object({
        code: Type.Integer({
          description: 'the HTTP status that the item would have as a request of its own',
        }),
        id: Type.Optional(Id),
        problem: Type.Optional(ProblemDocument),
        retryAfter: Type.Optional(Count),
        replayed: Type.Optional(
          Type.Boolean({
            description: 'the idempotencyKey was used before: this is the same task',
          }),
        ),
      }),
    ),
  },
  STRICT,
)

const REFUSALS = [
  'unknown-kind',
  'no-such-blob',
  'no-capable-slave',
  'key-reused',
  'at-capacity',
  'no-slaves',
  'queue-full',
  'draining',
  'slave-silent',
  'store-full',
] as const
const SUBMITTING = ['prefer', 'idempotency-key', 'traceparent'] as const

export const submitTask = contract('submitTask', 'POST', '/tasks', SUBMIT, {
  tag: 'tasks',
  summary: 'Submit a task: it is assigned to the first slave that accepts it',
  description:
    'The master asks its slaves in order whether they are available for this task and assigns it to the first ' +
    'one that accepts: 202, or 200 with the outcome when it ends within `Prefer: wait`. If ' +
    'none accepts, it is refused with the reasons, or queued with `"queue": true`.',
  checked: { querystring: DryRunQuery },
  content: { form: 'json', schema: taskBody, examples: taskExamples },
  headers: SUBMITTING,
  replies: { 202: AcceptedTask, 200: [EndedTask, Explanation] },
  problems: REFUSALS,
})

export const submitTasks = contract('submitTasks', 'POST', '/tasks/batch', SUBMIT, {
  tag: 'tasks',
  summary: 'Submit many tasks',
  description:
    'The batch is validated as a whole; then each item gets its own answer, in order. An item may have an `idempotencyKey`; the header `Idempotency-Key` is refused.',
  checked: { querystring: DryRunQuery },
  content: {
    form: 'json',
    schema: batchBody,
    examples: () => ({
      two: { tasks: [{ expression: '2 + 3' }, { expression: '6 * 7', queue: true }] },
    }),
  },
  headers: ['prefer', 'traceparent'],
  replies: { 200: [Batch, BatchExplanation] },
  problems: ['unknown-kind'],
})

export const listTasks = contract('listTasks', 'GET', '/tasks', READ, {
  tag: 'tasks',
  summary: 'List tasks, newest first',
  description: 'The same as `/get-tasks`.',
  checked: {
    querystring: Type.Object(
      {
        status: Type.Optional(Status),
        kind: Type.Optional(Type.String({ maxLength: 64 })),
        slave: Type.Optional(Type.String({ maxLength: 64 })),
        tag: Type.Optional(Type.String({ maxLength: 64 })),
        ...PAGE,
      },
      STRICT,
    ),
  },
  replies: { 200: TaskList },
})
export type TaskFilter = Static<typeof listTasks.checked.querystring>

export const getTasks = {
  ...listTasks,
  path: '/get-tasks',
  description:
    '`next` is the `cursor` of the next page, whose path is also sent as `Link: rel="next"`; null at the end.',
  operationId: 'getTasks',
}

export const readTask = contract('readTask', 'GET', '/tasks/:id', READ, {
  tag: 'tasks',
  summary: 'Read one task',
  checked: { params: IdParams },
  headers: ['prefer'],
  replies: { 200: Task },
  problems: ['no-such-task'],
})

export const readTrail = contract('readTrail', 'GET', '/tasks/:id/trail', READ, {
  tag: 'tasks',
  summary:
    'Read the trail: which slaves were asked, their answers and reasons, and all later events of the task',
  checked: { params: IdParams },
  replies: { 200: Trail },
  problems: ['no-such-task'],
})

export const TaskFiles = Type.Object(
  {
    files: Type.Array(
      Type.Object(
        { name: FilePath, bytes: Count, sha256: Sha256, type: Type.String() },
        { ...STRICT, description: 'A file that its run left.' },
      ),
    ),
  },
  STRICT,
)
export type TaskFiles = Static<typeof TaskFiles>

export const listTaskFiles = contract('listTaskFiles', 'GET', '/tasks/:id/files', READ, {
  tag: 'tasks',
  summary: 'List the files that the run of a task left',
  checked: { params: IdParams },
  replies: { 200: TaskFiles },
  problems: ['no-such-task'],
})

export const readTaskFile = contract('readTaskFile', 'GET', '/tasks/:id/files/*', READ, {
  tag: 'tasks',
  summary: 'Read a file that the run of a task left, by its path',
  checked: { params: IdParams },
  replies: { 200: 'application/octet-stream', 206: 'application/octet-stream', 304: null },
  problems: ['no-such-task', 'no-such-blob', 'range-not-satisfiable'],
})

export const cancelTask = contract('cancelTask', 'DELETE', '/tasks/:id', CANCEL, {
  tag: 'tasks',
  summary: 'Cancel a task that has not ended',
  checked: { params: IdParams },
  replies: { 200: [Task, Cancelled] },
  problems: ['no-such-task', 'already-ended'],
})

export const retryTask = contract('retryTask', 'POST', '/tasks/:id/retry', SUBMIT, {
  tag: 'tasks',
  summary: 'Submit the same input again, as a new task',
  description:
    'An optional body changes queue, priority, limits or tags. ' +
    'A task that ended in the queue is queued again.',
  checked: { params: IdParams },
  content: { form: 'json', schema: () => TaskOptions, optional: true },
  headers: SUBMITTING,
  replies: { 202: AcceptedTask, 200: EndedTask },
  problems: ['no-such-task', 'not-ended', ...REFUSALS],
})
