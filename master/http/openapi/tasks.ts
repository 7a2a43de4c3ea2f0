// The documentation of routes/tasks.ts.

import type { TSchema } from 'typebox'
import { Type } from 'typebox'
import {
  AcceptedTask,
  Batch,
  BatchExplanation,
  Cancelled,
  EndedTask,
  Explanation,
  Task,
  TaskList,
  Trail,
} from '../../../shared/protocol/client-wire.ts'
import type { Operations } from './operation.ts'

const REFUSALS = [
  'unknown-kind',
  'no-capable-slave',
  'key-reused',
  'at-capacity',
  'no-slaves',
  'queue-full',
  'draining',
  'slave-silent',
  'store-full',
] as const
const submitting = ['prefer', 'idempotency-key', 'traceparent'] as const

const list = {
  summary: 'List tasks, newest first',
  description: 'The next page is at `next`, which is also `Link: rel="next"`; null at the end.',
  tag: 'tasks' as const,
  gives: { 200: TaskList },
}

export const taskDocs = (
  body: TSchema,
  examples: Record<string, unknown>,
  batchTasksMax: number,
  changes: TSchema = Type.Object({}),
): Operations => ({
  'POST /tasks': {
    summary: 'Hand a task to the first slave that is available',
    description:
      'The master asks its slaves in order whether they are available for this task. The first ' +
      'that says yes has it: 202, or 200 with its outcome where `Prefer: wait` saw its end. If ' +
      'none does, it is refused with the reasons, or waits in line with `"queue": true`.',
    tag: 'tasks',
    operationId: 'submitTask',
    headers: [...submitting],
    takes: body,
    examples,
    gives: { 202: AcceptedTask, 200: [EndedTask, Explanation] },
    problems: REFUSALS,
  },
  'POST /tasks/batch': {
    summary: 'The same for many',
    description:
      'Checked as a whole; then each is answered for itself, in order. An item may have an `idempotencyKey`, as the header of a POST of its own.',
    tag: 'tasks',
    operationId: 'submitTasks',
    headers: ['prefer', 'traceparent'],
    takes: Type.Object(
      { tasks: Type.Array(body, { minItems: 1, maxItems: batchTasksMax }) },
      { additionalProperties: false },
    ),
    examples: { two: { tasks: [{ expression: '2 + 3' }, { expression: '6 * 7', queue: true }] } },
    gives: { 200: [Batch, BatchExplanation] },
    problems: ['unknown-kind'],
  },
  'GET /get-tasks': { ...list, operationId: 'getTasks' },
  'GET /tasks': { ...list, operationId: 'listTasks', description: 'The same as `/get-tasks`.' },
  'GET /tasks/:id': {
    summary: 'Read one task',
    tag: 'tasks',
    operationId: 'readTask',
    headers: ['prefer'],
    gives: { 200: Task },
    problems: ['no-such-task'],
  },
  'GET /tasks/:id/trail': {
    summary: 'Read who was asked, what each answered and why, and what befell the task since',
    tag: 'tasks',
    operationId: 'readTrail',
    gives: { 200: Trail },
    problems: ['no-such-task'],
  },
  'DELETE /tasks/:id': {
    summary: 'Cancel a task that has not ended',
    tag: 'tasks',
    operationId: 'cancelTask',
    gives: { 200: [Task, Cancelled] },
    problems: ['no-such-task', 'already-ended'],
  },
  'POST /tasks/:id/retry': {
    summary: 'Submit the same input again, as a new task',
    description:
      'The body, where there is one, says what is to be otherwise: queue, priority, limits, tags. ' +
      'A task that ended while it waited in line waits again.',
    tag: 'tasks',
    takes: changes,
    optional: true,
    operationId: 'retryTask',
    headers: [...submitting],
    gives: { 202: AcceptedTask, 200: EndedTask },
    problems: ['no-such-task', 'not-ended', ...REFUSALS],
  },
})
