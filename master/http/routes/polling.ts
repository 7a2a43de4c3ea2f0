// Pull mode, for slaves that the master cannot connect to: they poll for tasks and submit the outcomes.

import type { FastifyInstance } from 'fastify'
import type { Static } from 'typebox'
import type { TextOf } from '../../../shared/data/raw-json.ts'
import { Raw } from '../../../shared/data/raw-json.ts'
import { serveWith } from '../../../shared/http/serve.ts'
import { sendProblem } from '../../../shared/http/server.ts'
import { createCheck, invalidRequest, isObject } from '../../../shared/http/validate.ts'
import { poll, submitResult } from '../../../shared/protocol/api/slave-side.ts'
import { NAME_PATTERN } from '../../../shared/protocol/patterns.ts'
import type { AnyPoll } from '../../../shared/protocol/wire.ts'
import {
  CallbacksRequest,
  Done,
  POLL_SECONDS,
  SubmittedDone,
  SubmittedFailed,
} from '../../../shared/protocol/wire.ts'
import type { Polled, Submitted } from '../../core/messages.ts'
import type { Dispatcher } from '../../dispatch/dispatcher.ts'
import { answerText } from '../../dispatch/poll-channel.ts'
import { withoutFaulty } from '../faulty-outcomes.ts'
import { bodyFields } from './request-options.ts'
import { asWritten } from './slaves.ts'

/** A body holds many results, or one large result. In bytes. */
const bodyLimit = 64 * 1024 * 1024
const KINDS_MAX = 1024

type Options = {
  dispatcher: Dispatcher
  /** Kinds that a simple slave is assumed to offer when it names none: those that need no files. */
  simpleKinds: readonly string[]
}

export async function polling(app: FastifyInstance, { dispatcher, simpleKinds }: Options) {
  const fits = {
    callbacks: createCheck(CallbacksRequest),
    done: createCheck(SubmittedDone),
    failed: createCheck(SubmittedFailed),
  }

  // A HEAD request would take a task and drop it.
  serveWith(app, poll, { exposeHeadRoute: false }, (request, reply) => {
    const { query } = request
    const polled = polledOf(query, request.caller.slave, simpleKinds)
    const waitMs = (query.wait ?? POLL_SECONDS) * 1000
    const hangUp = dispatcher.poll(polled, waitMs, (problem, answer) => {
      reply.header('cache-control', 'no-store')
      if (problem) sendProblem(reply, problem)
      else if (answer) reply.type('application/json').send(answerText(polled, answer))
      else reply.code(204).send()
    })
    reply.raw.once('close', hangUp)
  })

  /** Accepts the callbacks of a registered slave, or a single outcome in the short form. */
  serveWith(
    app,
    submitResult,
    { bodyLimit, config: { anyShape: true, mend: withoutFaulty } },
    (request) => {
      const { body } = request
      if (isObject(body) && 'callbacks' in body) {
        const said = fits.callbacks.checked(body)
        return dispatcher.callbacks(asWritten(said, request.bodyBytes))
      }
      return dispatcher.submitted(submittedOf(body, request.caller.slave, bodyFields(request)))
    },
  )

  function submittedOf(body: unknown, caller: string | null, text: TextOf): Submitted {
    if (!isObject(body) || !('failure' in body)) {
      const said = fits.done.checked(body)
      const result = new Raw(text('result') ?? 'null')
      return { ...headOf(said, caller), outcome: { status: 'done', ...resultOf(said), result } }
    }
    if ('result' in body) {
      throw invalidRequest([{ field: 'failure', rule: 'must not be given together with result' }])
    }
    const said = fits.failed.checked(body)
    return { ...headOf(said, caller), outcome: { status: 'failed', ...said.failure } }
  }
}

type Head = Pick<Static<typeof SubmittedDone>, 'slave' | 'attempt' | 'task' | 'ranMs'>

/** The attempt that an outcome belongs to. A certificate names the slave where the body does not. */
function headOf({ slave, attempt, task, ranMs }: Head, caller: string | null) {
  const name = slave ?? caller
  const ran = ranMs === undefined ? {} : { ranMs }
  if (attempt === undefined) {
    if (task === undefined) throw missing('task', 'when attempt is absent')
    return { by: 'task' as const, slave: name, task, ...ran }
  }
  if (name === null) throw missing('slave', 'together with attempt')
  return { by: 'attempt' as const, slave: name, attempt, ...(task && { task }), ...ran }
}

/** The fields of an outcome, without the other fields of the body. */
function resultOf(said: Static<typeof SubmittedDone>): { result: unknown } {
  const fields = Object.entries(said).filter(([name]) => Object.hasOwn(Done.properties, name))
  return { result: said.result, ...Object.fromEntries(fields) }
}

/** A poll with a boot id comes from a registered slave, one without from a simple slave. */
function polledOf(query: AnyPoll, caller: string | null, simpleKinds: readonly string[]): Polled {
  const { boot, generation, free, mode = 'accepting', reason = '', polled } = query
  const slave = query.slave ?? caller
  if (boot === undefined) {
    const kinds = query.kinds === undefined ? [...simpleKinds] : kindsOf(query.kinds)
    return { simple: true, slave, kinds }
  }
  if (slave === null) throw missing('slave', 'together with boot')
  if (generation === undefined) throw missing('generation', 'together with boot')
  if (free === undefined) throw missing('free', 'together with boot')
  const over = polled ?? Math.max(0, generation - 1)
  return { simple: false, state: { slave, boot, generation, free, mode, reason, polled: over } }
}

function kindsOf(text: string): string[] {
  const kinds = text.split(',').map((kind) => kind.trim())
  const pattern = new RegExp(NAME_PATTERN)
  if (kinds.length > KINDS_MAX || !kinds.every((kind) => pattern.test(kind))) {
    const rule = `must be 1 to ${KINDS_MAX} names of kinds, separated by commas`
    throw invalidRequest([{ field: 'kinds', rule }])
  }
  return [...new Set(kinds)]
}

const missing = (field: string, where: string) =>
  invalidRequest([{ field, rule: `is missing; it is required ${where}` }])
