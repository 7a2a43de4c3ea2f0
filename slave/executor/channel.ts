// The channel between the pool and a child: lines of JSON, each a list, on pipes that nothing else
// writes to. Owns the frames' form and the cutting of bytes into lines. Must not know what a kind
// is or who is at the other end.
//
// pool to child (stdin):  [[kind, input, work?], ...]   runs, numbered 1, 2, 3 ... as they come
//                         {"skip": [n, ...]}     do not begin these
// child to pool (fd 3):   "ready"                first, once
//                         [end, ...] TAB results what became of runs; an end is one of
//                           [n]                                       skipped as told
//                           [n, ranMs, {type, message}]               failed
//                           [n, ranMs, characters, type?, text?]      succeeded: resultType, resultText
//                         Results follow one another, each so many characters of JSON, which the pool
//                         passes on unread.
// child to pool (fd 4):   a file, not a pipe: the mark. Which run was begun last (4 bytes) and when
//                         (8 bytes, milliseconds of the machine's monotonic clock), so that the pool
//                         can tell which run hangs or crashed though the outcomes before it were not
//                         flushed, and that a run has not begun though it was sent long ago. One
//                         write of 0.9 us a run; an outcome written at once cost 3 us and woke the
//                         pool each time.

import type { Work } from '../../shared/kinds/kind.ts'

/** The index of a kind in the list that the child was started with, the run's input and files. */
export type RunFrame = [kind: number, input: unknown, work?: Work]
/** Stands for a run whose input cannot be encoded: the child answers as if it had been told to skip it. */
export const NO_RUN = -1
export type SkipFrame = { skip: number[] }
/** Stands between ends and results. */
export const TAB = '\t'

export const READY = '"ready"'
export const OUTCOMES_FD = 3
export const MARK_FD = 4
export const MARK_BYTES = 12

/** What to add to performance.now() for a time that every process of the machine understands. */
export function clockOffset(): number {
  return Number(process.hrtime.bigint()) / 1e6 - performance.now()
}

const NEWLINE = 10

/**
 * Cuts a stream of bytes into lines. `onLine` gets each without its newline; `onOverflow` is called
 * once when a line grows beyond `bytesMax`, and everything after it is ignored.
 */
export function createLineReader(
  bytesMax: number,
  onLine: (line: string) => void,
  onOverflow: () => void,
) {
  let parts: Buffer[] = []
  let bytes = 0

  function keep(part: Buffer) {
    parts.push(part)
    bytes += part.length
    if (bytes <= bytesMax) return
    parts = []
    bytes = Number.POSITIVE_INFINITY
    onOverflow()
  }

  function finish(end: Buffer): string {
    if (parts.length === 0) return end.toString()
    parts.push(end)
    const line = Buffer.concat(parts).toString()
    parts = []
    bytes = 0
    return line
  }

  return function read(chunk: Buffer) {
    let start = 0
    while (bytes !== Number.POSITIVE_INFINITY) {
      const end = chunk.indexOf(NEWLINE, start)
      if (end < 0) break
      onLine(finish(chunk.subarray(start, end)))
      start = end + 1
    }
    if (start < chunk.length && bytes !== Number.POSITIVE_INFINITY) keep(chunk.subarray(start))
  }
}
