// Many tasks in one request: all are checked, then each is submitted and answered on its own, in order. A
// long batch is checked in slices of the event loop, item by item, and submitted in portions: each portion
// waits for the commit of the previous one.
//
//   body --check each item--> submissions --portion by portion--> dispatcher --> an answer each
//        (one invalid item refuses all)

import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Monotonic } from '../../../shared/data/clock.ts'
import { encode, fieldsOf, Raw, scanItems } from '../../../shared/data/raw-json.ts'
import { LONG_BODY_BYTES } from '../../../shared/http/json-body.ts'
import { serveWith } from '../../../shared/http/serve.ts'
import { invalidRequest, isObject } from '../../../shared/http/validate.ts'
import type { Slices } from '../../../shared/process/time-slices.ts'
import { submitTasks } from '../../../shared/protocol/api/tasks.ts'
import { Problem } from '../../../shared/protocol/problems.ts'
import { hasEnded } from '../../../shared/protocol/statuses.ts'
import { readTrace } from '../../../shared/protocol/trace.ts'
import { explain } from '../../core/explain.ts'
import { abilityName } from '../../core/needs.ts'
import type { Dispatcher } from '../../dispatch/dispatcher.ts'
import type { Answered, Gone, Reply } from '../../dispatch/pending-requests.ts'
import { acceptedText, endedJson } from '../../views/task-json.ts'
import type { AttachFiles, TaskRequest } from '../task-attachments.ts'
import type { TaskRequests } from '../task-requests.ts'
import { goneOf, isDryRun, itemManners, ownerOf, preferredWaitMs } from './request-options.ts'

type Options = {
  dispatcher: Dispatcher
  requests: TaskRequests
  attach: AttachFiles
  slices: Slices
  batchTasksMax: number
  batchBytesMax: number
  /** Limit of one item, as for a task that is submitted alone. */
  inputBytesMax: number
  waitMsMax: number
  now: () => Monotonic
}

/** Size of a portion, in characters of inputs. */
const PORTION_CHARS = 1 << 18

export async function batches(app: FastifyInstance, options: Options) {
  const { dispatcher, requests, slices } = options

  serveWith(app, submitTasks, { bodyLimit: options.batchBytesMax }, async (request, reply) => {
    if (request.headers['idempotency-key'] !== undefined) {
      const rule = 'is not allowed here: give each item its own "idempotencyKey"'
      throw invalidRequest([{ field: 'Idempotency-Key', rule }])
    }
    const waitMs = preferredWaitMs(request, options.waitMsMax)
    const submissions = await checked(request, waitMs)
    if (isDryRun(request.query)) return { tasks: explained(submissions) }
    return reply.send(new Raw(await submitAll(submissions, goneOf(reply, waitMs))))
  })

  /** The submissions of all items. Throws when one item is invalid; nothing has been submitted then. */
  async function checked(request: FastifyRequest, waitMs: number): Promise<TaskRequest[]> {
    const common = { waitMs, trace: readTrace(request.headers), client: ownerOf(request) }
    const items = batchOf(request.body, options.batchTasksMax)
    const bytes = request.bodyBytes
    const spans = scanItems(bytes, 1)
    const submissions: TaskRequest[] = []
    const next = (): void => {
      const i = submissions.length
      const span = spans.next().value
      try {
        const itemBytes = span === undefined ? 0 : span.end - span.start
        if (itemBytes > options.inputBytesMax) throw tooLong(itemBytes, options.inputBytesMax)
        const [body, said] = itemManners(items[i], common, bytes, span)
        submissions.push(requests.parse(body, fieldsOf(bytes, span), said))
        // Its text is enough from here on.
        items[i] = null
      } catch (error) {
        if (error instanceof Problem) throw inBatch(error, i)
        throw error
      }
    }
    const isLong = bytes.length >= LONG_BODY_BYTES
    while (submissions.length < items.length) {
      if (isLong) await slices.run(next)
      else next()
    }
    return submissions
  }

  /** Submits all. Gives the reply as JSON text; the answers keep the order of the items. */
  async function submitAll(submissions: TaskRequest[], gone: Gone): Promise<string> {
    const answers = createAnswers(submissions.length)
    let chars = 0
    let i = 0
    // Shifting frees the memory of submissions that the dispatcher holds.
    for (let one = submissions.shift(); one !== undefined; one = submissions.shift()) {
      if (chars > PORTION_CHARS) {
        chars = 0
        await dispatcher.paced()
      }
      chars += one.input.length
      submitOne(options, one, answers.to(i++, one.waitMs > 0), gone)
    }
    return answers.all
  }

  /** The slave that would be asked first for each item. Computed once for those that need the same. */
  function explained(submissions: TaskRequest[]) {
    const found = new Map<string, string | null>()
    return submissions.map((submission) => {
      const { kind, terms } = submission
      const name = abilityName({ kind, needs: terms?.needs ?? [] })
      const known = found.get(name)
      const wouldAsk =
        known === undefined ? explain(dispatcher.view, submission, options.now()).wouldAsk : known
      found.set(name, wouldAsk)
      return { kind, wouldAsk }
    })
  }
}

