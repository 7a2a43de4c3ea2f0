// Slaves that cannot be reached: they come for their tasks, and bring what became of them.

import type { FastifyInstance } from 'fastify'
import type { Static } from 'typebox'
import type { TextOf } from '../../shared/raw-json.ts'
import { fieldsOf, Raw, scan } from '../../shared/raw-json.ts'
import { sendProblem } from '../../shared/server.ts'
import { createCheck, invalidRequest } from '../../shared/validate.ts'
import type { Outcome } from '../../shared/wire.ts'
import {
  CallbacksRequest,
  Done,
  NAME_PATTERN,
  POLL_SECONDS,
  Poll,
  SubmittedDone,
  SubmittedFailed,
} from '../../shared/wire.ts'
import type { Polled, Submitted } from '../core/pulling.ts'
import type { Dispatcher } from '../dispatcher.ts'
import { answerText } from '../polls.ts'
import { asWritten } from './slaves.ts'

/** Outcomes carry results, many of them or one large. In bytes. */
const bodyLimit = 64 * 1024 * 1024
const KINDS_MAX = 1024

type Options = { dispatcher: Dispatcher }

export async function pulling(app: FastifyInstance, { dispatcher }: Options) {
  const fits = {
    callbacks: createCheck(CallbacksRequest),
    done: createCheck(SubmittedDone),
    failed: createCheck(SubmittedFailed),
  }

  /** "I take what you have." Held until something comes. HEAD would take a task and drop it. */
  const options = { exposeHeadRoute: false, schema: { querystring: Poll } }
  app.get('/get_task', options, (request, reply) => {
    const query = request.query as Static<typeof Poll>
    const polled = polledOf(query)
    const waitMs = (query.wait ?? POLL_SECONDS) * 1000
    const hangUp = dispatcher.poll(polled, waitMs, (problem, answer) => {
      reply.header('cache-control', 'no-store')
      if (problem) sendProblem(reply, problem)
      else if (answer) reply.type('application/json').send(answerText(polled, answer))
      else reply.code(204).send()
    })
    reply.raw.once('close', hangUp)
  })

  /** "This became of it": as the callbacks of a registered slave, or one outcome in short. */
  app.post(
    '/submit_result',
    { bodyLimit, config: { content: 'json', anyShape: true } },
    (request) => {
      const { body } = request
      if (isObject(body) && 'callbacks' in body) {
        const said = fits.callbacks.checked(body) as CallbacksRequest
        return dispatcher.callbacks(asWritten(said, request.bodyBytes))
      }
      return dispatcher.submitted(
        submittedOf(body, fieldsOf(request.bodyBytes, scan(request.bodyBytes, 1))),
      )
    },
  )

  function submittedOf(body: unknown, text: TextOf): Submitted {
    if (!isObject(body) || !('failure' in body)) {
      const said = fits.done.checked(body)
      const result = new Raw(text('result') ?? 'null')
      return { ...headOf(said), outcome: { status: 'done', ...resultOf(said), result } }
    }
    if ('result' in body) {
      throw invalidRequest([{ field: 'failure', rule: 'must not stand beside result' }])
    }
    const said = fits.failed.checked(body)
    return { ...headOf(said), outcome: { status: 'failed', ...said.failure } as Outcome }
  }
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null

const headOf = ({ slave, attempt, task, ranMs }: Omit<Submitted, 'outcome'>) => ({
  slave,
  attempt,
  ...(task === undefined ? {} : { task }),
  ...(ranMs === undefined ? {} : { ranMs }),
})

/** What belongs to an outcome, and nothing else that came with it. */
function resultOf(said: Static<typeof SubmittedDone>): { result: unknown } {
  const fields = Object.entries(said).filter(([name]) => name in Done.properties)
  return { result: said.result, ...Object.fromEntries(fields) }
}

/** Whoever names a boot has registered; whoever does not says what it can do. */
function polledOf(query: Static<typeof Poll>): Polled {
  const { slave, boot, generation, free, mode = 'accepting', reason = '', polled } = query
  if (boot === undefined) return { simple: true, slave, kinds: kindsOf(query.kinds) }
  if (generation === undefined) throw missing('generation', 'beside boot')
  if (free === undefined) throw missing('free', 'beside boot')
  const over = polled ?? Math.max(0, generation - 1)
  return { simple: false, state: { slave, boot, generation, free, mode, reason, polled: over } }
}

function kindsOf(text: string | undefined): string[] {
  if (text === undefined) throw missing('kinds', 'where there is no boot')
  const kinds = text.split(',').map((kind) => kind.trim())
  const pattern = new RegExp(NAME_PATTERN)
  if (kinds.length > KINDS_MAX || !kinds.every((kind) => pattern.test(kind))) {
    const rule = `must be 1 to ${KINDS_MAX} names of kinds with commas between them`
    throw invalidRequest([{ field: 'kinds', rule }])
  }
  return [...new Set(kinds)]
}

const missing = (field: string, where: string) =>
  invalidRequest([{ field, rule: `is missing; it is wanted ${where}` }])
