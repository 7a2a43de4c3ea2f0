// JSON that is passed on as it came. Inputs and results travel from client to slave and back through
// processes that need not read them: as text they keep every number as it was written (-0.0, 1.0,
// 12345678901234567890), which no double does (RFC 8259, section 6).
//
//   bytes of a body --scan--> where a field's value stands --Raw--> encode writes it, byte for byte
//
// Whoever computes with such a value parses it, and asks first whether its numbers are doubles
// (unfitNumber).

import assert from 'node:assert/strict'

/** A value of JSON as text. JSON.stringify refuses it: only `encode` writes it. */
export class Raw {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
  /** What it stands for, as far as JavaScript has it. */
  get value(): unknown {
    return JSON.parse(this.text)
  }
  toJSON(): string {
    assert(open !== null, 'a Raw is written by encode, not by JSON.stringify')
    return MARK + (open.push(this.text) - 1)
  }
}

/** What stands for a Raw while JSON.stringify runs: no text of anybody begins like it. */
const MARK = `raw-${crypto.randomUUID()}-`
/** The texts of the value that is being encoded. JSON.stringify calls nothing that encodes meanwhile. */
let open: string[] | null = null

/** As JSON.stringify, and writes every Raw in the value as the text that it is. */
export function encode(value: unknown): string {
  if (value instanceof Raw) return value.text
  const texts: string[] = []
  open = texts
  let json: string
  try {
    json = JSON.stringify(value)
  } finally {
    open = null
  }
  if (texts.length === 0) return json
  let written = ''
  let from = 0
  // They come in the order in which they were met.
  for (const [i, text] of texts.entries()) {
    const mark = `"${MARK}${i}"`
    const at = json.indexOf(mark, from)
    written += json.slice(from, at) + text
    from = at + mark.length
  }
  return written + json.slice(from)
}

/** What a Raw stands for; anything else as it is. */
export const plain = (value: unknown): unknown => (value instanceof Raw ? value.value : value)

/** Where a value stands in the bytes of a JSON text, and those inside it as far down as was asked. */
export type Span = { start: number; end: number; members?: Map<string, Span>; items?: Span[] }

const QUOTE = 0x22
const BACKSLASH = 0x5c
const COMMA = 0x2c
const COLON = 0x3a
const [OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d]
/** A string that is longer is searched for its end by the machine. */
const SHORT = 48

/**
 * Where the values of a JSON text stand, `levels` of arrays and objects down, in one pass. The text must
 * be valid: whoever has it has parsed it. Of a name that stands twice in an object the last counts, as
 * in JSON.parse.
 */
export function scan(bytes: Uint8Array, levels: number): Span {
  return createScanner(bytes).value(levels)
}

/**
 * The items of a list that is the only member of an object, each when it is asked for: a long list can
 * be read in slices. `levels`: down from an item.
 */
export function* scanItems(bytes: Uint8Array, levels: number): Generator<Span, undefined> {
  const scanner = createScanner(bytes)
  scanner.enterOnlyMember()
  yield* scanner.eachItem(levels)
}

