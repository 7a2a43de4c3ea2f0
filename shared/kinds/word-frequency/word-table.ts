// Counts words in bounded memory: hash tables of typed arrays, without a string or an object per
// word. Must not know files.
//
//   words of up to 8 bytes   slots of 16 bytes: the word itself, filled up with spaces | count
//   longer words             slots of 8 bytes: hash | number of the word
//                            start, length and count, by number; the words, one after the other
//
// Measured on 64 MB of text: words of up to 8 bytes, most of any text, are counted a quarter to a
// third faster than when they lie elsewhere too.

import type { Text } from './text.ts'
import { createText } from './text.ts'
import { SPACE } from './words.ts'

export type TableLimits = {
  /** Distinct words. Below 2^21: see order.ts. */
  wordsMax: number
  /** Of longer words together. */
  longBytesMax: number
}

export const LIMITS: TableLimits = { wordsMax: 2 ** 21 - 1, longBytesMax: 64 * 2 ** 20 }

export type WordTable = ReturnType<typeof createWordTable>

const SHORT = 8
const SLOTS_FIRST = 2 ** 13

/** Four spaces, and for 0 to 4 bytes of a word: which bits are its, and the spaces for the rest. */
const SPACES = 0x20202020
const MASKS = new Int32Array([0, 0xff, 0xffff, 0xffffff, -1])
const FILLS = new Int32Array([SPACES, 0x20202000, 0x20200000, 0x20000000, 0])

