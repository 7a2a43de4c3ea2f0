// What a word is, which group it belongs to and in which order words stand. A slave in another
// language must give the same answers, so they are told in full here.
//
// A word is a longest run of bytes that are not ASCII white space (9 to 13, and 32). Nothing else
// counts: not case, not punctuation, not the encoding. NUL is a byte of a word like any other.

/** A longer word is refused: a word must fit into memory several times over. In bytes. */
export const WORD_BYTES_MAX = 4 * 2 ** 20

export const SPACE = 32

export const isSpace = (byte: number): boolean => byte === SPACE || (byte >= 9 && byte <= 13)

const FNV_OFFSET = 0x811c9dc5
const FNV_PRIME = 0x01000193

/**
 * The hash of a word, 0 to 2^32 - 1: FNV-1a of 32 bits (Fowler, Noll and Vo) over its bytes, then
 * the finalizer of MurmurHash3 (Appleby), because the low bits of FNV-1a alone know nothing but the
 * low bits of the bytes.
 */
export function hashOf(bytes: Uint8Array, from: number, to: number): number {
  let hash = FNV_OFFSET
  for (let i = from; i < to; i++) hash = Math.imul(hash ^ bytes[i]!, FNV_PRIME)
  hash ^= hash >>> 16
  hash = Math.imul(hash, 0x85ebca6b)
  hash ^= hash >>> 13
  hash = Math.imul(hash, 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}

/** Which of so many groups a word of this hash belongs to: floor(hash * groups / 2^32). */
export const groupOf = (hash: number, groups: number): number =>
  Math.floor((hash * groups) / 2 ** 32)

/** Below, at or above 0 as word a stands before, at or after word b: by their bytes. */
export function compareWords(
  a: Uint8Array,
  aFrom: number,
  aTo: number,
  b: Uint8Array,
  bFrom: number,
  bTo: number,
): number {
  const aLength = aTo - aFrom
  const bLength = bTo - bFrom
  const common = Math.min(aLength, bLength)
  for (let i = 0; i < common; i++) {
    const difference = a[aFrom + i]! - b[bFrom + i]!
    if (difference !== 0) return difference
  }
  return aLength - bLength
}

/** How many bytes the line of a word takes in the result: "<count> <word>\n". */
export function lineBytes(count: number, length: number): number {
  let digits = 1
  for (let bound = 10; count >= bound; bound *= 10) digits++
  return digits + length + 2
}
