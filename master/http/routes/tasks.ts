// Tasks, as clients submit and read them.

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Monotonic } from '../../../shared/data/clock.ts'
import { serve } from '../../../shared/http/serve.ts'
import {
  cancelTask,
  getTasks,
  listTasks,
  readTask,
  readTrail,
  retryTask,
  submitTask,
} from '../../../shared/protocol/api/tasks.ts'
import { Problem } from '../../../shared/protocol/problems.ts'
import { hasEnded } from '../../../shared/protocol/statuses.ts'
import { explain } from '../../core/explain.ts'
import type { Dispatcher } from '../../dispatch/dispatcher.ts'
import type { Reply } from '../../dispatch/pending-requests.ts'
import type { TaskReader, TaskRecord } from '../../dispatch/task-reader.ts'
import { may, sees } from '../../security/auth.ts'
import { pageWithin } from '../../views/list-page.ts'
import { acceptedJson, endedJson, summaryJson, taskJson, trailJson } from '../../views/task-json.ts'
import type { AttachFiles } from '../task-attachments.ts'
import type { TaskRequests } from '../task-requests.ts'
import {
  bodyFields,
  goneOf,
  inSmallLetters,
  isDryRun,
  manners,
  ownerOf,
  preferredWaitMs,
} from './request-options.ts'

type Options = {
  dispatcher: Dispatcher
  requests: TaskRequests
  reader: TaskReader
  attach: AttachFiles
  waitMsMax: number
  now: () => Monotonic
}

export async function tasks(app: FastifyInstance, options: Options) {
  const { dispatcher, requests, reader } = options

  /** A task that the caller may see. A task of another client is reported as unknown. */
  async function own(request: FastifyRequest, id: string): Promise<TaskRecord> {
    const record = await reader.get(id)
    if (sees(request.caller, record.client)) return record
    throw new Problem('no-such-task', `there is no task ${id}`)
  }

  serve(app, submitTask, async (request, reply) => {
    const said = manners(request, options.waitMsMax)
    const asked = requests.parse(request.body, bodyFields(request), said)
    if (isDryRun(request.query)) return explain(dispatcher.view, asked, options.now())
    const submission = asked.attachments === null ? asked : await options.attach(asked)
    const gone = goneOf(reply, submission.waitMs)
    return answer(reply, await dispatcher.submit(submission, gone), submission.waitMs)
  })

  for (const contract of [getTasks, listTasks]) {
    serve(app, contract, async (request, reply) => {
      const { cursor, limit = 100, ...filters } = request.query
      const owner = ownerOf(request)
      const own = owner === null ? {} : { client: owner }
      const query = {
        limit,
        ...filters,
        ...own,
        ...(cursor === undefined ? {} : { before: cursor.toLowerCase() }),
      }
      const found = await reader.list(query)
      const { page, cut } = pageWithin(found.tasks, summaryJson)
      const next = cut ? (page.at(-1)?.id ?? null) : found.next
      if (next !== null) {
        const more = new URLSearchParams({ ...filters, limit: String(limit), cursor: next })
        reply.header('link', `<${contract.path}?${more}>; rel="next"`)
      }
      return { tasks: page, next }
    })
  }

  /** With `Prefer: wait=N`: when it has ended, or after N seconds. */
  serve(app, readTask, async (request, reply) => {
    const id = inSmallLetters(request.params.id)
    if (ownerOf(request) !== null) await own(request, id)
    const waitMs = preferredWaitMs(request, options.waitMsMax)
    await dispatcher.wait(id, waitMs, goneOf(reply, waitMs))
    return taskJson(await own(request, id))
  })

  serve(app, readTrail, async (request) => {
    const id = inSmallLetters(request.params.id)
    const record = await own(request, id)
    return { id, status: record.status, trail: trailJson(record.trail) }
  })

  serve(app, cancelTask, async (request) => {
    const id = inSmallLetters(request.params.id)
    await own(request, id)
    const cancelled = await dispatcher.cancel(id)
    const record = await reader.get(id)
    // The outcome may arrive in the same turn as the cancellation, before it.
    if (!cancelled || record.status !== 'cancelled') {
      throw new Problem('already-ended', `task ${id} is ${record.status}`)
    }
    return may(request.caller, 'read') ? taskJson(record) : { id, status: record.status }
  })

  serve(app, retryTask, async (request, reply) => {
    const id = inSmallLetters(request.params.id)
    const record = await own(request, id)
    if (record.endedAt === null) throw new Problem('not-ended', `task ${id} is ${record.status}`)
    const { client } = record
    const said = manners(request, options.waitMsMax)
    // A caller that may not read learns nothing of an input that another key sent.
    const waitMs = may(request.caller, 'read') ? said.waitMs : 0
    const submission = await options.attach(
      requests.again(record, request.body, { ...said, client, waitMs }),
    )
    return answer(reply, await dispatcher.submit(submission, goneOf(reply, waitMs)), waitMs)
  })
}

function answer(reply: FastifyReply, given: Reply, waitMs: number) {
  reply.header('location', `/tasks/${given.id}`)
  if (given.repeated) reply.header('idempotency-replayed', 'true')
  if (waitMs > 0) reply.header('preference-applied', `wait=${Math.round(waitMs / 1000)}`)
  const mayHaveEnded = waitMs > 0 || given.repeated
  if (mayHaveEnded && hasEnded(given)) return endedJson(given)
  reply.code(202)
  return acceptedJson(given)
}
