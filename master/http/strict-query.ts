// Parameters of an address that a client's route does not know are refused by name: one that is misspelt
// must not be one that is not there. What slaves ask is left alone, so that versions can differ, and so
// are the page, the documentation and what monitors ask, for tools that add something of their own.

import type { FastifyInstance, RouteOptions } from 'fastify'
import { invalidRequest } from '../../shared/http/validate.ts'
import { accessTo } from '../security/route-permissions.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Its address may have any parameters. */
    anyQuery?: true
  }
}

/** How many of them one answer names. */
const NAMES_MAX = 10

/** Whether a route refuses parameters that it does not know. */
export function isStrict({ schema, url, method, config }: RouteOptions): boolean {
  const access = accessTo([method].flat()[0] as string, url)
  const isOfSlaves = !access.open && access.slave === true
  const isHidden = schema !== undefined && 'hide' in schema && schema.hide === true
  return !(isHidden || isOfSlaves || url.startsWith('/docs') || config?.anyQuery === true)
}

/** Must be added before the routes. Routes with a schema of their query say themselves what they take. */
export function refuseUnknownQueries(server: FastifyInstance): void {
  server.addHook('onRoute', (route) => {
    const { url } = route
    if (route.schema?.querystring || !isStrict(route)) return
    route.preValidation = [
      (request, _reply, done) => {
        const names = Object.keys(request.query as object).slice(0, NAMES_MAX)
        const rule = `is not a parameter of ${request.method} ${url}`
        const errors = names.map((field) => ({ field: field.slice(0, 64), rule }))
        done(errors.length > 0 ? invalidRequest(errors) : undefined)
      },
      ...[route.preValidation ?? []].flat(),
    ]
  })
}
