// What the routes of a server take, as they declare it: for tests that go through all of them.

import type { FastifyInstance, RouteOptions } from 'fastify'

/** One route with one method. */
export type RouteManners = {
  method: string
  path: string
  content: 'json' | 'optional' | 'bytes' | 'none'
  /** `strict`: unknown parameters are refused. */
  query: 'strict' | 'any'
}

/** Collects the routes that are added from now on. `isStrict`: whether one refuses unknown parameters. */
export function collectRoutes(
  server: FastifyInstance,
  isStrict: (route: RouteOptions) => boolean,
): () => RouteManners[] {
  const routes: RouteManners[] = []
  server.addHook('onRoute', (route) => {
    for (const method of [route.method].flat()) {
      const content = route.config?.content ?? (route.schema?.body ? 'json' : 'none')
      routes.push({ method, path: route.url, content, query: isStrict(route) ? 'strict' : 'any' })
    }
  })
  return () => [...routes]
}
