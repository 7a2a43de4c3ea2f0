// The endpoints of slaves (registration, heartbeat, callbacks), and those by which people manage them.

import type { FastifyInstance } from 'fastify'
import type { Monotonic } from '../../../shared/data/clock.ts'
import { itemTexts } from '../../../shared/data/item-texts.ts'
import { Raw } from '../../../shared/data/raw-json.ts'
import { serve, serveWith } from '../../../shared/http/serve.ts'
import { invalidRequest } from '../../../shared/http/validate.ts'
import { beat, callBack, registerSlave } from '../../../shared/protocol/api/slave-side.ts'
import {
  drainSlave,
  forgetSlave,
  listSlaves,
  resumeSlave,
} from '../../../shared/protocol/api/slaves.ts'
import { Problem } from '../../../shared/protocol/problems.ts'
import type { CallbacksRequest } from '../../../shared/protocol/wire.ts'
import type { Dispatcher } from '../../dispatch/dispatcher.ts'
import { slaveJson } from '../../views/slave-json.ts'
import { withoutFaulty } from '../faulty-outcomes.ts'

type Options = { dispatcher: Dispatcher; now: () => Monotonic }
type SlaveSideOptions = { dispatcher: Dispatcher; isLiveJob: (id: string) => boolean }

/** Callbacks carry many results; a heartbeat lists many attempts. In bytes. */
const bodyLimit = 64 * 1024 * 1024
/** Outcomes may have any shape. */
const config = { anyShape: true } as const

/** The endpoints that slaves call. */
export async function slaveSide(app: FastifyInstance, options: SlaveSideOptions) {
  const { dispatcher, isLiveJob } = options

  serveWith(app, registerSlave, { config }, ({ body }) => {
    const { url, pull } = body
    if ((url === undefined) === (pull === undefined)) {
      const rule = url === undefined ? 'is missing' : 'must not be given together with pull'
      throw invalidRequest([{ field: 'url', rule }])
    }
    if (url !== undefined && !(/^https?:\/\//.test(url) && URL.canParse(url))) {
      throw new Problem('unreachable-slave', 'url must be an http or https URL')
    }
    return dispatcher.register(body)
  })

  serveWith(app, beat, { bodyLimit, config }, async ({ body, params }) => {
    if (body.state.slave !== params.name) {
      throw new Problem('invalid-request', 'state.slave must be the slave in the path')
    }
    const reply = await dispatcher.heartbeat(body)
    const endedJobs = body.jobs?.filter((id) => !isLiveJob(id)) ?? []
    return endedJobs.length === 0 ? reply : { ...reply, endedJobs }
  })

  const outcomes = { bodyLimit, config: { ...config, mend: withoutFaulty } }
  serveWith(app, callBack, outcomes, ({ body, bodyBytes }) =>
    dispatcher.callbacks(asWritten(body, bodyBytes)),
  )

  /** A boot id, when given, must be the one that registered. */
  serve(app, forgetSlave, async ({ params: { name }, query: { boot = '' } }) => {
    await dispatcher.leave(name, boot)
    return { message: `${name} has left.` }
  })
}

/** Where the result of a callback is. */
const RESULT = ['outcome', 'result']

/** The callbacks with each result as the JSON text that the slave sent. */
export function asWritten(said: CallbacksRequest, bytes: Buffer): CallbacksRequest {
  const results = itemTexts(bytes, 'callbacks', RESULT)
  said.callbacks.forEach(({ outcome }, i) => {
    const text = results[i]
    if (outcome.status === 'done' && text !== undefined) outcome.result = new Raw(text)
  })
  return said
}

/** The endpoints that people call. */
export async function slaves(app: FastifyInstance, { dispatcher, now }: Options) {
  serve(app, listSlaves, () => ({
    slaves: dispatcher.view.registry.all().map((slave) => slaveJson(slave, now())),
  }))

  serve(app, drainSlave, async ({ params: { name } }) => {
    await dispatcher.drain(name, true)
    return { message: `${name} gets no offers until it is resumed.` }
  })

  serve(app, resumeSlave, async ({ params: { name } }) => {
    await dispatcher.drain(name, false)
    return { message: `${name} gets offers again.` }
  })
}
