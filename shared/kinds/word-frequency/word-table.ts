// Counts words in bounded memory, without a string or an object per word: the table of kernel.c, in
// WebAssembly. Must not know files.
//
// Measured on 100 MB of Zipf-distributed words, on one core: a quarter to a third of the processor
// time of the same tables in JavaScript, which lost it in mispredicted branches and cache misses.

import { KERNEL } from './kernel/binary.ts'
import { WORD_BYTES_MAX } from './words.ts'

export type TableLimits = {
  /** Distinct words. Below 2^21: see order.ts. */
  wordsMax: number
  /** Of the words and what is kept about each, together. */
  bytesMax: number
}

export const LIMITS: TableLimits = { wordsMax: 2 ** 21 - 1, bytesMax: 96 * 2 ** 20 }

/** A range of what classOf (group.ts) gives: `from` or higher and below `to`. */
export type Classes = { from: number; to: number }
export const ALL_CLASSES: Classes = { from: 0, to: 2 ** 32 }

/** All words, in no order: `text` from `starts[i]`, `lengths[i]` bytes, then a space. */
export type Words = {
  text: Buffer
  starts: Uint32Array
  lengths: Uint32Array
  counts: Float64Array
}

/** What kernel.c exports. All places are in its memory. */
type Kernel = {
  memory: WebAssembly.Memory
  open(wordsMax: number, bytesMax: number): void
  clear(): void
  text(): number
  is_full(): number
  distinct(): number
  counted(): number
  count(from: number, limit: number, end: number, stop: number): number
  add_records(from: number, end: number, first: number, last: number): number
  keep(first: number, last: number): void
  begin_records(groups: number): void
  next_records(): number
  out_from(): number
  out_to(): number
  list(): void
  starts(): number
  lengths(): number
  counts(): number
  order(): number
  pack(next: number): number
}

export type WordTable = ReturnType<typeof createWordTable>

/** Compiled when it is first needed: the master loads this file too, and never counts. */
let compiled: WebAssembly.Module | undefined

export function createWordTable({ wordsMax, bytesMax }: TableLimits = LIMITS) {
  compiled ??= new WebAssembly.Module(Buffer.from(KERNEL, 'base64'))
  const kernel = new WebAssembly.Instance(compiled).exports as Kernel
  const { buffer } = kernel.memory
  const bytes = Buffer.from(buffer)
  const base = kernel.text()
  kernel.open(wordsMax, bytesMax)

  return {
    /** Where the bytes go that are counted or added: more than the longest word. */
    text: bytes.subarray(base, base + WORD_BYTES_MAX + 2 ** 16),

    /**
     * Counts the words of `text` that begin at `from` or later and before `limit`. The text ends at
     * `end`; a word that reaches `stop` is not counted, since it may go on beyond. Stops there, at
     * `limit`, at the end, or when full at a word that is new; gives the place where it stopped.
     */
    count: (from: number, limit: number, end: number, stop: number): number =>
      kernel.count(base + from, base + limit, base + end, base + stop) - base,

    /**
     * Adds up the records (records.ts) in `text` from `from` to `end` whose words are of these classes.
     * Stops before one that is not whole, or whose word is new when full; gives the place where it
     * stopped, or null when that is not a record.
     */
    addRecords(from: number, end: number, classes: Classes): number | null {
      const at = kernel.add_records(base + from, base + end, classes.from, classes.to - 1)
      return at === 0 ? null : at - base
    },

    /** Drops all words that are not of these classes. */
    keep: (classes: Classes): void => kernel.keep(classes.from, classes.to - 1),

    /** Gives all words as records, piece by piece, by group. A piece is to be read at once. */
    eachRecords(groups: number, visit: (group: number, bytes: Buffer) => void) {
      kernel.begin_records(groups)
      for (let group = kernel.next_records(); group >= 0; group = kernel.next_records()) {
        visit(group, bytes.subarray(kernel.out_from(), kernel.out_to()))
      }
    },

    /** All words, until the table changes. */
    list(): Words {
      kernel.list()
      const size = kernel.distinct()
      return {
        text: bytes,
        starts: new Uint32Array(buffer, kernel.starts(), size),
        lengths: new Uint32Array(buffer, kernel.lengths(), size),
        counts: new Float64Array(buffer, kernel.counts(), size),
      }
    },

    /**
     * Gives all words that were listed as records, in this order, piece by piece. A piece is to be read at
     * once. The table must be cleared afterwards.
     */
    eachOrdered(order: Uint32Array, visit: (bytes: Buffer) => void) {
      new Uint32Array(buffer, kernel.order(), order.length).set(order)
      for (let next = 0; next < order.length; ) {
        next = kernel.pack(next)
        visit(bytes.subarray(kernel.out_from(), kernel.out_to()))
      }
    },

    clear: (): void => kernel.clear(),
    /** Whether the last word that was new found no room. */
    isFull: (): boolean => kernel.is_full() !== 0,
    distinct: (): number => kernel.distinct(),
    /** Words that were counted, also before it was cleared. */
    counted: (): number => kernel.counted(),
  }
}
