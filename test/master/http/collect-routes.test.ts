// A route of the master has a contract, or the master does not start.

import Fastify from 'fastify'
import { test } from 'tap'
import { collectRoutes } from '../../../master/http/collect-routes.ts'
import { serve } from '../../../shared/http/serve.ts'
import { isUp } from '../../../shared/protocol/api/watching.ts'

test('a route without a contract cannot be registered', async (t) => {
  const server = Fastify()
  collectRoutes(server)
  t.throws(() => server.get('/new', () => 'new'), /the route \/new has no contract/)
})

test('a route is collected with its contract, and so is its HEAD', async (t) => {
  const server = Fastify()
  const routes = collectRoutes(server)
  serve(server, isUp, () => ({ status: 'up' }))
  t.same(
    routes().map(({ method, contract, query }) => [method, contract === isUp, query]),
    [
      ['GET', true, 'any'],
      ['HEAD', true, 'any'],
    ],
  )
  t.same((await server.inject('/healthz')).json(), { status: 'up' })
})
