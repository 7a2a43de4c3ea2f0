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
export type Span = {
  start: number
  end: number
  /** Of an object. */
  members: Members | undefined
  /** Of an array. */
  items: Span[] | undefined
}

/** The members of an object: a few as a rule, so that looking through them beats a Map. */
export type Members = {
  readonly names: readonly string[]
  readonly spans: readonly Span[]
  get(name: string): Span | undefined
}

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
export function scan(bytes: Buffer, levels: number): Span {
  return new Scanner(bytes).value(levels)
}

/**
 * The items of a list that is the only member of an object, each when it is asked for: a long list can
 * be read in slices. `levels`: down from an item.
 */
export function* scanItems(bytes: Buffer, levels: number): Generator<Span, undefined> {
  const scanner = new Scanner(bytes)
  scanner.enterOnlyMember()
  while (scanner.isBeforeItem()) yield scanner.value(levels)
}

/** Names stay bytes until somebody reads them: most are only compared, and many not even that. */
class ScannedMembers implements Members {
  readonly spans: Span[] = []
  readonly #bytes: Buffer
  /** Where the string of each name begins and ends. */
  readonly #starts: number[] = []
  readonly #ends: number[] = []

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  add(start: number, end: number, span: Span): void {
    this.#starts.push(start)
    this.#ends.push(end)
    this.spans.push(span)
  }

  get names(): string[] {
    return this.spans.map((_, i) => this.#name(i))
  }

  /** Of a name that stands twice the last counts, as in JSON.parse. */
  get(name: string): Span | undefined {
    for (let i = this.spans.length - 1; i >= 0; i--) if (this.#is(i, name)) return this.spans[i]
    return undefined
  }

  #name(i: number): string {
    return nameOf(this.#bytes.toString('utf8', this.#starts[i], this.#ends[i]))
  }

  #is(i: number, name: string): boolean {
    const start = (this.#starts[i] as number) + 1
    const length = (this.#ends[i] as number) - 1 - start
    // An escape makes a string longer, and so does a character that is not ASCII.
    if (length < name.length) return false
    for (let k = 0; k < length; k++) {
      const byte = this.#bytes[start + k] as number
      if (byte === BACKSLASH || byte >= 0x80) return this.#name(i) === name
      if (byte !== name.charCodeAt(k)) return false
    }
    return true
  }
}

/** Goes once through a text. A class, and one shape of spans, because it runs several times for each task. */
class Scanner {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  value(down: number): Span {
    this.#blank()
    const span: Span = { start: this.#at, end: 0, members: undefined, items: undefined }
    const byte = this.#bytes[this.#at]
    if (byte === QUOTE) this.#string()
    else if (byte !== OPEN_OBJECT && byte !== OPEN_LIST) this.#scalar()
    else if (down === 0) this.#skip()
    else if (byte === OPEN_LIST) span.items = this.#items(down - 1)
    else span.members = this.#members(down - 1)
    span.end = this.#at
    return span
  }

  /** To the first item of the list that is an object's only member. */
  enterOnlyMember(): void {
    this.#blank()
    this.#at++
    this.#name()
    this.#blank()
    this.#at++
  }

  /** Whether another item follows in the list; goes to it, or to after the list. */
  isBeforeItem(): boolean {
    this.#blank()
    if (this.#bytes[this.#at] === COMMA) {
      this.#at++
      return true
    }
    if (this.#bytes[this.#at] !== CLOSE_LIST) return true
    this.#at++
    return false
  }

  /** Of a list that begins here. */
  #items(down: number): Span[] {
    const items: Span[] = []
    this.#at++
    while (this.isBeforeItem()) items.push(this.value(down))
    return items
  }

  #members(down: number): Members {
    const members = new ScannedMembers(this.#bytes)
    this.#at++
    for (this.#blank(); this.#bytes[this.#at] !== CLOSE_OBJECT; this.#blank()) {
      if (this.#bytes[this.#at] === COMMA) this.#at++
      this.#blank()
      const start = this.#at
      const end = this.#name()
      members.add(start, end, this.value(down))
    }
    this.#at++
    return members
  }

  /** Reads a name and the colon after it; returns where the name ends. */
  #name(): number {
    this.#blank()
    this.#string()
    const end = this.#at
    this.#blank()
    assert(this.#bytes[this.#at] === COLON)
    this.#at++
    return end
  }

  #blank(): void {
    while (isBlank(this.#bytes[this.#at])) this.#at++
  }

  #scalar(): void {
    while (this.#at < this.#bytes.length && !isEnd(this.#bytes[this.#at])) this.#at++
  }

  /** To after an array or object, whatever is in it. */
  #skip(): void {
    const bytes = this.#bytes
    let depth = 0
    do {
      const byte = bytes[this.#at]
      if (byte === QUOTE) {
        this.#string()
        continue
      }
      if (byte === OPEN_LIST || byte === OPEN_OBJECT) depth++
      else if (byte === CLOSE_LIST || byte === CLOSE_OBJECT) depth--
      this.#at++
    } while (depth > 0)
  }

  #string(): void {
    this.#at = afterString(this.#bytes, this.#at)
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
export const textOf = (bytes: Buffer, { start, end }: Pick<Span, 'start' | 'end'>): string =>
  bytes.toString('utf8', start, end)

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
  (bytes: Buffer, object: Span | undefined): TextOf =>
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

const pathOf = (bytes: Buffer, levels: Level[]): string =>
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
