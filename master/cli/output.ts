// What `askfirst` prints: a table or words for a terminal, JSON for a pipe. Text that others wrote is
// shown as text: what would steer the terminal, or turn its direction, is made visible.

/** Control characters, line breaks of all sorts, and marks of direction. */
const STEERING = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu

/** Text of others on one line, harmless. */
export const plain = (text: string): string =>
  text.replace(STEERING, (char) =>
    char === '\n' ? '\\n' : char === '\t' ? '\\t' : `\\u{${char.charCodeAt(0).toString(16)}}`,
  )

/** Cut to so many characters, with an ellipsis. */
export const cut = (text: string, most: number): string =>
  text.length <= most ? text : `${text.slice(0, Math.max(0, most - 1))}…`

export type Output = ReturnType<typeof createOutput>

/** What a column shows of a row. The last is cut where the terminal ends. */
export type Column<T> = [title: string, of: (row: T) => string | number | null]

export function createOutput(given: {
  stdout: NodeJS.WriteStream
  stderr: NodeJS.WriteStream
  json: boolean
}) {
  const { stdout, stderr } = given
  const isTerminal = stdout.isTTY === true
  const asJson = given.json || !isTerminal

  return {
    /** Whether standard output is a terminal, and whether JSON is wanted of whatever has a table. */
    isTerminal,
    asJson,
    /** JSON was asked for by --json. */
    jsonWanted: given.json,
    columns: stdout.columns || 100,
    progressTo: stderr,

    /** A line of the result. Resolves when there is room for more. */
    async line(text: string): Promise<void> {
      if (stdout.write(`${text}\n`)) return
      await new Promise((resolve) => stdout.once('drain', resolve))
    },

    /** A word beside the result, on standard error. */
    say: (text: string): void => void stderr.write(`${text}\n`),

    /** The value as JSON, or what `words` says of it. */
    show(value: unknown, words: () => string): void {
      stdout.write(asJson ? `${JSON.stringify(value)}\n` : `${words().trimEnd()}\n`)
    },

    table: <T>(rows: T[], columns: Column<T>[]): string =>
      table(rows, columns, stdout.columns || 100),
  }
}

/** Columns side by side; numbers to the right. */
export function table<T>(rows: T[], columns: Column<T>[], width: number): string {
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
  return [line(titles, isNumber), ...texts.map((row) => line(row, isNumber))].join('\n')
}

/** 1.2 ms, 340 ms, 4.5 s, 3 min, 2 h, 5 d. */
export function duration(ms: number): string {
  if (ms < 10) return `${Number(ms.toFixed(1))} ms`
  if (ms < 1_000) return `${Math.round(ms)} ms`
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