function batchOf(body: unknown, most: number): unknown[] {
  const [[field, list] = [], ...others] = isObject(body) ? Object.entries(body) : []
  if (field !== 'tasks' || !Array.isArray(list) || others.length > 0) {
    throw invalidRequest([{ field: 'body', rule: 'must be {"tasks": [...]}' }])
  }
  if (list.length === 0 || list.length > most) {
    throw invalidRequest([{ field: 'tasks', rule: `must have 1 to ${most} items` }])
  }
  return list
}

const tooLong = (bytes: number, most: number): Problem =>
  invalidRequest([{ field: 'body', rule: `has ${bytes} bytes; a task may have ${most}` }])

function inBatch(problem: Problem, index: number): Problem {
  const { errors = [] } = problem.members
  const at = `tasks.${index}`
  const inside = errors.map(({ field, rule }) => ({
    field: field === 'body' ? at : `${at}.${field}`,
    rule,
  }))
  // Only the problem of an unknown kind has no list of errors.
  if (inside.length === 0) inside.push({ field: `${at}.kind`, rule: 'must be a known kind' })
  return new Problem(problem.type, `${at}: ${problem.message}`, { errors: inside })
}

function submitOne({ dispatcher, attach }: Options, asked: TaskRequest, to: Answered, gone: Gone) {
  if (asked.attachments === null) return dispatcher.submitTo(asked, to, gone)
  attach(asked).then(
    (submission) => dispatcher.submitTo(submission, to, gone),
    (error: Error) => to.reject(error),
  )
}

/** Collects the answer of each item as JSON text: its reply or problem, with the status that it would have had alone. */
function createAnswers(count: number) {
  const texts: string[] = Array(count).fill('')
  const all = Promise.withResolvers<string>()
  // Awaited when all are submitted; until then a rejection has no handler.
  all.promise.catch(() => {})
  let left = count

  return {
    /** Resolves with all of them. Rejects with the first error that is no answer. */
    all: all.promise,
    to: (i: number, waits: boolean): Answered => ({
      resolve: (reply) => take(i, replyText(reply, waits)),
      reject: (error) =>
        error instanceof Problem ? take(i, problemText(error)) : all.reject(error),
    }),
  }

  function take(i: number, text: string): void {
    texts[i] = text
    if (--left === 0) all.resolve(`{"tasks":[${texts.join(',')}]}`)
  }
}

function replyText(reply: Reply, waits: boolean): string {
  const replayed = reply.repeated ? '"replayed":true,' : ''
  return (waits || reply.repeated) && hasEnded(reply)
    ? `{"code":200,${replayed}${encode(endedJson(reply)).slice(1, -1)}}`
    : `{"code":202,${replayed}${acceptedText(reply)}}`
}

function problemText(problem: Problem): string {
  const retryAfter = problem.headers['retry-after']
  const when = retryAfter === undefined ? {} : { retryAfter: Number(retryAfter) }
  return encode({ code: problem.status, problem: problem.document(), ...when })
}
