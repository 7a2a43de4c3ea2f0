// Numbers of a JSON text that are not written as JSON.stringify writes the double that they become, and
// those that no double holds (RFC 8259, section 6).

import {
  afterString,
  CLOSE_LIST,
  CLOSE_OBJECT,
  COLON,
  COMMA,
  isBlank,
  isEnd,
  nameOf,
  OPEN_LIST,
  OPEN_OBJECT,
  QUOTE,
  textOf,
} from './json-bytes.ts'

/** A number that was written in another way than JSON.stringify writes the double that it becomes. */
export type OddNumber = {
  /** As it was written. */
  written: string
  /** Whether the double is what was written, up to the nearest double of a fraction. */
  fits: boolean
  /** Names and places that lead to it, with dots between them. */
  path: string
}

const ZERO = 0x30
const MINUS = 0x2d
const DOT = 0x2e
/** A number of so many digits is always a double, or has one next to it that is written the same. */
const SURE_DIGITS = 15

/** Where the look at a text is: in which lists and objects, and at which of their entries. */
type Level = { isList: boolean; place: number; nameEnd: number }

/** Where a number may be, after blanks. A text without such a place has none, and is not looked through. */
const NUMBER_PLACE = /(?:^|[[:,])[\s\d-]/

/** Shows the odd numbers of a JSON text in order, until `isEnough` says so. */
function eachOddNumber(text: string, isEnough: (number: OddNumber) => boolean): void {
  if (!NUMBER_PLACE.test(text)) return
  const bytes = Buffer.from(text)
  const levels: Level[] = []
  for (let i = 0; i < bytes.length; ) {
    const byte = bytes[i] as number
    const inside = levels.at(-1)
    if (byte === QUOTE) {
      const end = afterString(bytes, i)
      let next = end
      while (isBlank(bytes[next])) next++
      if (inside && bytes[next] === COLON) Object.assign(inside, { place: i, nameEnd: end })
      i = end
    } else if (byte === MINUS || isDigit(byte)) {
      const start = i
      while (i < bytes.length && !isEnd(bytes[i])) i++
      if (isPlainNumber(bytes, start, i)) continue
      const odd = oddNumber(textOf(bytes, { start, end: i }))
      if (odd && isEnough({ ...odd, path: pathOf(bytes, levels) })) return
    } else {
      if (byte === OPEN_LIST || byte === OPEN_OBJECT)
        levels.push({ isList: byte === OPEN_LIST, place: 0, nameEnd: 0 })
      else if (byte === CLOSE_LIST || byte === CLOSE_OBJECT) levels.pop()
      else if (byte === COMMA && inside?.isList) inside.place++
      i++
    }
  }
}

const isDigit = (byte: number | undefined): boolean =>
  byte !== undefined && byte >= ZERO && byte <= ZERO + 9

/** Whether it is surely written as JSON.stringify writes it, without a look at the double. */
function isPlainNumber(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start > SURE_DIGITS) return false
  let dot = -1
  for (let i = start; i < end; i++) {
    if (bytes[i] === DOT) dot = i
    else if (!isDigit(bytes[i])) return false
  }
  // 1.0 and 0.10 are written shorter, and 0.0000001 in another way.
  return dot < 0 || (bytes[end - 1] !== ZERO && (bytes[start] !== ZERO || bytes[dot + 1] !== ZERO))
}

const pathOf = (bytes: Buffer, levels: Level[]): string =>
  levels
    .map(({ isList, place, nameEnd }) =>
      isList ? place : nameOf(textOf(bytes, { start: place, end: nameEnd })),
    )
    .join('.')

/**
 * The numbers that are not written as JSON.stringify writes them, one after the other. Two texts that
 * JSON.parse cannot tell apart say the same only if these are the same.
 */
export function oddNumbers(text: string): string {
  const found: string[] = []
  eachOddNumber(text, ({ written }) => found.push(written) === 0)
  return found.join()
}

/**
 * A fraction stands for the double next to it, as everywhere; but a whole number that no double is, one
 * beyond all doubles, and one that is not zero and would become it, do not mean what they say.
 */
function oddNumber(written: string): Omit<OddNumber, 'path'> | null {
  const double = Number(written)
  if (JSON.stringify(double) === written) return null
  const isWhole = /^-?\d+$/.test(written)
  const fits =
    Number.isFinite(double) &&
    (isWhole ? written === '-0' || BigInt(written) === BigInt(double) : true) &&
    (double !== 0 || /^-?0*(\.0*)?([eE]|$)/.test(written))
  return { written, fits }
}

/** The first number of a JSON text that a double does not hold, or null. */
export function unfitNumber(text: string): OddNumber | null {
  let found: OddNumber | null = null
  eachOddNumber(text, (odd) => {
    if (!odd.fits) found = odd
    return !odd.fits
  })
  return found
}

/** What is wrong with such a number, as a rule that it breaks. */
export const unfitRule = ({ written }: OddNumber): string =>
  `is the number ${written.length > 40 ? `${written.slice(0, 40)}...` : written}, which a double cannot hold: write it as text`
