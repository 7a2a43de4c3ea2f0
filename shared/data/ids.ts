// Ids that sort in the order in which they were made: UUIDv7 with a counter (RFC 9562, 6.2, method 1).
// Lists, cursors and the queue after a restart rely on that order, so it must hold within a
// millisecond, when the wall clock is set back, and across restarts.
//
//   48 bits milliseconds | version 7 | 12 bits counter | variant | 62 random bits
//
// A new millisecond starts the counter at a random value below 2^11. Within a millisecond, and while
// the clock is behind the newest id, the counter grows; when it is full, the milliseconds grow by one.
// So the time in an id is not the time of creation: `createdAt` is stored beside it.

import { randomFillSync } from 'node:crypto'

const COUNTER_MAX = 0xfff
/**
 * In the year 2109, because a store keeps the time and the counter of an id in one whole number
 * (master/store/task-numbers.ts). A clock that is set further does not count; 2^32 steps are left.
 */
const TIME_END = 2 ** 42
const TIME_MAX = TIME_END - 2 ** 32
/** Bytes of randomness in one id, and ids for which randomness is drawn at a time. */
const RANDOM_BYTES = 10
const IDS_PER_DRAW = 256
const UUID_V7 = /^([0-9a-f]{8})-([0-9a-f]{4})-7([0-9a-f]{3})-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

export type Ids = ReturnType<typeof createIds>

/** Gives what makes ids that are all greater than the newest id of a store. */
export type IdsAfter = (newest: string | null) => () => string

/** The milliseconds since 1970 in an id; null for anything but a UUIDv7. */
export function timeInId(id: string): number | null {
  const parts = UUID_V7.exec(id)
  return parts && Number.parseInt(`${parts[1]}${parts[2]}`, 16)
}

/**
 * `wallMs` is the machine's wall clock in milliseconds since 1970; it may jump. `fill` fills bytes
 * with randomness; the default is the operating system's.
 */
export function createIds(wallMs: () => number, fill: (bytes: Buffer) => void = randomFillSync) {
  const pool = Buffer.alloc(RANDOM_BYTES * IDS_PER_DRAW)
  let hex = ''
  let drawn = IDS_PER_DRAW
  let time = -1
  let counter = 0
  let head = ''

  return {
    next,

    /**
     * Gives `next`, which makes only ids greater than `newest` from now on: the newest id in a store,
     * or null. Anything but a UUIDv7 of before 2109 is ignored.
     */
    after(newest: string | null): () => string {
      const parts = UUID_V7.exec(newest ?? '')
      if (!parts) return next
      const [, high = '', low = '', count = ''] = parts
      const [ms, its] = [Number.parseInt(high + low, 16), Number.parseInt(count, 16)]
      if (ms >= TIME_END - 1) return next
      if (ms > time || (ms === time && its > counter)) startAt(ms, its)
      return next
    },
  }

  /** A new id, greater than every id that this generator made or was told of. */
  function next(): string {
    if (drawn === IDS_PER_DRAW) draw()
    const at = 2 * RANDOM_BYTES * drawn++
    const now = Math.min(TIME_MAX, Math.max(0, Math.floor(wallMs())))
    if (now > time) startAt(now, Number.parseInt(hex.slice(at, at + 3), 16) >> 1)
    else if (counter < COUNTER_MAX) counter++
    else startAt(time + 1, 0)
    const variant = '89ab'[hex.charCodeAt(at + 3) & 3] as string
    const count = counter.toString(16).padStart(3, '0')
    return `${head}${count}-${variant}${hex.slice(at + 4, at + 7)}-${hex.slice(at + 7, at + 19)}`
  }

  function draw(): void {
    fill(pool)
    hex = pool.toString('hex')
    drawn = 0
  }

  function startAt(ms: number, count: number): void {
    time = ms
    counter = count
    const text = ms.toString(16).padStart(12, '0')
    head = `${text.slice(0, 8)}-${text.slice(8)}-7`
  }
}
