// Floor (c), the far end of the durable prototype: takes every list, evaluates in its own process without any
// limit, and sends the results that have gathered in one list. The master is told by POST /master.

import Fastify from 'fastify'
import type { FactoryFunctionMap } from 'mathjs'
import { all, create } from 'mathjs'
import { Pool } from 'undici'

/** Evaluations in one slice of the event loop, and lists of results under way. */
const SLICE = 64
const WINDOW = 2

const math = create(all as FactoryFunctionMap)
const headers = { 'content-type': 'application/json' }
let pool: Pool | undefined
let results: unknown[] = []
let underWay = 0

const server = Fastify({ bodyLimit: 16 * 1024 * 1024, keepAliveTimeout: 60_000 })

server.post('/master', (request, reply) => {
  pool = new Pool((request.body as { url: string }).url, { connections: 4, pipelining: 1 })
  reply.send({})
})

server.post('/offers', (request, reply) => {
  const list = request.body as (number | string)[]
  reply.code(202).send({ taken: list.length / 2 })
  setImmediate(run, list, 0)
})

process.stdout.write(`floor listens at ${await server.listen({ host: '127.0.0.1', port: 0 })}\n`)

function run(list: (number | string)[], from: number): void {
  const end = Math.min(list.length, from + 2 * SLICE)
  for (let i = from; i < end; i += 2) results.push(list[i], math.evaluate(list[i + 1] as string))
  void flush()
  if (end < list.length) setImmediate(run, list, end)
}

async function flush(): Promise<void> {
  while (results.length > 0 && underWay < WINDOW) {
    underWay++
    const body = JSON.stringify(results)
    results = []
    const answer = await pool?.request({ method: 'POST', path: '/callbacks', headers, body })
    await answer?.body.dump()
    underWay--
  }
}
