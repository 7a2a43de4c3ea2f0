// Floor (b), the middle of the bare chain client -> master -> slave: each POST becomes one offer
// request to the slave, and each outcome comes back in one callback request. Nothing is stored,
// checked, ordered, retried or watched. In argv: the slave's URL.

import { randomUUIDv7 } from 'node:crypto'
import Fastify from 'fastify'
import { Pool } from 'undici'
import { acceptedOf } from './answer.ts'

type Body = { expression: string }
type Outcome = { task: string; result: unknown }

const pool = new Pool(process.argv[2] as string, {
  connections: 32,
  pipelining: 1,
  keepAliveTimeout: 60_000,
})
const headers = { 'content-type': 'application/json' }
const waiting = new Map<string, (outcome: Outcome) => void>()
let done = 0

const server = Fastify({ bodyLimit: 16 * 1024 * 1024 })

server.post('/tasks', async (request, reply) => {
  const id = randomUUIDv7()
  const held = request.headers.prefer === undefined ? null : outcomeOf(id)
  await offer(id, request.body as Body)
  reply.header('location', `/tasks/${id}`)
  if (held) return { id, status: 'done', result: (await held).result }
  reply.code(202)
  return acceptedOf(id)
})

server.post('/tasks/batch', async (request) => {
  const { tasks } = request.body as { tasks: Body[] }
  return {
    tasks: await Promise.all(
      tasks.map(async (body) => {
        const id = randomUUIDv7()
        await offer(id, body)
        return { code: 202, ...acceptedOf(id) }
      }),
    ),
  }
})

server.post('/callbacks', (request, reply) => {
  const outcome = request.body as Outcome
  done++
  waiting.get(outcome.task)?.(outcome)
  reply.send({ acknowledged: outcome.task })
})

server.get('/status', () => ({ tasks: { done } }))

process.stdout.write(`floor listens at ${await server.listen({ host: '127.0.0.1', port: 0 })}\n`)

async function offer(task: string, { expression }: Body): Promise<void> {
  const answer = await pool.request({
    method: 'POST',
    path: '/offers',
    headers,
    body: JSON.stringify({ task, kind: 'expression', input: { expression } }),
  })
  const { answer: said } = (await answer.body.json()) as { answer: string }
  if (said !== 'taken') throw new Error(`the slave answered ${said}`)
}

function outcomeOf(id: string): Promise<Outcome> {
  return new Promise((resolve) => {
    waiting.set(id, (outcome) => {
      waiting.delete(id)
      resolve(outcome)
    })
  })
}
