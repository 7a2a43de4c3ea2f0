// The bytes of a JSON text: where strings and scalars end, and what stands between two places.

import assert from 'node:assert/strict'

export const QUOTE = 0x22
export const BACKSLASH = 0x5c
export const COMMA = 0x2c
export const COLON = 0x3a
export const [OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d]
/** A string that is longer is searched for its end by the machine. */
const SHORT = 48

/** The place after a string that begins at `at`. */
export function afterString(bytes: Uint8Array, at: number): number {
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

export const isBlank = (byte: number | undefined): boolean =>
  byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09

export const isEnd = (byte: number | undefined): boolean =>
  byte === COMMA || byte === CLOSE_LIST || byte === CLOSE_OBJECT || isBlank(byte)

/** The text of a span: a string of its own, which keeps no body in memory. */
export const textOf = (bytes: Buffer, { start, end }: { start: number; end: number }): string =>
  bytes.toString('utf8', start, end)

/** The name that is meant by a string of JSON. */
export const nameOf = (text: string): string =>
  text.includes('\\') ? (JSON.parse(text) as string) : text.slice(1, -1)

/** Whether the string of JSON from `start` to before `end` means this name. */
export function isName(bytes: Buffer, start: number, end: number, name: string): boolean {
  const from = start + 1
  const length = end - 1 - from
  // An escape makes a string longer, and so does a character that is not ASCII.
  if (length < name.length) return false
  for (let k = 0; k < length; k++) {
    const byte = bytes[from + k] as number
    if (byte === BACKSLASH || byte >= 0x80)
      return nameOf(bytes.toString('utf8', start, end)) === name
    if (byte !== name.charCodeAt(k)) return false
  }
  return true
}