function createScanner(bytes: Uint8Array) {
  let at = 0
  return { value, eachItem, enterOnlyMember }

  function value(down: number): Span {
    blank()
    const start = at
    const byte = bytes[at]
    if (byte === QUOTE) string()
    else if (byte === OPEN_OBJECT || byte === OPEN_LIST) {
      if (down === 0) skip()
      else if (byte === OPEN_LIST) return { start, items: [...eachItem(down - 1)], end: at }
      else return { start, members: members(down), end: at }
    } else scalar()
    return { start, end: at }
  }

  /** Of a list that begins here. */
  function* eachItem(down: number): Generator<Span, undefined> {
    at++
    for (blank(); bytes[at] !== CLOSE_LIST; blank()) {
      if (bytes[at] === COMMA) at++
      yield value(down)
    }
    at++
  }

  /** To the value of an object's only member. */
  function enterOnlyMember(): void {
    blank()
    at++
    blank()
    string()
    blank()
    at++
    blank()
  }

  function members(down: number): Map<string, Span> {
    const found = new Map<string, Span>()
    at++
    for (blank(); bytes[at] !== CLOSE_OBJECT; blank()) {
      if (bytes[at] === COMMA) at++
      blank()
      const start = at
      string()
      const name = textOf(bytes, { start, end: at })
      blank()
      assert(bytes[at] === COLON)
      at++
      found.set(nameOf(name), value(down - 1))
    }
    at++
    return found
  }

  function blank(): void {
    while (isBlank(bytes[at])) at++
  }

  function scalar(): void {
    while (at < bytes.length && !isEnd(bytes[at])) at++
  }

  /** To after an array or object, whatever is in it. */
  function skip(): void {
    let depth = 0
    do {
      const byte = bytes[at]
      if (byte === QUOTE) {
        string()
        continue
      }
      if (byte === OPEN_LIST || byte === OPEN_OBJECT) depth++
      else if (byte === CLOSE_LIST || byte === CLOSE_OBJECT) depth--
      at++
    } while (depth > 0)
  }

  function string(): void {
    at = afterString(bytes, at)
  }
}

/** The place after a string that begins at `at`. */
function afterString(bytes: Uint8Array, at: number): number {
  const near = at + SHORT
  for (at++; at < near; at++) {
    if (bytes[at] === BACKSLASH) at++
    else if (bytes[at] === QUOTE) return at + 1
  }
  for (;;) {
    const end = bytes.indexOf(QUOTE, at)
    assert(end >= 0)
    let slashes = 0
    while (end - slashes > at && bytes[end - 1 - slashes] === BACKSLASH) slashes++
    at = end + 1
    if (slashes % 2 === 0) return at
  }
}

const isBlank = (byte: number | undefined): boolean =>
  byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09

const isEnd = (byte: number | undefined): boolean =>
  byte === COMMA || byte === CLOSE_LIST || byte === CLOSE_OBJECT || isBlank(byte)

/** The text of a span: a string of its own, which keeps no body in memory. */
export const textOf = (bytes: Uint8Array, { start, end }: Pick<Span, 'start' | 'end'>): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('utf8')

/** A number that was written in another way than JSON.stringify writes the double that it becomes. */
export type OddNumber = {
  /** As it was written. */
  written: string
  /** Whether the double is what was written, up to the nearest double of a fraction. */
  fits: boolean
  /** Names and places that lead to it, with dots between them. */
  path: string
}

/** Gives the text of a field of an object, as it came; undefined where it has none. */
export type TextOf = (field: string) => string | undefined

/** The fields of an object of a JSON text. */
export const fieldsOf =
  (bytes: Uint8Array, object: Span | undefined): TextOf =>
  (field) => {
    const span = object?.members?.get(field)
    return span && textOf(bytes, span)
  }

const ZERO = 0x30
const MINUS = 0x2d
const DOT = 0x2e
/** A number of so many digits is always a double, or has one next to it that is written the same. */
const SURE_DIGITS = 15

/** Where the look at a text is: in which lists and objects, and at which of their entries. */
type Level = { isList: boolean; place: number; nameEnd: number }

/** Shows the odd numbers of a JSON text in order, until `isEnough` says so. */
function eachOddNumber(text: string, isEnough: (number: OddNumber) => boolean): void {
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

const pathOf = (bytes: Uint8Array, levels: Level[]): string =>
  levels
    .map(({ isList, place, nameEnd }) =>
      isList ? place : nameOf(textOf(bytes, { start: place, end: nameEnd })),
    )
    .join('.')

/** The name that is meant by a string of JSON. */
const nameOf = (text: string): string =>
  text.includes('\\') ? (JSON.parse(text) as string) : text.slice(1, -1)

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
