// What peers fetch: the files that parts of a job left here. Whoever shows the job's ticket may.

import { createReadStream } from 'node:fs'
import type { FastifyInstance, onRequestHookHandler } from 'fastify'
import type { Static } from 'typebox'
import { Type } from 'typebox'
import { Problem } from '../../shared/protocol/problems.ts'
import type { Workroom } from '../files/run-files.ts'

const Name = Type.String({ minLength: 1, maxLength: 128 })
const Params = Type.Object({ job: Name, task: Name, name: Name })

type Options = { workroom: Workroom; onRequest?: onRequestHookHandler }

export async function partitions(app: FastifyInstance, { workroom, onRequest }: Options) {
  if (onRequest) app.addHook('onRequest', onRequest)

  /** A partition's bytes. A wrong ticket is told no more than that there is nothing. */
  app.get(
    '/partitions/:job/:task/:name',
    { schema: { params: Params } },
    async (request, reply) => {
      const { job, task, name } = request.params as Static<typeof Params>
      const ticket = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1] ?? ''
      const found = await workroom.find(job, task, name, ticket)
      if (!found) throw new Problem('not-found', 'there is no such partition for this ticket')
      reply.header('content-type', 'application/octet-stream')
      reply.header('content-length', found.bytes)
      return reply.send(createReadStream(found.path))
    },
  )
}
