// The routes of the master. Each has a contract: a route without one cannot be registered.

import type { FastifyInstance } from 'fastify'
import { contractOf } from '../../shared/http/serve.ts'
import { readDocs } from '../../shared/protocol/api/page.ts'
import type { Contract } from '../../shared/protocol/contract.ts'
import { isStrict } from './strict-query.ts'

/** One route with one method. HEAD has the contract of GET. */
export type RouteManners = {
  method: string
  path: string
  contract: Contract
  content: 'json' | 'optional' | 'bytes' | 'none'
  /** `strict`: unknown parameters are refused. */
  query: 'strict' | 'any'
}

/** Collects the routes that are added from now on. Adding one without a contract throws. */
export function collectRoutes(server: FastifyInstance): () => RouteManners[] {
  const routes: RouteManners[] = []
  server.addHook('onRoute', (route) => {
    route.config ??= {}
    if (/^\/docs(\/|$)/.test(route.url)) route.config.contract ??= readDocs
    const contract = contractOf(route)
    const query = isStrict(contract) ? 'strict' : 'any'
    for (const method of [route.method].flat()) {
      const content = route.config.content ?? 'none'
      routes.push({ method, path: route.url, contract, content, query })
    }
  })
  return () => [...routes]
}