export function createWordTable(limits: TableLimits = LIMITS) {
  let short = createShortSlots(SLOTS_FIRST)
  let long = createLongSlots(SLOTS_FIRST)
  let counted = 0
  let full = false

  /**
   * Counts the words of `text` that begin at `from` or later and before `limit`. What follows at
   * `end` must be a white space, and is not part of the text: a word that goes on to there is not
   * counted, since it may go on beyond. Stops there, at `limit`, or when full at a word that is new;
   * gives the place where it stopped.
   */
  function count(text: Text, from: number, limit: number, end: number): number {
    const { bytes, view } = text
    let { values, counts, mask } = short
    let at = from
    for (;;) {
      let byte = 0
      while (at < limit && ((byte = bytes[at]!) === 32 || (byte >= 9 && byte <= 13))) at++
      if (at >= limit) return at
      const start = at
      do {
        byte = bytes[++at]!
      } while (byte > 32 || (byte !== 32 && (byte < 9 || byte > 13)))
      if (at >= end) return start
      const length = at - start
      if (length > SHORT) {
        if (!addLong(text, start, at, 1)) return start
      } else {
        // The body of addShort, written out here: this is where the time goes.
        const low = lowOf(view, start, length)
        const high = highOf(view, start, length)
        let slot = mixed(low, high) & mask
        let seen = counts[2 * slot + 1]!
        while (seen > 0 && (values[4 * slot] !== low || values[4 * slot + 1] !== high)) {
          slot = (slot + 1) & mask
          seen = counts[2 * slot + 1]!
        }
        if (seen > 0) {
          counts[2 * slot + 1] = seen + 1
        } else {
          if (!hasRoom(0)) return start
          insertShort(slot, low, high, 1)
          values = short.values
          counts = short.counts
          mask = short.mask
        }
      }
      counted++
    }
  }

  /** Adds to the count of a word; false when it is new and the table is full. */
  function add(text: Text, from: number, to: number, times: number): boolean {
    const length = to - from
    const added =
      length > SHORT
        ? addLong(text, from, to, times)
        : addShort(lowOf(text.view, from, length), highOf(text.view, from, length), times)
    if (added) counted += times
    return added
  }

  function addShort(low: number, high: number, times: number): boolean {
    const { values, counts, mask } = short
    let slot = mixed(low, high) & mask
    for (; counts[2 * slot + 1]! > 0; slot = (slot + 1) & mask) {
      if (values[4 * slot] === low && values[4 * slot + 1] === high) {
        counts[2 * slot + 1]! += times
        return true
      }
    }
    if (!hasRoom(0)) return false
    insertShort(slot, low, high, times)
    return true
  }

  function insertShort(slot: number, low: number, high: number, times: number) {
    fillShort(short, slot, low, high, times)
    if (isCrowded(short)) short = moreShortSlots(short)
  }

  function addLong({ bytes, view }: Text, from: number, to: number, times: number): boolean {
    const { slots, mask } = long
    const hash = hashOfLong(view, from, to)
    let slot = hash & mask
    for (let n = slots[2 * slot + 1]!; n !== 0; n = slots[2 * slot + 1]!) {
      if (slots[2 * slot] === hash && isLong(n, view, from, to)) {
        long.counts[n]! += times
        return true
      }
      slot = (slot + 1) & mask
    }
    if (!hasRoom(to - from)) return false
    const n = newLong(long, bytes, from, to, times)
    slots[2 * slot] = hash
    slots[2 * slot + 1] = n
    if (isCrowded(long)) spreadLong(long)
    return true
  }

  /** Whether the longer word of this number is the given one: four bytes at a time. */
  function isLong(n: number, view: DataView, from: number, to: number): boolean {
    if (long.lengths[n] !== to - from) return false
    const words = long.text.view
    let k = long.starts[n]!
    if (words.getInt32(k + to - from - 4, true) !== view.getInt32(to - 4, true)) return false
    for (let i = from; i < to - 4; i += 4) {
      if (words.getInt32(k, true) !== view.getInt32(i, true)) return false
      k += 4
    }
    return true
  }

  function hasRoom(longBytes: number): boolean {
    full = short.used + long.used >= limits.wordsMax || long.bytes + longBytes > limits.longBytesMax
    return !full
  }

  /** Calls `visit` with each word and its count, in no order. `text` is to be read at once. */
  function forEach(visit: (text: Text, from: number, to: number, count: number) => void) {
    const scratch = createText(SHORT)
    for (let slot = 0; slot <= short.mask; slot++) {
      const times = short.counts[2 * slot + 1]!
      if (times === 0) continue
      scratch.view.setInt32(0, short.values[4 * slot]!, true)
      scratch.view.setInt32(4, short.values[4 * slot + 1]!, true)
      let length = SHORT
      while (scratch.bytes[length - 1] === SPACE) length--
      visit(scratch, 0, length, times)
    }
    const { text, starts, lengths, counts, used } = long
    for (let n = 1; n <= used; n++) visit(text, starts[n]!, starts[n]! + lengths[n]!, counts[n]!)
  }

  function clear() {
    short = createShortSlots(SLOTS_FIRST)
    long = createLongSlots(SLOTS_FIRST)
    full = false
  }

  return {
    count,
    add,
    forEach,
    clear,
    /** How many distinct words it holds. */
    distinct: () => short.used + long.used,
    /** How many words were counted, since ever. */
    counted: () => counted,
    /** No fewer bytes than all distinct words have. */
    bytes: () => SHORT * short.used + long.bytes,
    /** The last word was refused: there was no room for a new one. */
    isFull: () => full,
  }
}

/** `counts[2n + 1]` is the count of slot n and lies over `values[4n + 2]` and `values[4n + 3]`. */
type ShortSlots = { values: Int32Array; counts: Float64Array; mask: number; used: number }

function createShortSlots(size: number): ShortSlots {
  const buffer = new ArrayBuffer(16 * size)
  const values = new Int32Array(buffer)
  return { values, counts: new Float64Array(buffer), mask: size - 1, used: 0 }
}

function fillShort(slots: ShortSlots, slot: number, low: number, high: number, times: number) {
  slots.values[4 * slot] = low
  slots.values[4 * slot + 1] = high
  slots.counts[2 * slot + 1] = times
  slots.used++
}

