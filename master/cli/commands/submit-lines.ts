// Many lines, a task each: results in order, a bar that moves, and nothing done twice however often it
// is stopped and started. It keeps nothing itself: what was done, the master knows by the keys.

import { createHash, hash, randomBytes } from 'node:crypto'
import { createReadStream, fstatSync, openSync } from 'node:fs'
import type { Readable } from 'node:stream'
import type { OneOfMany, ProblemError, TaskRequest } from '../../../shared/client/client.ts'
import { hasEnded, isForNow, UnreachableError } from '../../../shared/client/client.ts'
import type { Session } from '../command.ts'
import type { Exit } from '../exit-codes.ts'
import { exitOf } from '../exit-codes.ts'
import type { Output } from '../output.ts'
import { count, resultText } from '../output.ts'
import { startBar } from '../progress-bar.ts'
import { refusalInWords } from '../words.ts'
import { createDecoder } from './text-file.ts'

type Source = {
  /** Whether the content can be read twice: a file. */
  isFile: boolean
  open: () => Readable
}
type Tally = { printed: number; done: number; failed: number; replayed: number }

/** Those options of `submit` that are about lines. */
type LineOptions = {
  wait: boolean
  batch: number
  atOnce: number
  patience?: number | undefined
  run?: string | undefined
  again?: boolean | undefined
}

const PATIENCE_S = 60
const RUN_CHARS = 16

/** Submits each line that is not empty. `requestOf` throws UsageError for a line that is none. */
export async function submitLines(
  { client, output, signal }: Session,
  values: LineOptions,
  file: string,
  requestOf: (line: number, text: string) => TaskRequest,
): Promise<Exit> {
  const source = sourceOf(file)
  const known = source.isFile ? await survey(source) : undefined
  const made = randomBytes(8).toString('hex')
  const run = values.run ?? (values.again ? undefined : known?.run) ?? made
  if (run === made)
    output.say(`run ${run}: the same lines with --run ${run} continue where they stopped`)

  const started = performance.now()
  const tally: Tally = { printed: 0, done: 0, failed: 0, replayed: 0 }
  const bar = createBar(output, known?.lines)
  // Numbers of the lines that were read, and have no result yet.
  const lines: number[] = []
  async function* requests(): AsyncGenerator<TaskRequest, void, void> {
    let number = 0
    for await (const text of linesIn(source.open(), file)) {
      number++
      if (text.trim() === '') continue
      lines.push(number)
      yield requestOf(number, text)
    }
  }
  const keyOf = (request: TaskRequest): string =>
    `${run}:${lines.at(-1)}:${hash('sha256', JSON.stringify(request), 'base64url').slice(0, 22)}`

  let exit: Exit = 'ok'
  let broken: unknown
  try {
    const all = client((values.patience ?? PATIENCE_S) * 1000).submitMany(requests(), {
      batchTasksMax: values.batch,
      batchesAtOnce: values.atOnce,
      wait: values.wait,
      idempotencyKey: keyOf,
      signal,
    })
    for await (const one of all) {
      if (one.problem && isForNow(one.problem)) throw one.problem
      const line = lines.shift() as number
      if (!output.jsonWanted) while (tally.printed < line - 1) await print('')
      tally.printed = line - 1
      if (output.jsonWanted) await output.json(jsonOf(line, one))
      else await output.line(textOf(one))
      tally.printed++
      note(tally, one)
      bar.update(tally)
    }
    if (!output.jsonWanted && known) while (tally.printed < known.lines) await print('')
  } catch (error) {
    broken = error
    exit = signal.aborted ? 'stopped' : exitOf(error)
  } finally {
    bar.stop()
  }
  const seconds = (performance.now() - started) / 1000
  if (exit === 'ok') output.say(summaryOf(tally, seconds))
  else {
    const total = known ? ` of ${known.lines.toLocaleString('en')}` : ''
    const why = signal.aborted ? ['stopped'] : reasonOf(broken)
    output.say([
      `askfirst: ${why[0]}`,
      ...why.slice(1),
      `The results of lines 1 to ${tally.printed.toLocaleString('en')}${total} are printed. ` +
        'The master may have accepted further lines and continues with them.',
      `${goOn(source, values.run ?? (values.again ? run : undefined), run)}: no line is executed twice.`,
    ])
    return exit
  }
  return tally.failed > 0 ? 'failed' : 'ok'

  async function print(text: string): Promise<void> {
    await output.line(text)
    tally.printed++
  }
}

