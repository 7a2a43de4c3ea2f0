// What an executor's child process does once its kinds are there (program.ts, snapshot.ts): computes runs
// one at a time and writes what they gave. Owns the encoding and the size limit of a result. Must not know
// the pool, attempts, limits of time or the network (it has no permission for any).
//
//   starting --"ready"--> idle <--> computing        stdin closed: exits, whatever it does
//
// While it computes it does not read: after each run of more than a millisecond it lets the event
// loop turn, so that a skip that came meanwhile is heard before the next run begins.

import { writeSync } from 'node:fs'
import { setImmediate as turn } from 'node:timers/promises'
import { Value } from 'typebox/value'
import type { Kind, Result, Work } from '../../shared/kinds/kind.ts'
import { TaskFailure } from '../../shared/kinds/kind.ts'
import { watchFiles } from '../../shared/process/unchanged-file.ts'
import type { FailureType } from '../../shared/protocol/wire.ts'
import type { RunFrame, SkipFrame } from './channel.ts'
import {
  clockOffset,
  createLineReader,
  MARK_BYTES,
  MARK_FD,
  NO_RUN,
  OUTCOMES_FD,
  READY,
  TAB,
} from './channel.ts'
import type { Folders } from './spawn.ts'
import { closeWall } from './wall.ts'

/** What the pool tells the child at its start, as JSON in argv. */
export type ChildSettings = {
  kinds: string[]
  kindsModule: string
  resultBytesMax: number
  /** What it may read and write as long as it lives. */
  folders?: Folders | undefined
}

/** Outcomes are written at the latest when this much was computed since the last time ... */
const FLUSH_MS = 2
/** ... or so many wait: half of what is sent ahead, so that the pool refills while we compute. */
const FLUSH_ENDS = 128
const FLUSH_CHARACTERS = 65_536
/** A run that takes longer is followed by a turn of the event loop. */
const LONG_RUN_MS = 1
const MESSAGE_CHARACTERS_MAX = 4096

const NO_FILES: Work = { files: {}, out: '', shared: null }

export type AnyKind = Kind<unknown>
type Queued = { n: number; kind: number; input: unknown; work: Work }

const mark = Buffer.alloc(MARK_BYTES)
let settings: ChildSettings
let kinds: AnyKind[] = []
/** The process's own clock: a snapshot is older than the process. */
let offset = 0
let queue: Queued[] = []
let next = 0
let received = 0
let computing = false
const ends = createEnds()

/** Closes the wall, says that it is ready, and computes until stdin closes. Called once, with warm kinds. */
export function startComputing(given: ChildSettings, loaded: ReadonlyMap<string, AnyKind>): void {
  settings = given
  kinds = given.kinds.map((name) => loaded.get(name)!)
  offset = clockOffset()
  process.stdin.on(
    'data',
    createLineReader(Number.POSITIVE_INFINITY, onLine, () => {}),
  )
  process.stdin.on('close', () => process.exit(0))
  closeWall(settings.folders)
  writeAll(`${READY}\n`)
}

/** Runs the first example of each: afterwards nothing can be loaded any more. */
export async function warm(loaded: Iterable<AnyKind>): Promise<void> {
  for (const kind of loaded) {
    await kind.load?.()
    const example = kind.examples[0]
    if (example && !kind.files) await kind.run(example.input, NO_FILES)
  }
}

function onLine(line: string) {
  const frame = JSON.parse(line) as RunFrame[] | SkipFrame
  if (Array.isArray(frame)) {
    // What is over is let go: a queue that never gets empty would keep every input.
    queue = queue.slice(next)
    next = 0
    for (const [kind, input, work = NO_FILES] of frame)
      queue.push({ n: ++received, kind, input, work })
  } else {
    skip(new Set(frame.skip))
  }
  if (!computing) void computeAll()
}

function skip(unwanted: Set<number>) {
  const kept: Queued[] = []
  for (const queued of queue.slice(next)) {
    if (unwanted.has(queued.n)) ends.skipped(queued.n)
    else kept.push(queued)
  }
  queue = kept
  next = 0
  ends.flush()
}

async function computeAll() {
  computing = true
  ends.start()
  while (next < queue.length) {
    const queued = queue[next++]!
    if (queued.kind === NO_RUN) {
      ends.skipped(queued.n)
      continue
    }
    const ran = compute(queued)
    // Most runs are over already: a promise for each took as long as writing its mark.
    if ((typeof ran === 'number' ? ran : await ran) > LONG_RUN_MS) await hear()
  }
  queue = []
  next = 0
  computing = false
  ends.flush()
}

/** Reads what came meanwhile. Two turns: the first may end without a look at the pipes. */
async function hear() {
  await turn()
  await turn()
}

/** Computes one run and gives how long it ran: at once, unless the kind takes its time. */
function compute(queued: Queued): number | Promise<number> {
  const { n, kind, input, work } = queued
  const started = performance.now()
  mark.writeUInt32LE(n)
  mark.writeDoubleLE(started + offset, 4)
  writeSync(MARK_FD, mark, 0, MARK_BYTES, 0)
  let end: Encoded
  try {
    const result = work === NO_FILES ? kinds[kind]!.run(input, work) : runOnFiles(kind, input, work)
    if (isPromise(result)) return computed(queued, started, result)
    end = encodeResult(result)
  } catch (error) {
    end = failureOf(queued, error)
  }
  return ended(n, started, end)
}

