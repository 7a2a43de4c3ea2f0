// What `askfirst` prints: a table or words for a terminal, JSON for a pipe. No other file here writes
// to a stream (a test says so): every write passes writeLines or writeJson, which show what would steer
// a terminal as text. Words are lists of lines, so that no text of others can begin a line of its own.

import type { Readable } from 'node:stream'
import { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { plain, plainJson, plainLines } from '../../shared/data/plain-text.ts'

/** Lines for people. */
export type Words = string | string[]

/** Writes each as one line. Whether there is room for more. */
export const writeLines = (stream: NodeJS.WriteStream, words: Words): boolean =>
  stream.write(
    [words]
      .flat()
      .map((line) => `${plain(line)}\n`)
      .join(''),
  )

/** Writes a value as one line of JSON. Whether there is room for more. */
const writeJson = (stream: NodeJS.WriteStream, value: unknown): boolean =>
  stream.write(`${plainJson(JSON.stringify(value))}\n`)

const ALTERNATE = { on: '\u001b[?1049h\u001b[?25l', off: '\u001b[?25h\u001b[?1049l' }
const HOME = '\u001b[H'
const REST_OF_LINE = '\u001b[K'
const REST_OF_SCREEN = '\u001b[J'

/** A screen of a terminal that is ours from open() to close(). */
const createScreen = (stream: NodeJS.WriteStream) => ({
  size: () => ({ columns: stream.columns || 100, rows: stream.rows || 40 }),
  open: (): void => void stream.write(ALTERNATE.on),
  close: (): void => void stream.write(ALTERNATE.off),
  /** Over what stands there, so that nothing flickers. */
  draw(lines: string[]): void {
    const drawn = lines.map((line) => `${plain(line)}${REST_OF_LINE}`).join('\r\n')
    stream.write(`${HOME}${drawn}${REST_OF_LINE}${REST_OF_SCREEN}`)
  },
})

/** Bytes of a result on their way to `stream`: as they are, but to a terminal harmless. */
function createBytesTo({ isTTY }: NodeJS.WriteStream): Transform {
  const text = new TextDecoder()
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      done(null, isTTY ? plainLines(text.decode(chunk, { stream: true })) : chunk)
    },
    flush(done) {
      done(null, isTTY ? plainLines(text.decode()) : undefined)
    },
  })
}

/** Cut to so many characters, with an ellipsis; never within a character. */
export const cut = (text: string, most: number): string =>
  text.length <= most
    ? text
    : `${text.slice(0, Math.max(0, most - 1)).replace(/[\ud800-\udbff]$/, '')}…`

export type Output = ReturnType<typeof createOutput>

/** What a column shows of a row. The last is cut where the terminal ends. */
export type Column<T> = [title: string, of: (row: T) => string | number | null]

export function createOutput(given: {
  stdout: NodeJS.WriteStream
  stderr: NodeJS.WriteStream
  json: boolean
}) {
  const { stdout, stderr } = given
  const asJson = given.json || stdout.isTTY !== true

  const room = async (isThere: boolean): Promise<void> => {
    if (!isThere) await new Promise((resolve) => stdout.once('drain', resolve))
  }

  return {
    /** Whether JSON is wanted of whatever has a table. */
    asJson,
    /** JSON was asked for by --json. */
    jsonWanted: given.json,
    columns: stdout.columns || 100,
    progressTo: stderr,
    screen: createScreen(stdout),

    /** A line of the result, or several. Resolves when there is room for more. */
    line: (words: Words): Promise<void> => room(writeLines(stdout, words)),

    /** The same, as JSON. */
    json: (value: unknown): Promise<void> => room(writeJson(stdout, value)),

    /** A word beside the result, on standard error. */
    say: (words: Words): void => void writeLines(stderr, words),

    /** A file. */
    bytes: (body: Readable): Promise<void> =>
      pipeline(body, createBytesTo(stdout), stdout, { end: false }),

    /** What a program printed: as it is, but to a terminal harmless and in whole lines. */
    async printed(text: string, to: 'stdout' | 'stderr'): Promise<void> {
      const stream = to === 'stdout' ? stdout : stderr
      if (text === '') return
      const shown = stream.isTTY ? plainLines(text).replace(/[^\n]$/, '$&\n') : text
      if (!stream.write(shown)) await new Promise((resolve) => stream.once('drain', resolve))
    },

    /** Removes a bar from its line, so that something can be printed there. */
    clearProgress: (): void => void (stderr.isTTY && stderr.write(`\r${REST_OF_LINE}`)),

    /** The value as JSON, or what `words` says of it. */
    show(value: unknown, words: () => Words): void {
      if (asJson) writeJson(stdout, value)
      else writeLines(stdout, words())
    },

    table: <T>(rows: T[], columns: Column<T>[]): string[] =>
      table(rows, columns, stdout.columns || 100),
  }
}

/** Columns side by side; numbers to the right. */
export function table<T>(rows: T[], columns: Column<T>[], width: number): string[] {
  const cells = rows.map((row) => columns.map(([, of]) => of(row)))
  const texts = cells.map((row) => row.map((cell) => plain(String(cell ?? '-'))))
  const widths = columns.map(([title], i) =>
    Math.max(title.length, ...texts.map((row) => (row[i] as string).length)),
  )
  const line = (row: string[], right: (i: number) => boolean): string => {
    const padded = row.map((text, i) =>
      right(i) ? text.padStart(widths[i] as number) : text.padEnd(widths[i] as number),
    )
    return cut(padded.join('  ').trimEnd(), width)
  }
  const isNumber = (i: number): boolean => cells.some((row) => typeof row[i] === 'number')
  const titles = columns.map(([title]) => title)
  return [line(titles, isNumber), ...texts.map((row) => line(row, isNumber))]
}

/** 1.2 ms, 340 ms, 4.5 s, 3 min, 2 h, 5 d. */
export function duration(ms: number): string {
  if (ms < 9.95) return `${Number(ms.toFixed(1))} ms`
  if (ms < 999.5) return `${Math.round(ms)} ms`
  if (ms < 120_000) return `${Number((ms / 1000).toFixed(1))} s`
  if (ms < 7_200_000) return `${Math.round(ms / 60_000)} min`
  return ms < 172_800_000 ? `${Math.round(ms / 3_600_000)} h` : `${Math.round(ms / 86_400_000)} d`
}

/** "3 tasks", "1 task". */
export const count = (n: number, what: string): string =>
  `${n.toLocaleString('en')} ${what}${n === 1 ? '' : 's'}`

/** A result as a line: what a person would write, else JSON. */
export const resultText = (done: { result?: unknown; resultText?: string }): string =>
  plain(
    done.resultText ??
      (typeof done.result === 'string' ? done.result : JSON.stringify(done.result)),
  )
