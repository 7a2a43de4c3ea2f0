// A growing set of small whole numbers, one bit each: which slaves are free, alive, able. To find
// the first free of 10,000 is to look at some 313 words at most, and nothing is allocated.

import assert from 'node:assert'

const INDEX_MAX = 2 ** 31 - 1

/** A set of whole numbers of 0 to 2^31 - 1; it takes one bit for each up to the largest ever set. */
export class Bitset {
  #words: Uint32Array

  /** An empty set, with room for `size` numbers before it must grow. */
  constructor(size = 64) {
    this.#words = new Uint32Array(Math.max(1, Math.ceil(size / 32)))
  }

  set(index: number): void {
    assert(index >= 0 && index <= INDEX_MAX && index % 1 === 0, 'an index is a whole number')
    const at = index >>> 5
    if (at >= this.#words.length) this.#grow(at + 1)
    this.#words[at]! |= 1 << index
  }

  clear(index: number): void {
    const at = index >>> 5
    if (at < this.#words.length) this.#words[at]! &= ~(1 << index)
  }

  has(index: number): boolean {
    const at = index >>> 5
    return at < this.#words.length && (this.#words[at]! & (1 << index)) !== 0
  }

  /** How many numbers are in the set. O(largest / 32). */
  count(): number {
    const words = this.#words
    let count = 0
    for (let at = 0; at < words.length; at++) count += ones(words[at]!)
    return count
  }

  /** How many numbers of the set are at or after `from` and before `upTo` (both 0 or more). */
  countIn(from: number, upTo: number): number {
    const words = this.#words
    const last = Math.min(upTo, words.length << 5)
    if (from >= last) return 0
    let count = 0
    for (let at = from >>> 5; at << 5 < last; at++) {
      let word = words[at]!
      if (at === from >>> 5) word &= -1 << from
      if (last - (at << 5) < 32) word &= ~(-1 << last)
      count += ones(word)
    }
    return count
  }

  /** How many numbers are in both sets. */
  static countBoth(a: Bitset, b: Bitset): number {
    const length = Math.min(a.#words.length, b.#words.length)
    let count = 0
    for (let at = 0; at < length; at++) count += ones(a.#words[at]! & b.#words[at]!)
    return count
  }

  /** The first number of the set at or after `from` (0 or more), or -1. */
  next(from: number): number {
    return Bitset.nextOf(this, undefined, undefined, from)
  }

  /**
   * The first number at or after `from` (0 or more) that is in `a`, and in `also` when given, and
   * not in `not` when given; or -1. Scans words, allocates nothing.
   */
  static nextOf(
    a: Bitset,
    also: Bitset | undefined,
    not: Bitset | undefined,
    from: number,
  ): number {
    const words = a.#words
    const alsoWords = also ? also.#words : words
    const notWords = not ? not.#words : NONE
    const notLength = notWords.length
    const length = Math.min(words.length, alsoWords.length)
    let mask = -1 << from
    for (let at = from >>> 5; at < length; at++) {
      let word = words[at]! & alsoWords[at]! & mask
      if (at < notLength) word &= ~notWords[at]!
      if (word !== 0) return (at << 5) + 31 - Math.clz32(word & -word)
      mask = -1
    }
    return -1
  }

  #grow(length: number): void {
    const words = new Uint32Array(Math.max(length, 2 * this.#words.length))
    words.set(this.#words)
    this.#words = words
  }
}

const NONE = new Uint32Array(0)

/** The number of bits set in 32 (Warren, Hacker's Delight, 2nd edition, section 5-1). */
function ones(word: number): number {
  let pairs = word - ((word >>> 1) & 0x55555555)
  pairs = (pairs & 0x33333333) + ((pairs >>> 2) & 0x33333333)
  return Math.imul((pairs + (pairs >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24
}
