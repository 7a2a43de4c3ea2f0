// JSON as it must be between systems (I-JSON, RFC 7493): no object with the same name twice, of which
// readers would see different ones (2.3), and no text with half a character (2.1), which is no text that
// others can read. Both are looked for in the bytes in one pass; the value is walked only when it must.

/** What the text of a value shows in one pass over its bytes. */
export type Scan = {
  /** Arrays and objects in one another. */
  depth: number
  /** Names of members: colons outside of strings. */
  names: number
  /** The most members that one object has. */
  namesOfOne: number
  /** Arrays and objects. */
  containers: number
  /** Values after another one in an array or object: commas outside of strings. */
  followers: number
  /** It has an escape that may be half a character (D800 to DFFF). */
  hasSurrogates: boolean
}

/** Depths at which members are counted. */
const DEPTH_TRACKED = 1_024

/** After so many plain characters the rest of a string is searched by the machine: 20 times as fast. */
const PLAIN_MAX = 48

const QUOTE = 0x22
const BACKSLASH = 0x5c
const COLON = 0x3a
const COMMA = 0x2c
const D = 0x44
const U = 0x75

/** Reads bytes that are valid UTF-8; whether they are valid JSON is the parser's affair. */
export function scanJson(bytes: Uint8Array): Scan {
  let depth = 0
  let deepest = 0
  let names = 0
  let namesOfOne = 0
  let containers = 0
  let followers = 0
  /** Of each object that is open; what stands deeper than this is refused by every reader. */
  const namesAt: number[] = []
  let hasSurrogates = false
  /** The next of each at or after `i`, once it was looked for: so each is looked for once. */
  let quoteAt = -1
  let backslashAt = -1
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i]
    if (byte === QUOTE) {
      /** Up to here the string is read byte by byte: since it began, or since its last escape. */
      let near = i + PLAIN_MAX
      for (i++; i < bytes.length; i++) {
        const each = bytes[i]
        if (each === QUOTE) break
        if (each === BACKSLASH) {
          i++
          near = i + PLAIN_MAX
          // "\ud8.." to "\udf..", in either case.
          hasSurrogates ||=
            bytes[i] === U && ((bytes[i + 1] ?? 0) & ~0x20) === D && isHigh(bytes[i + 2])
        } else if (i > near) {
          if (quoteAt < i) quoteAt = placeOf(bytes, QUOTE, i)
          if (backslashAt < i) backslashAt = placeOf(bytes, BACKSLASH, i)
          i = Math.min(quoteAt, backslashAt) - 1
        }
      }
    } else if (byte === COLON) {
      names++
      if (depth < DEPTH_TRACKED) {
        const of = (namesAt[depth] ?? 0) + 1
        namesAt[depth] = of
        if (of > namesOfOne) namesOfOne = of
      }
    } else if (byte === COMMA) followers++
    else if (byte === 0x5b || byte === 0x7b) {
      containers++
      deepest = Math.max(deepest, ++depth)
      if (depth < DEPTH_TRACKED) namesAt[depth] = 0
    } else if (byte === 0x5d || byte === 0x7d) depth--
  }
  return { depth: deepest, names, namesOfOne, containers, followers, hasSurrogates }
}

const placeOf = (bytes: Uint8Array, byte: number, from: number): number => {
  const at = bytes.indexOf(byte, from)
  return at < 0 ? bytes.length : at
}

/** A hexadecimal digit from 8 on. */
const isHigh = (byte = 0): boolean => byte === 0x38 || byte === 0x39 || (byte | 0x20) >= 0x61

/** What is wrong with the value that was parsed from that text, in words; null: nothing. */
export function ambiguityOf(value: unknown, { names, hasSurrogates }: Scan): string | null {
  if (hasSurrogates) {
    const text = brokenText(value)
    if (text !== undefined) {
      return `the text ${JSON.stringify(text.slice(0, 64))} contains an unpaired surrogate (a \\u escape without its other half)`
    }
  }
  return countNames(value) < names
    ? 'an object has the same member more than once; each name may occur once'
    : null
}

function countNames(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0
  let count = 0
  if (Array.isArray(value)) {
    for (const each of value) if (typeof each === 'object') count += countNames(each)
    return count
  }
  for (const each of Object.values(value)) {
    count += 1
    if (typeof each === 'object') count += countNames(each)
  }
  return count
}

/** The first text, name or value, that is not well-formed. */
function brokenText(value: unknown): string | undefined {
  if (typeof value === 'string') return value.isWellFormed() ? undefined : value
  if (typeof value !== 'object' || value === null) return undefined
  for (const [name, each] of Object.entries(value)) {
    const broken = name.isWellFormed() ? brokenText(each) : name
    if (broken !== undefined) return broken
  }
  return undefined
}
