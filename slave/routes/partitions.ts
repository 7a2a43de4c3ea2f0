// The files that parts of a job left here, for peers that have the job's ticket.

import { createReadStream } from 'node:fs'
import type { FastifyInstance } from 'fastify'
import { serve } from '../../shared/http/serve.ts'
import { Problem } from '../../shared/protocol/problems.ts'
import { readPartition } from '../../shared/protocol/slave-api.ts'
import type { Partitions } from '../files/partitions.ts'

export async function partitions(app: FastifyInstance, options: { partitions: Partitions }) {
  /** A wrong ticket gets the same response as a file that does not exist. */
  serve(app, readPartition, async ({ params, headers }, reply) => {
    const { job, task, name } = params
    const ticket = /^Bearer (.+)$/.exec(headers.authorization ?? '')?.[1] ?? ''
    const found = await options.partitions.find(job, task, name, ticket)
    if (!found) throw new Problem('not-found', 'there is no such partition for this ticket')
    reply.header('content-type', 'application/octet-stream')
    reply.header('content-length', found.bytes)
    return reply.send(createReadStream(found.path))
  })
}
