// Memory budgets of arriving request bodies. Clients and slaves have separate budgets, so that clients cannot
// block outcomes and heartbeats; within each, every key or slave has its own limit.

import type { BodyLimits } from '../../shared/http/body-budget.ts'
import { createBodyRoom } from '../../shared/http/body-budget.ts'
import type { PlaceOf } from '../../shared/http/content-checks.ts'
import { contractOf } from '../../shared/http/serve.ts'
import type { Caller } from '../security/auth.ts'

export function bodyPlaces(limits: BodyLimits): PlaceOf {
  const ofClients = createBodyRoom(limits)
  const ofSlaves = createBodyRoom(limits)

  return ({ caller, ip, routeOptions }) => {
    // Open routes do not authenticate the caller.
    const known = caller as Caller | null
    const { access } = contractOf(routeOptions)
    const isForSlaves = !access.open && access.slave === true && access.key === undefined
    const room = isForSlaves || (known?.slave ?? null) !== null ? ofSlaves : ofClients
    return { room, caller: known?.allowance ?? ip }
  }
}
