// Where the master counts the bodies that are arriving: clients and slaves have a room each, so that
// no client keeps an outcome or a heartbeat out, and within it each key or slave its limit.

import type { PlaceOf } from '../shared/arrival.ts'
import type { BodyLimits } from '../shared/body-room.ts'
import { createBodyRoom } from '../shared/body-room.ts'
import { accessTo } from './access.ts'
import type { Caller } from './auth.ts'

export function bodyPlaces(limits: BodyLimits): PlaceOf {
  const ofClients = createBodyRoom(limits)
  const ofSlaves = createBodyRoom(limits)

  return ({ caller, ip, method, routeOptions }) => {
    // Open routes ask nobody who they are.
    const known = caller as Caller | null
    const access = accessTo(method, routeOptions.url ?? '')
    const isForSlaves = !access.open && access.slave === true && access.key === undefined
    const room = isForSlaves || (known?.slave ?? null) !== null ? ofSlaves : ofClients
    return { room, caller: known?.allowance ?? ip }
  }
}
