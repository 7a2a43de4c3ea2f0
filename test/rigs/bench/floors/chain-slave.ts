// Floor (b), the far end of the bare chain: says yes to every offer, evaluates in its own process
// without any limit, and sends each outcome back in a request of its own. The master is told by
// POST /master, since both choose their ports.

import Fastify from 'fastify'
import type { FactoryFunctionMap } from 'mathjs'
import { all, create } from 'mathjs'
import { Pool } from 'undici'

type Offer = { task: string; input: { expression: string } }

const math = create(all as FactoryFunctionMap)
const headers = { 'content-type': 'application/json' }
let pool: Pool | undefined

const server = Fastify()

server.post('/master', (request, reply) => {
  const { url } = request.body as { url: string }
  pool = new Pool(url, { connections: 32, pipelining: 1, keepAliveTimeout: 60_000 })
  reply.send({})
})

server.post('/offers', (request, reply) => {
  const { task, input } = request.body as Offer
  reply.send({ task, answer: 'taken' })
  setImmediate(() => void callBack(task, math.evaluate(input.expression)))
})

process.stdout.write(`floor listens at ${await server.listen({ host: '127.0.0.1', port: 0 })}\n`)

async function callBack(task: string, result: unknown): Promise<void> {
  const body = JSON.stringify({ task, result })
  const answer = await pool?.request({ method: 'POST', path: '/callbacks', headers, body })
  await answer?.body.dump()
}
