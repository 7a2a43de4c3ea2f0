// Floor (a): a bare Fastify route. Takes what the master takes, answers what the master answers,
// and does nothing: what any HTTP service on this machine costs at least.

import Fastify from 'fastify'
import { acceptedOf } from './answer.ts'

type Body = { expression: string }

const server = Fastify()
let made = 0

server.post('/tasks', (_request, reply) => {
  const id = `route-${++made}`
  reply.code(202).header('location', `/tasks/${id}`).send(acceptedOf(id))
})

server.post('/tasks/batch', (request, reply) => {
  const { tasks } = request.body as { tasks: Body[] }
  reply.send({ tasks: tasks.map(() => ({ code: 202, ...acceptedOf(`route-${++made}`) })) })
})

process.stdout.write(`floor listens at ${await server.listen({ host: '127.0.0.1', port: 0 })}\n`)
