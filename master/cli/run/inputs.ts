// The inputs of a run, in order: the combinations of what follows each `:::`, or the lines of standard input.

import { UsageError } from '../../../shared/process/usage-error.ts'
import { createDecoder } from '../commands/text-file.ts'

/** One input: a value from each source. */
export type Input = { number: number; values: string[] }
export type Given = {
  /** The words of the command. */
  command: string[]
  /** The values after each `:::`; null where there is none: standard input is read. */
  sources: string[][] | null
}

/** A longer line is refused, in characters: an argument of a program cannot be as long. */
const LINE_MAX = 131_072

/** Divides the operands of the command line. Throws UsageError. */
export function parseOperands(operands: readonly string[]): Given {
  const command: string[] = []
  const sources: string[][] = []
  for (const word of operands) {
    if (/^(:::\+|::::\+?)$/.test(word)) {
      throw new UsageError(`askfirst run has no ${word}: give the inputs after ::: or as lines`)
    }
    if (word === ':::') sources.push([])
    else (sources.at(-1) ?? command).push(word)
  }
  if (command.length === 0) throw new UsageError('give a program; see askfirst run --help')
  return { command, sources: sources.length === 0 ? null : sources }
}

/** How many there are. */
export const countOf = (sources: string[][]): number =>
  sources.reduce((product, { length }) => product * length, 1)

/** All combinations, the last source changing first. */
export function* combinations(sources: string[][]): Generator<Input, void, void> {
  const total = countOf(sources)
  for (let index = 0; index < total; index++) {
    const values: string[] = []
    let rest = index
    for (const source of sources.toReversed()) {
      values.unshift(source[rest % source.length] as string)
      rest = Math.floor(rest / source.length)
    }
    yield { number: index + 1, values }
  }
}

/** The lines of a stream, without their line feed; `separator` may be NUL. Throws UsageError. */
export async function* linesOf(
  stream: AsyncIterable<Buffer>,
  separator: '\n' | '\0',
): AsyncGenerator<Input, void, void> {
  const decoder = createDecoder('-')
  let number = 0
  let rest = ''
  for await (const bytes of stream) {
    const lines = (rest + decoder.decode(bytes)).split(separator)
    rest = lines.pop() as string
    if (rest.length > LINE_MAX) throw tooLong(number + 1)
    for (const line of lines) {
      number++
      if (line.length > LINE_MAX) throw tooLong(number)
      yield { number, values: [line] }
    }
  }
  rest += decoder.end()
  if (rest !== '') yield { number: number + 1, values: [rest] }
}

const tooLong = (number: number): UsageError =>
  new UsageError(
    `input ${number} has more than ${LINE_MAX} characters: inputs are separated by line feeds, or with -0 by NUL`,
  )
