// Tasks, as clients submit and read them.

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Static } from 'typebox'
import { Type } from 'typebox'
import type { Monotonic } from '../../shared/clock.ts'
import { Problem } from '../../shared/problems.ts'
import type { TextOf } from '../../shared/raw-json.ts'
import { fieldsOf, scan } from '../../shared/raw-json.ts'
import { readTrace } from '../../shared/trace.ts'
import { invalidRequest } from '../../shared/validate.ts'
import { may, sees } from '../auth.ts'
import type { Gone, Reply, Submission } from '../clients.ts'
import { asked } from '../clients.ts'
import { explain } from '../core/explain.ts'
import type { Dispatcher } from '../dispatcher.ts'
import { pageWithin } from '../list-page.ts'
import { acceptedJson, summaryJson, taskJson, trailJson } from '../task-json.ts'
import type { TaskReader, TaskRecord } from '../task-reader.ts'
import type { TaskRequests } from '../task-requests.ts'
import {
  CURSOR,
  DryRunQuery,
  goneOf,
  IdParams,
  idOf,
  isDryRun,
  itemManners,
  manners,
  ownerOf,
  preferredWaitMs,
} from './manners.ts'

type Options = {
  dispatcher: Dispatcher
  requests: TaskRequests
  reader: TaskReader
  batchTasksMax: number
  batchBytesMax: number
  waitMsMax: number
  now: () => Monotonic
}

const JSON_BODY = { content: 'json' } as const
const ListQuery = Type.Object(
  {
    status: Type.Optional(
      Type.Union(
        (['pending', 'in progress', 'done', 'failed', 'cancelled', 'expired'] as const).map((s) =>
          Type.Literal(s),
        ),
      ),
    ),
    kind: Type.Optional(Type.String({ maxLength: 64 })),
    slave: Type.Optional(Type.String({ maxLength: 64 })),
    tag: Type.Optional(Type.String({ maxLength: 64 })),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000 })),
    cursor: Type.Optional(CURSOR),
  },
  { additionalProperties: false },
)

/** In a batch: the body, its list, the items in that. */
const BATCH_LEVELS = 3

/** The fields of a body that is an object. */
export const bodyFields = ({ bodyBytes }: FastifyRequest): TextOf =>
  bodyBytes.length === 0 ? () => undefined : fieldsOf(bodyBytes, scan(bodyBytes, 1))

export async function tasks(app: FastifyInstance, options: Options) {
  const { dispatcher, requests, reader } = options

  /** A task that the caller may see. Of another's it hears what it would of one that never was. */
  async function own(request: FastifyRequest, id: string): Promise<TaskRecord> {
    const record = await reader.get(id)
    if (sees(request.caller, record.client)) return record
    throw new Problem('no-such-task', `there is no task ${id}`)
  }

  /** Hands a task to the first slave that is available. */
  app.post(
    '/tasks',
    { config: JSON_BODY, schema: { querystring: DryRunQuery } },
    async (request, reply) => {
      const submission = {
        ...requests.parse(request.body, bodyFields(request)),
        ...manners(request, options.waitMsMax),
      }
      if (isDryRun(request)) {
        return explain(dispatcher.view, submission.kind, options.now())
      }
      const gone = goneOf(reply, submission.waitMs)
      return answer(reply, await dispatcher.submit(submission, gone), submission.waitMs)
    },
  )

  /** The same for many: each is answered for itself, in order. */
  const bodyLimit = options.batchBytesMax
  const many = { bodyLimit, config: JSON_BODY, schema: { querystring: DryRunQuery } }
  app.post('/tasks/batch', many, async (request, reply) => {
    if (request.headers['idempotency-key'] !== undefined) {
      const rule = 'is not taken here: give each item an "idempotencyKey" of its own'
      throw invalidRequest([{ field: 'Idempotency-Key', rule }])
    }
    const client = ownerOf(request)
    const items = batchOf(request.body, options.batchTasksMax)
    const bytes = request.bodyBytes
    const spans = scan(bytes, BATCH_LEVELS).members?.get('tasks')?.items ?? []
    const submissions = items.map((item, i) => {
      try {
        const [body, keyed] = itemManners(item, client, bytes, spans[i])
        return { ...requests.parse(body, fieldsOf(bytes, spans[i])), ...keyed }
      } catch (error) {
        if (error instanceof Problem) throw inBatch(error, i)
        throw error
      }
    })
    if (isDryRun(request)) return { tasks: explained(submissions.map(({ kind }) => kind)) }
    const waitMs = preferredWaitMs(request, options.waitMsMax)
    const said = { waitMs, trace: readTrace(request.headers), client }
    const gone = goneOf(reply, waitMs)
    const replies = submissions.map((one) => submitOne(dispatcher, { ...one, ...said }, gone))
    return { tasks: await Promise.all(replies) }
  })

  /** Who would be asked first, item by item. Of one kind it is said for all at once. */
  function explained(kinds: string[]) {
    const found = new Map<string, string | null>()
    for (const kind of new Set(kinds)) {
      found.set(kind, explain(dispatcher.view, kind, options.now()).wouldAsk)
    }
    return kinds.map((kind) => ({ kind, wouldAsk: found.get(kind) ?? null }))
  }

  for (const path of ['/get-tasks', '/tasks']) {
    /** The tasks, newest first. */
    app.get(path, { schema: { querystring: ListQuery } }, async (request, reply) => {
      const { cursor, limit = 100, ...filters } = request.query as Static<typeof ListQuery>
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
        reply.header('link', `<${path}?${more}>; rel="next"`)
      }
      return { tasks: page, next }
    })
  }

  /** One task. With `Prefer: wait=N`: when it has ended, or after N seconds. */
  app.get('/tasks/:id', { schema: { params: IdParams } }, async (request, reply) => {
    const id = idOf(request)
    if (ownerOf(request) !== null) await own(request, id)
    const waitMs = preferredWaitMs(request, options.waitMsMax)
    await dispatcher.wait(id, waitMs, goneOf(reply, waitMs))
    return taskJson(await own(request, id))
  })

  /** Who was asked, what each answered, and what befell the task. */
  app.get('/tasks/:id/trail', { schema: { params: IdParams } }, async (request) => {
    const id = idOf(request)
    const record = await own(request, id)
    return { id, status: record.status, trail: trailJson(record.trail) }
  })

  /** Ends a task that has not ended; whoever runs it is told to stop. */
  app.delete('/tasks/:id', { schema: { params: IdParams } }, async (request) => {
    const id = idOf(request)
    await own(request, id)
    const cancelled = await dispatcher.cancel(id)
    const record = await reader.get(id)
    // Its outcome may have come in the very turn of the master in which it was to be cancelled.
    if (!cancelled || record.status !== 'cancelled') {
      throw new Problem('already-ended', `task ${id} is ${record.status}`)
    }
    return may(request.caller, 'read') ? taskJson(record) : { id, status: record.status }
  })

  /** The same request again, as a new task, with what is to be otherwise: an outcome never changes. */
  const retry = { config: { content: 'optional' }, schema: { params: IdParams } } as const
  app.post('/tasks/:id/retry', retry, async (request, reply) => {
    const id = idOf(request)
    const record = await own(request, id)
    if (record.endedAt === null) throw new Problem('not-ended', `task ${id} is ${record.status}`)
    const said = { ...manners(request, options.waitMsMax), client: record.client }
    const submission = { ...requests.again(record, request.body), ...said }
    // Who may not read learns nothing of an input that another key sent.
    const waitMs = may(request.caller, 'read') ? submission.waitMs : 0
    const gone = goneOf(reply, waitMs)
    return answer(reply, await dispatcher.submit({ ...submission, waitMs }, gone), waitMs)
  })
}

