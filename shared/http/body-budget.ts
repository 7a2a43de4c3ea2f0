// Budget for request bodies that are arriving: how many bytes of them a server holds at a time, in
// all and for one caller. A body takes its place before any of it is read, so that a refusal costs
// no memory. Pure bookkeeping: reads no request and knows no clock.
//
//   enter(caller, bytes) --grow(bytes)--> ... --leave()--> the room is free again

import { Problem } from '../protocol/problems.ts'

export type BodyLimits = {
  /** Bytes of all bodies that are arriving. */
  bytesMax: number
  /** Bytes of those of one caller. */
  perCallerBytesMax: number
}

/** For servers that are not told otherwise. */
export const BODY_LIMITS: BodyLimits = { bytesMax: 134_217_728, perCallerBytesMax: 67_108_864 }

/** A refused caller should try again after this. Bodies arrive within seconds. */
const RETRY_AFTER_S = 1

/** The place of one body. */
export type BodyPlace = {
  /** It turns out to be longer by so many bytes. Throws `overloaded`; then it is as long as it was. */
  grow(bytes: number): void
  /** It has arrived, or will not. Idempotent. */
  leave(): void
}

export type BodyRoom = ReturnType<typeof createBodyRoom>

export function createBodyRoom({ bytesMax, perCallerBytesMax }: BodyLimits) {
  let used = 0
  const byCaller = new Map<unknown, number>()

  return {
    /**
     * Takes a place for `bytes` of a caller: any value that identifies it. Throws `overloaded`. A
     * caller's only body is not held to its limit, and the only body of all to none: what a route
     * takes at all must be able to arrive.
     */
    enter(caller: unknown, bytes: number): BodyPlace {
      let held = 0
      take(bytes)
      let isOver = false

      return {
        grow: take,
        leave() {
          if (isOver) return
          isOver = true
          used -= held
          const left = (byCaller.get(caller) ?? 0) - held
          if (left > 0) byCaller.set(caller, left)
          else byCaller.delete(caller)
        },
      }

      function take(more: number): void {
        const own = byCaller.get(caller) ?? 0
        const isOnly = own === held
        if (own + more > perCallerBytesMax && !isOnly) {
          throw overloaded(`request bodies of this caller (limit ${perCallerBytesMax} bytes)`)
        }
        if (used + more > bytesMax && used !== held) {
          throw overloaded(`request bodies (limit ${bytesMax} bytes)`)
        }
        held += more
        used += more
        byCaller.set(caller, own + more)
      }
    },

    get usedBytes() {
      return used
    },
  }
}

function overloaded(of: string): Problem {
  const detail = `too many ${of} are arriving at the same time; try again`
  return new Problem('overloaded', detail, {}, { 'retry-after': String(RETRY_AFTER_S) })
}
