// A client's route refuses unknown query parameters by name, so that a misspelt parameter is not taken
// for an absent one. Slaves may send unknown parameters, because versions differ; so may whoever opens the
// page, the documentation or what monitors read, because tools add parameters of their own.

import type { FastifyInstance } from 'fastify'
import { contractOf } from '../../shared/http/serve.ts'
import { invalidRequest } from '../../shared/http/validate.ts'
import type { Contract } from '../../shared/protocol/contract.ts'

/** How many unknown parameters one response names. */
const NAMES_MAX = 10

/** Whether an endpoint refuses unknown parameters. */
export function isStrict({ access, tag, anyQuery }: Contract): boolean {
  const isForSlaves = !access.open && access.slave === true
  return !(tag === 'hidden' || isForSlaves || anyQuery === true)
}

/** Must be added before the routes. An endpoint with a query schema checks its parameters by it. */
export function refuseUnknownQueries(server: FastifyInstance): void {
  server.addHook('onRoute', (route) => {
    const contract = contractOf(route)
    if (contract.checked.querystring || !isStrict(contract)) return
    route.preValidation = [
      ({ query, method }, _reply, done) => {
        const names = Object.keys(query ?? {}).slice(0, NAMES_MAX)
        const rule = `is not a parameter of ${method} ${route.url}`
        const errors = names.map((field) => ({ field: field.slice(0, 64), rule }))
        done(errors.length > 0 ? invalidRequest(errors) : undefined)
      },
      ...[route.preValidation ?? []].flat(),
    ]
  })
}
