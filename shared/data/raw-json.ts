// JSON that is passed on as it came. Inputs and results travel from client to slave and back through
// processes that need not read them: as text they keep every number as it was written (-0.0, 1.0,
// 12345678901234567890), which no double does (RFC 8259, section 6).
//
//   bytes of a body --scan--> where a field's value stands --Raw--> encode writes it, byte for byte
//
// Whoever computes with such a value parses it, and asks first whether its numbers are doubles
// (json-numbers.ts).

import assert from 'node:assert/strict'
import {
  afterString,
  CLOSE_LIST,
  CLOSE_OBJECT,
  COLON,
  COMMA,
  isBlank,
  isEnd,
  isName,
  nameOf,
  OPEN_LIST,
  OPEN_OBJECT,
  QUOTE,
  textOf,
} from './json-bytes.ts'

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
    // Not when the module is loaded: a snapshot of a process would keep it.
    mark ||= `raw-${crypto.randomUUID()}-`
    return mark + (open.push(this.text) - 1)
  }
}

/** What stands for a Raw while JSON.stringify runs: no text of anybody begins like it. */
let mark = ''
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
    const place = `"${mark}${i}"`
    const at = json.indexOf(place, from)
    written += json.slice(from, at) + text
    from = at + place.length
  }
  return written + json.slice(from)
}

/** As `encode` of a plain object, in half the time where most of its values are texts or Raws. */
export function encodeFields(object: object): string {
  let text = ''
  for (const [name, value] of Object.entries(object) as [string, unknown][]) {
    if (value === undefined) continue
    const written = value instanceof Raw ? value.text : encode(value)
    text += `${text === '' ? '{' : ','}${JSON.stringify(name)}:${written}`
  }
  return text === '' ? '{}' : `${text}}`
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
    return isName(this.#bytes, this.#starts[i] as number, this.#ends[i] as number, name)
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

/** Gives the text of a field of an object, as it came; undefined where it has none. */
export type TextOf = (field: string) => string | undefined

/** The fields of an object of a JSON text. */
export const fieldsOf =
  (bytes: Buffer, object: Span | undefined): TextOf =>
  (field) => {
    const span = object?.members?.get(field)
    return span && textOf(bytes, span)
  }
