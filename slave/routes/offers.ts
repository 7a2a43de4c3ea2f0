// What a master asks a slave.

import type { FastifyInstance } from 'fastify'
import { serve, serveWith } from '../../shared/http/serve.ts'
import { listAttempts, offerTasks, revokeAttempts } from '../../shared/protocol/slave-api.ts'
import type { Agent } from '../agent/agent.ts'
import { offersAsWritten } from '../link/raw-inputs.ts'

/** The master has checked each input: several in one request may exceed its limits together. */
const ANY_SHAPE = { config: { anyShape: true } } as const

export async function offers(app: FastifyInstance, { agent }: { agent: Agent }) {
  serveWith(app, offerTasks, ANY_SHAPE, ({ body, bodyBytes }) =>
    agent.offer(offersAsWritten(body, bodyBytes)),
  )
  serve(app, listAttempts, () => agent.attempts())
  serve(app, revokeAttempts, ({ body }) => ({ state: agent.revoke(body.attempts) }))
}
