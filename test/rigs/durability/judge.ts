// Judges a trace of system calls: was each promise preceded by a sync of what it promises? Knows
// nothing of the master but what it says and hears on its sockets and writes to its log.
//
// What the trace does not show whole cannot be judged: a string that strace cut short is an error
// of this check, never a verdict.

import { numberOf, tailOf } from '../../../master/store/task-numbers.ts'
import type { Call } from './strace.ts'
import { readTrace } from './strace.ts'

export type Verdict = {
  /** How many promises were made: 202s, and callbacks of outcomes acknowledged. */
  promises: number
  /** Those that were not synced, in words. */
  broken: string[]
}

/** How a task may have ended that a slave has reported. */
const ENDS = ['done', 'failed']
/** An outcome that the master hears: of which task, and whether it has to be the task's last word. */
const CALLBACK =
  /"attempt":"([^"]+)","task":"([^"]+)","outcome":\{"status":"(?:done|failed)"(?:,"type":"([^"]+)")?/g
/** What the master promises: a 202, and outcomes acknowledged. */
const PROMISE = /HTTP\/1\.1 202 [\s\S]*?"id":"([^"]+)"|"acknowledged":\[([^\]]*)\]/g
/** After such a failure the task is tried again: a crash that forgets it loses nothing. */
const TRIED_AGAIN = ['executor-crashed', 'memory-limit', 'time-limit', 'slave-lost', 'outcome-lost']
/** SQLite's log is frames: a header of so many bytes, and a page. */
const HEADER_BYTES = 24

/** `trace` is the output of `strace -f -y`: one call per line, in order. Throws when it is cut. */
export function judge(trace: string): Verdict {
  const log = createLog()
  const heard = new Map<string, { task: string; isLast: boolean }>()
  const incoming = createStreams(/^[A-Z]+ \/\S* HTTP\/1\.1/)
  const outgoing = createStreams(/^HTTP\/1\.1 /)
  const promised = new Set<string>()
  const broken: string[] = []

  for (const call of readTrace(trace)) {
    if (call.file.endsWith('-wal')) log.take(call)
    else if (call.name === 'read') incoming.take(call, CALLBACK, hear)
    else outgoing.take(call, PROMISE, (found) => promise(found, call.ended))
  }
  return { promises: promised.size, broken }

  function hear([, attempt = '', task = '', type = '']: RegExpExecArray): void {
    heard.set(attempt, { task, isLast: !TRIED_AGAIN.includes(type) })
  }

  function promise([, task, acknowledged = '']: RegExpExecArray, at: number): void {
    if (task !== undefined) return check(`202 for ${task}`, log.accepted(task), at)
    for (const [, attempt = ''] of acknowledged.matchAll(/"([^"]+)"/g)) {
      const outcome = heard.get(attempt)
      if (outcome?.isLast !== false)
        check(`acknowledged ${attempt}`, outcome && log.ended(outcome.task), at)
    }
  }

  function check(words: string, wrote: number | undefined, at: number): void {
    if (promised.has(words)) return
    promised.add(words)
    if (wrote === undefined) broken.push(`line ${at}: ${words}, never written`)
    else if (log.synced() < wrote)
      broken.push(`line ${at}: ${words}, written at ${wrote}, not synced since`)
  }
}

/** What is in the log, and until which line of the trace it is on the disk. */
function createLog() {
  /** Pages of each commit, and the line that completes it. */
  const commits: { at: number; pages: string }[] = []
  let pages = ''
  let isCommit = false
  let synced = -1

  return {
    synced: () => synced,

    /** The line that completes the commit in which the log first has the task: the end of its id is in its row. */
    accepted: (task: string): number | undefined =>
      commits.find((commit) => commit.pages.includes(tailOf(task)))?.at,

    /** The same of its end. */
    ended(task: string): number | undefined {
      const row = bytesOf(numberOf(task) ?? 0)
      return commits.find((commit) => hasEnd(commit.pages, row))?.at
    },

    take({ name, began, ended: at, ok, texts }: Call): void {
      if (name === 'fdatasync' || name === 'fsync') {
        // A sync covers what was written before it began.
        if (ok) synced = Math.max(synced, began)
      } else if (name !== 'read') write(texts.join(''), at)
    },
  }

  function write(bytes: string, at: number): void {
    if (bytes.length === HEADER_BYTES) {
      // The frame that ends a commit has the size of the database in its header, others 0.
      isCommit = bytes.slice(4, 8) !== '\0\0\0\0'
      return
    }
    pages += bytes
    if (!isCommit) return
    commits.push({ at, pages })
    pages = ''
    isCommit = false
  }
}

/**
 * Whether pages have a row with this number whose first value is an end. A row begins with its number; then
 * comes a header that begins with its own length, then the values (https://www.sqlite.org/fileformat2.html,
 * 1.6 and 2.1). The tables of accepted and of live tasks have the same numbers and other first values.
 */
function hasEnd(pages: string, row: string): boolean {
  for (let at = pages.indexOf(row); at >= 0; at = pages.indexOf(row, at + 1)) {
    const header = at + row.length
    const values = header + pages.charCodeAt(header)
    if (ENDS.some((end) => pages.startsWith(end, values))) return true
  }
  return false
}

/** A whole number as SQLite writes the key of a row: seven bits a byte, of eight bytes; the ninth has eight. */
export function bytesOf(number: number): string {
  let rest = BigInt.asUintN(64, BigInt(number))
  if (rest >> 56n === 0n) {
    let bytes = String.fromCharCode(Number(rest & 0x7fn))
    while ((rest >>= 7n) > 0n) bytes = String.fromCharCode(Number(rest & 0x7fn) | 0x80) + bytes
    return bytes
  }
  let bytes = String.fromCharCode(Number(rest & 0xffn))
  rest >>= 8n
  for (let i = 0; i < 8; i++, rest >>= 7n) {
    bytes = String.fromCharCode(Number(rest & 0x7fn) | 0x80) + bytes
  }
  return bytes
}

/** What flows over each socket in one direction, in as many pieces as it likes. */
function createStreams(begins: RegExp) {
  const tails = new Map<string, string>()
  return {
    /** Calls `found` for each match of a pattern that this call completes. */
    take({ file, texts }: Call, pattern: RegExp, found: (match: RegExpExecArray) => void): void {
      if (!file.includes('socket:') && !file.includes('TCP')) return
      const text = texts.join('')
      let tail = begins.test(text) ? text : (tails.get(file) ?? '') + text
      let end = 0
      for (const match of tail.matchAll(pattern)) {
        found(match)
        end = match.index + match[0].length
      }
      tail = tail.slice(end)
      tails.set(file, tail)
    },
  }
}
