// Where the master counts the bodies that are arriving: clients and slaves have a room each, so that
// no client keeps an outcome or a heartbeat out, and within it each key or slave its limit.

import type { BodyLimits } from '../../shared/http/body-budget.ts'
import { createBodyRoom } from '../../shared/http/body-budget.ts'
import type { PlaceOf } from '../../shared/http/content-checks.ts'
import { contractOf } from '../../shared/http/serve.ts'
import type { Caller } from '../security/auth.ts'

export function bodyPlaces(limits: BodyLimits): PlaceOf {
  const ofClients = createBodyRoom(limits)
  const ofSlaves = createBodyRoom(limits)

  return ({ caller, ip, routeOptions }) => {
    // Open routes ask nobody who they are.
    const known = caller as Caller | null
    const { access } = contractOf(routeOptions)
    const isForSlaves = !access.open && access.slave === true && access.key === undefined
    const room = isForSlaves || (known?.slave ?? null) !== null ? ofSlaves : ofClients
    return { room, caller: known?.allowance ?? ip }
  }
}
