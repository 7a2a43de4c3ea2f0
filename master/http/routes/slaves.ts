// The registry: what slaves say to the master, and what people ask about slaves.

import type { FastifyInstance } from 'fastify'
import type { Static } from 'typebox'
import { Type } from 'typebox'
import type { Monotonic } from '../../../shared/data/clock.ts'
import { Raw, scan, textOf } from '../../../shared/data/raw-json.ts'
import { invalidRequest } from '../../../shared/http/validate.ts'
import { Problem } from '../../../shared/protocol/problems.ts'
import { CallbacksRequest, Heartbeat, Registration } from '../../../shared/protocol/wire.ts'
import type { Dispatcher } from '../../dispatch/dispatcher.ts'
import { slaveJson } from '../../views/slave-json.ts'
import { withoutFaulty } from '../faulty-outcomes.ts'

type Options = { dispatcher: Dispatcher; now: () => Monotonic }
type SlaveSideOptions = Options & { isLiveJob: (id: string) => boolean }

/** A callback carries many results; a heartbeat lists many attempts. In bytes. */
const bodyLimit = 64 * 1024 * 1024
/** Outcomes have any shape. */
const config = { anyShape: true } as const

const Name = Type.Object({ name: Type.String({ minLength: 1, maxLength: 64 }) })
const LeaveQuery = Type.Object({ boot: Type.Optional(Type.String({ maxLength: 128 })) })

/** What slaves say. */
export async function slaveSide(app: FastifyInstance, options: SlaveSideOptions) {
  const { dispatcher, isLiveJob } = options

  /** "Ask me at this address", or "I poll". */
  app.post('/slaves', { config, schema: { body: Registration } }, (request) => {
    const registration = request.body as Registration
    const { url, pull } = registration
    if ((url === undefined) === (pull === undefined)) {
      const rule = url === undefined ? 'is missing' : 'must not stand beside pull'
      throw invalidRequest([{ field: 'url', rule }])
    }
    if (url !== undefined && !(/^https?:\/\//.test(url) && URL.canParse(url))) {
      throw new Problem('unreachable-slave', 'url must be an http or https URL')
    }
    return dispatcher.register(registration)
  })

  /** "I am here, and this is what I have." */
  app.post(
    '/slaves/:name/heartbeat',
    { bodyLimit, config, schema: { params: Name, body: Heartbeat } },
    async (request) => {
      const heartbeat = request.body as Heartbeat
      if (heartbeat.state.slave !== (request.params as Static<typeof Name>).name) {
        throw new Problem('invalid-request', 'state.slave is not the slave of the address')
      }
      const reply = await dispatcher.heartbeat(heartbeat)
      const endedJobs = heartbeat.jobs?.filter((id) => !isLiveJob(id)) ?? []
      return endedJobs.length === 0 ? reply : { ...reply, endedJobs }
    },
  )

  /** "These attempts have ended." */
  const callbacks = {
    bodyLimit,
    config: { ...config, mend: withoutFaulty },
    schema: { body: CallbacksRequest },
  }
  app.post('/callbacks', callbacks, (request) =>
    dispatcher.callbacks(asWritten(request.body as CallbacksRequest, request.bodyBytes)),
  )

  /** "I am going." A boot, when given, must be the one that registered. */
  const leave = { schema: { params: Name, querystring: LeaveQuery } }
  app.delete('/slaves/:name', leave, async (request) => {
    const { name } = request.params as Static<typeof Name>
    const { boot = '' } = request.query as Static<typeof LeaveQuery>
    await dispatcher.leave(name, boot)
    return { message: `${name} has left.` }
  })
}

/** In callbacks: the body, its list, the callbacks, their outcomes. */
const OUTCOME_LEVELS = 4

/** The results as they came, as text. */
export function asWritten(said: CallbacksRequest, bytes: Buffer): CallbacksRequest {
  const spans = scan(bytes, OUTCOME_LEVELS).members?.get('callbacks')?.items ?? []
  for (const [i, { outcome }] of said.callbacks.entries()) {
    const span = spans[i]?.members?.get('outcome')?.members?.get('result')
    if (outcome.status === 'done' && span) outcome.result = new Raw(textOf(bytes, span))
  }
  return said
}

/** What people ask. */
export async function slaves(app: FastifyInstance, { dispatcher, now }: Options) {
  /** The slaves, in the order of asking. */
  app.get('/slaves', () => ({
    slaves: dispatcher.view.registry.all().map((slave) => slaveJson(slave, now())),
  }))

  /** It is not offered work until it is resumed; what it has it finishes. */
  app.post('/slaves/:name/drain', { schema: { params: Name } }, async (request) => {
    const { name } = request.params as Static<typeof Name>
    await dispatcher.drain(name, true)
    return { message: `${name} is not offered work until it is resumed.` }
  })

  app.post('/slaves/:name/resume', { schema: { params: Name } }, async (request) => {
    const { name } = request.params as Static<typeof Name>
    await dispatcher.drain(name, false)
    return { message: `${name} is offered work again.` }
  })
}