const goOn = ({ isFile }: Source, given: string | undefined, run: string): string =>
  isFile && given === undefined
    ? 'Run the same command again to continue'
    : `Submit the same lines with --run ${run} to continue`

function note(tally: Tally, one: OneOfMany): void {
  if (one.task && (one.task.status === 'done' || !hasEnded(one.task))) tally.done++
  else tally.failed++
  if (one.task?.replayed) tally.replayed++
}

const reasonOf = (error: unknown): string[] =>
  isForNow(error)
    ? refusalInWords(error)
    : error instanceof UnreachableError
      ? [error.message]
      : [(error as Error).message ?? String(error)]

function summaryOf({ done, failed, replayed }: Tally, seconds: number): string {
  const rate = Math.round((done + failed) / Math.max(seconds, 0.001)).toLocaleString('en')
  const before = replayed === 0 ? '' : `; ${count(replayed, 'task')} of them were stored before`
  return `${count(done + failed, 'task')} in ${seconds.toFixed(1)} s (${rate} per second), ${failed.toLocaleString('en')} failed${before}`
}

/** One line of text for one task. */
function textOf({ task, problem }: OneOfMany): string {
  if (!task) return refusalText(problem)
  if (task.status === 'done') return resultText(task)
  if (task.status === 'failed') return `failed: ${task.failure.type}: ${task.failure.message}`
  return task.status === 'pending' || task.status === 'in progress' ? task.id : task.status
}

const refusalText = ({ type, message }: ProblemError): string => `refused: ${type}: ${message}`

function jsonOf(line: number, { task, problem }: OneOfMany): object {
  if (!task) return { line, problem: problem.document }
  const { asked: _, ...rest } = task
  return { line, ...rest }
}

function sourceOf(file: string): Source {
  const fd = file === '-' ? 0 : openSync(file, 'r')
  const isFile = fstatSync(fd).isFile()
  // Read by position, so that it can be read twice, whatever was read of it before.
  const place = isFile ? { start: 0 } : {}
  // A pipe is read as the stream that it is: what is not there yet is waited for.
  if (fd === 0 && !isFile) return { isFile, open: () => process.stdin }
  return { isFile, open: () => createReadStream('', { fd, autoClose: false, ...place }) }
}

/**
 * Lines end with a line feed, or with carriage return and line feed. split2 is not used: it decodes bytes
 * that are not UTF-8 as other characters, which createDecoder refuses.
 */
async function* linesIn(stream: Readable, file: string): AsyncGenerator<string, void, void> {
  let rest = ''
  const decoder = createDecoder(file)
  for await (const bytes of stream as AsyncIterable<Buffer>) {
    const lines = (rest + decoder.decode(bytes)).split('\n')
    rest = lines.pop() as string
    for (const line of lines) yield line.replace(/\r$/, '')
  }
  rest += decoder.end()
  if (rest !== '') yield rest
}

/** Reads a file once: how many lines it has, and the name of its run. */
async function survey({ open }: Source): Promise<{ lines: number; run: string }> {
  const sum = createHash('sha256')
  let lines = 0
  let last = 10
  for await (const bytes of open() as AsyncIterable<Buffer>) {
    sum.update(bytes)
    for (let at = bytes.indexOf(10); at >= 0; at = bytes.indexOf(10, at + 1)) lines++
    last = bytes.at(-1) ?? last
  }
  return { lines: last === 10 ? lines : lines + 1, run: sum.digest('hex').slice(0, RUN_CHARS) }
}

/** A bar on standard error, where that is a terminal. */
function createBar({ progressTo }: Output, total: number | undefined) {
  if (!progressTo.isTTY) return { update(_: Tally) {}, stop() {} }
  const shown =
    total === undefined
      ? '{value} lines | {rate}/s | {failed} failed'
      : '{bar} {percentage}% | {value} of {total} lines | {rate}/s | {failed} failed | {eta_formatted} left'
  const started = performance.now()
  const bar = startBar(progressTo, shown, total ?? null, { rate: 0, failed: 0 })
  return {
    update({ printed, failed }: Tally) {
      const rate = Math.round((printed * 1000) / (performance.now() - started))
      bar.update(printed, { rate, failed })
    },
    stop: () => bar.stop(),
  }
}