function moreShortSlots(slots: ShortSlots): ShortSlots {
  const more = createShortSlots(2 * (slots.mask + 1))
  const { counts, mask } = more
  for (let old = 0; old <= slots.mask; old++) {
    const times = slots.counts[2 * old + 1]!
    if (times === 0) continue
    const low = slots.values[4 * old]!
    const high = slots.values[4 * old + 1]!
    let slot = mixed(low, high) & mask
    while (counts[2 * slot + 1]! > 0) slot = (slot + 1) & mask
    fillShort(more, slot, low, high, times)
  }
  return more
}

/** Longer words have numbers from 1, by which the arrays are read. */
function createLongSlots(size: number) {
  return {
    slots: new Int32Array(2 * size),
    mask: size - 1,
    used: 0,
    bytes: 0,
    text: createText(8 * size),
    starts: new Uint32Array(size),
    lengths: new Uint32Array(size),
    counts: new Float64Array(size),
  }
}
type LongSlots = ReturnType<typeof createLongSlots>

function newLong(long: LongSlots, bytes: Buffer, from: number, to: number, times: number): number {
  const needed = long.bytes + to - from
  if (needed > long.text.length) {
    const longer = createText(Math.max(needed, 2 * long.text.length))
    long.text.bytes.copy(longer.bytes, 0, 0, long.bytes)
    long.text = longer
  }
  const n = ++long.used
  long.starts[n] = long.bytes
  long.lengths[n] = to - from
  long.counts[n] = times
  const words = long.text.bytes
  let at = long.bytes
  for (let i = from; i < to; i++) words[at++] = bytes[i]!
  long.bytes = at
  return n
}

function spreadLong(long: LongSlots) {
  const size = 2 * (long.mask + 1)
  const old = long.slots
  const slots = new Int32Array(2 * size)
  const mask = size - 1
  for (let i = 0; i < old.length; i += 2) {
    if (old[i + 1] === 0) continue
    let slot = old[i]! & mask
    while (slots[2 * slot + 1] !== 0) slot = (slot + 1) & mask
    slots[2 * slot] = old[i]!
    slots[2 * slot + 1] = old[i + 1]!
  }
  long.slots = slots
  long.mask = mask
  long.starts = longerArray(long.starts, new Uint32Array(size))
  long.lengths = longerArray(long.lengths, new Uint32Array(size))
  long.counts = longerArray(long.counts, new Float64Array(size))
}

function longerArray<T extends Uint32Array | Float64Array>(old: T, longer: T): T {
  longer.set(old)
  return longer
}

const isCrowded = ({ used, mask }: { used: number; mask: number }): boolean => used > 0.6 * mask

function lowOf(view: DataView, from: number, length: number): number {
  const low = view.getInt32(from, true)
  return length < 4 ? (low & MASKS[length]!) | FILLS[length]! : low
}

function highOf(view: DataView, from: number, length: number): number {
  if (length <= 4) return SPACES
  return (view.getInt32(from + 4, true) & MASKS[length - 4]!) | FILLS[length - 4]!
}

/** Of the two halves of a short word. Only this table sees it: not the hash of words.ts. */
function mixed(low: number, high: number): number {
  let hash = Math.imul(low, 0x9e3779b1) ^ Math.imul(high, 0x85ebca6b)
  hash ^= hash >>> 15
  hash = Math.imul(hash, 0xc2b2ae35)
  return hash ^ (hash >>> 16)
}

/** Of a longer word: four bytes at a time, the last four once more. */
function hashOfLong(view: DataView, from: number, to: number): number {
  let hash = to - from
  for (let i = from; i + 4 <= to; i += 4) {
    hash = Math.imul(hash ^ view.getInt32(i, true), 0x9e3779b1)
    hash ^= hash >>> 15
  }
  hash = Math.imul(hash ^ view.getInt32(to - 4, true), 0x85ebca6b)
  hash ^= hash >>> 13
  hash = Math.imul(hash, 0xc2b2ae35)
  return hash ^ (hash >>> 16)
}