function answer(reply: FastifyReply, given: Reply, waitMs: number) {
  reply.header('location', `/tasks/${given.id}`)
  if (given.repeated) reply.header('idempotency-replayed', 'true')
  if (waitMs > 0) reply.header('preference-applied', `wait=${Math.round(waitMs / 1000)}`)
  const mayHaveEnded = waitMs > 0 || given.repeated
  if (mayHaveEnded && isEnded(given)) return endedJson(given)
  reply.code(202)
  return acceptedJson(given)
}

const isEnded = ({ status }: Reply): boolean => status !== 'pending' && status !== 'in progress'

/** A task that ended while its client waited. */
function endedJson({ id, kind, status, slave, outcome, trail }: Reply) {
  const { status: _, ...said } = outcome ?? { status: '' }
  const result = outcome?.status === 'failed' ? { failure: said } : said
  return { id, kind, status, ...result, slave, asked: asked(trail) }
}

function batchOf(body: unknown, most: number): unknown[] {
  const list = (body as { tasks?: unknown } | null)?.tasks
  if (!Array.isArray(list) || Object.keys(body as object).length !== 1) {
    throw invalidRequest([{ field: 'body', rule: 'must be {"tasks": [...]}' }])
  }
  if (list.length === 0 || list.length > most) {
    throw invalidRequest([{ field: 'tasks', rule: `must have 1 to ${most} items` }])
  }
  return list
}

function inBatch(problem: Problem, index: number): Problem {
  const errors = (problem.members.errors ?? []) as { field: string; rule: string }[]
  const at = `tasks.${index}`
  const inside = errors.map(({ field, rule }) => ({
    field: field === 'body' ? at : `${at}.${field}`,
    rule,
  }))
  // Only a kind that nobody knows is refused by a problem of its own.
  if (inside.length === 0) inside.push({ field: `${at}.kind`, rule: 'must be a kind known here' })
  return new Problem(problem.type, `${at}: ${problem.message}`, { errors: inside })
}

/** One of a batch: its answer, or its problem, with the status that it would have had alone. */
async function submitOne(dispatcher: Dispatcher, submission: Submission, gone: Gone) {
  try {
    const reply = await dispatcher.submit(submission, gone)
    const replayed = reply.repeated ? { replayed: true } : {}
    const ended = (submission.waitMs > 0 || reply.repeated) && isEnded(reply)
    return ended
      ? { code: 200, ...replayed, ...endedJson(reply) }
      : { code: 202, ...replayed, ...acceptedJson(reply) }
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    const retryAfter = error.headers['retry-after']
    const when = retryAfter === undefined ? {} : { retryAfter: Number(retryAfter) }
    return { code: error.status, problem: error.document(), ...when }
  }
}