async function computed(queued: Queued, started: number, result: Promise<Result>): Promise<number> {
  let end: Encoded
  try {
    end = encodeResult(await result)
  } catch (error) {
    end = failureOf(queued, error)
  }
  return ended(queued.n, started, end)
}

function failureOf({ kind, input }: Queued, error: unknown): Encoded {
  return encodeFailure(error instanceof TaskFailure ? error : blame(kinds[kind]!, input, error))
}

function ended(n: number, started: number, end: Encoded): number {
  const now = performance.now()
  const ranMs = now - started
  ends.ended(n, ranMs, end, now)
  return ranMs
}

/** Whatever a kind reads of the task's files, it fails with `file-changed` if one of them changed. */
async function runOnFiles(kind: number, input: unknown, work: Work): Promise<Result> {
  const check = watchFiles(work.files)
  try {
    return await kinds[kind]!.run(input, work)
  } finally {
    // Also after a failure: the change may be why the kind cannot read the file.
    check()
  }
}

/**
 * What a kind threw may be the fault of an input that it does not take. The master has checked the
 * input, by the kind as the master has it; to check it again before each run would take as long as
 * a small run (20 us, as no code may be generated here).
 */
function blame(kind: AnyKind, input: unknown, error: unknown): unknown {
  const [first] = Value.Errors(kind.input, input)
  if (!first) return error
  const field = first.instancePath.replace(/^\//, '').replaceAll('/', '.')
  const words = `the input does not match the schema of ${kind.name}: ${field} ${first.message}`
  return new TaskFailure('rejected-input', words.replaceAll('  ', ' '))
}

function isPromise(value: Result | Promise<Result>): value is Promise<Result> {
  return typeof (value as { then?: unknown } | undefined)?.then === 'function'
}

/** What an end says besides (channel.ts), and the result, if there is one. */
type Encoded = { end: string; result: string }

/** Characters of an outcome besides its values. */
const OUTCOME_CHARACTERS = 60

function encodeResult({ result, resultType, resultText }: Result): Encoded {
  const text = JSON.stringify(result ?? null)
  let end = String(text.length)
  if (resultType !== undefined || resultText !== undefined) {
    end += `,${JSON.stringify(resultType ?? null)}`
  }
  if (resultText !== undefined) end += `,${JSON.stringify(resultText)}`
  const { resultBytesMax } = settings
  const characters = text.length + end.length + OUTCOME_CHARACTERS
  const fits =
    characters * 3 <= resultBytesMax ||
    Buffer.byteLength(text) + Buffer.byteLength(end) + OUTCOME_CHARACTERS <= resultBytesMax
  if (fits) return { end, result: text }
  throw new TaskFailure('result-too-large', `the result is larger than ${resultBytesMax} bytes`)
}

/** Of whatever was thrown: a hostile one may even throw when it is looked at. */
function encodeFailure(error: unknown): Encoded {
  let type: FailureType = 'evaluation'
  let message = 'threw a value that cannot be shown'
  try {
    if (error instanceof TaskFailure) type = error.type
    message = String(error instanceof Error ? error.message : error)
  } catch {}
  message = message.slice(0, MESSAGE_CHARACTERS_MAX).toWellFormed()
  return { end: JSON.stringify({ type, message }), result: '' }
}

/** What ended and is not written yet. */
function createEnds() {
  let frames = ''
  let results = ''
  let count = 0
  let flushedAt = performance.now()

  function add(frame: string) {
    frames += count++ === 0 ? `[${frame}` : `,${frame}`
  }

  function flush(now = performance.now()) {
    flushedAt = now
    if (count === 0) return
    const line = `${frames}]${TAB}${results}\n`
    frames = ''
    results = ''
    count = 0
    writeAll(line)
  }

  return {
    skipped: (n: number) => add(`[${n}]`),
    ended(n: number, ranMs: number, { end, result }: Encoded, now: number) {
      add(`[${n},${Math.round(ranMs * 1000) / 1000},${end}]`)
      results += result
      const due =
        count >= FLUSH_ENDS ||
        now - flushedAt >= FLUSH_MS ||
        frames.length + results.length >= FLUSH_CHARACTERS
      if (due || ranMs > LONG_RUN_MS) flush(now)
    },
    /** A list begins: what came before is written, and time starts to count. */
    start() {
      flushedAt = performance.now()
    },
    flush,
  }
}

/** The pipe blocks: a pool that does not read holds its children back. */
function writeAll(line: string) {
  const bytes = Buffer.from(line)
  let from = 0
  while (from < bytes.length) {
    try {
      from += writeSync(OUTCOMES_FD, bytes, from)
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code === 'EPIPE') process.exit(0)
      if (code !== 'EAGAIN') throw error
    }
  }
}
