// The number of a task, by which SQLite keeps its rows: the part of its id that sorts. A table by a
// small whole number is a third of the work and of the depth of one by text.
//
//   id       48 bits milliseconds | version 7 | 12 bits counter | variant | 62 random bits
//   number   (milliseconds - 2^41) * 2^12 + counter               tail      the rest, as text
//
// A number is exact in a double from 1970 to 2109. Ids ascend with their numbers, and no two ids of one
// master have the same (shared/data/ids.ts). Ids of versions that drew the counter at random may:
// carry-over.ts numbers those, and `odd_ids` holds them.

const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

const COUNTERS = 4096
/** Milliseconds since 1970 of number 0. */
const MIDDLE_MS = 2 ** 41
/** Where the tail begins. */
const TAIL_AT = 18

/** Characters of a tail; a row of an odd id holds the whole id instead. */
export const TAIL_CHARS = 18

/** Below every number. */
export const BEFORE_ALL = -Number.MAX_SAFE_INTEGER
/** Above every number. */
export const AFTER_ALL = Number.MAX_SAFE_INTEGER

/** The number of an id; undefined for what no generator of ids makes, or not before 2109. */
export const numberOf = (id: string): number | undefined =>
  UUID_V7.test(id) ? numberIn(id) : undefined

/** Where an id of any UUID's form stands among the numbers; undefined for other text. */
export const placeOf = (id: string): number | undefined =>
  UUID.test(id) ? numberIn(id) : undefined

function numberIn(id: string): number | undefined {
  const ms = Number.parseInt(id.slice(0, 8), 16) * 65_536 + Number.parseInt(id.slice(9, 13), 16)
  const number = (ms - MIDDLE_MS) * COUNTERS + Number.parseInt(id.slice(15, TAIL_AT), 16)
  return Number.isSafeInteger(number) ? number : undefined
}

/** An id that has this number. */
export function idWith(number: number): string {
  const ms = Math.floor(number / COUNTERS) + MIDDLE_MS
  const [time, counter] = [
    ms.toString(16).padStart(12, '0'),
    number - Math.floor(number / COUNTERS) * COUNTERS,
  ]
  const count = counter.toString(16).padStart(3, '0')
  return `${time.slice(0, 8)}-${time.slice(8)}-7${count}-8000-000000000000`
}

/** The rest of an id that has a number. */
export const tailOf = (id: string): string => id.slice(TAIL_AT)

/** SQL for the id, from the columns `n` and `tail` of the table `from`. */
export const idSql = (from: string): string => `
  CASE WHEN length(${from}.tail) = ${TAIL_CHARS} THEN printf('%08x-%04x-7%03x',
    ((${from}.n >> 12) + ${MIDDLE_MS}) >> 16, ((${from}.n >> 12) + ${MIDDLE_MS}) & 65535, ${from}.n & 4095)
    || ${from}.tail ELSE ${from}.tail END`
