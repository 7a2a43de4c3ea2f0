// The examples of the documentation: commands and what they print, in blocks of the language `console`.
// Output is compared without white space, so that a page may break a line of JSON. In what a page shows
//
//   ...                        stands for any text
//   ids, times, durations      stand for any of their form
//   numbers (```console varies)  stand for any number
//
// and everything else is exactly what the command prints.

import { stripVTControlCharacters } from 'node:util'

export type Example = { command: string; output: string; varies: boolean; line: number }

const BLOCK = /^```console( varies)?\n([\s\S]*?)^```$/gm

/** All commands of a page with their output, in order. */
export function examplesIn(page: string): Example[] {
  return [...page.matchAll(BLOCK)].flatMap(({ index, 1: varies, 2: text = '' }) => {
    const first = page.slice(0, index).split('\n').length + 1
    const examples: Example[] = []
    let inCommand = false
    for (const [i, line] of text.trimEnd().split('\n').entries()) {
      const last = examples.at(-1)
      if (line.startsWith('$ ')) {
        const command = line.slice(2)
        examples.push({ command, output: '', varies: varies !== undefined, line: first + i })
        inCommand = goesOn(command)
      } else if (last && inCommand) {
        last.command += `\n${line}`
        inCommand = goesOn(last.command)
      } else if (last) {
        last.output += `${line}\n`
      } else if (line !== '') throw new Error(`line ${first + i}: output before a command`)
    }
    return examples
  })
}

/** A shell would ask for more: after a backslash, or within single quotes. */
const goesOn = (command: string): boolean =>
  command.endsWith('\\') || command.split("'").length % 2 === 0

const TIMES = 'ms|knownMs|at|createdAt|askedAt|startedAt|endedAt|ranMs|heardMs|serviceMs|polledMs'
const NUMBER = String.raw`-?\d+(?:\.\d+)?(?:e[+-]?\d+)?`

/** What a page shows, and what it stands for. The first that matches counts. */
const FORMS: [shown: string, standsFor: string][] = [
  [
    '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}',
    '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}',
  ],
  [String.raw`01[0-9a-f]{2}\.\.\.`, '01[0-9a-f-]{34}'],
  [String.raw`\.\.\.`, String.raw`[\s\S]*?`],
  ['sha256:[0-9a-f]{64}', 'sha256:[0-9a-f]{64}'],
  [String.raw`\d{4}-\d\d-\d\dT[\d:.]+Z`, String.raw`\d{4}-\d\d-\d\dT[\d:.]+Z`],
  [`"(?:${TIMES})":${NUMBER}`, `"(?:${TIMES})":${NUMBER}`],
  [String.raw`\d+(?:\.\d+)? ?(?:ms|s)\b`, String.raw`[\d,]+(?:\.\d+)?(?:ms|s|min)`],
  ['(?:linux|darwin|win32) (?:x64|arm64)', '(?:linux|darwin|win32)(?:x64|arm64)'],
]
const SHOWN = new RegExp(FORMS.map(([shown]) => `(${shown})`).join('|'), 'g')

/** Whether a command printed what the example shows. */
export function prints({ output, varies }: Example, printed: string): boolean {
  const literal = (text: string): string => {
    const pattern = escaped(withoutSpace(text))
    return varies ? pattern.replace(/\d+/g, '\\d+') : pattern
  }
  let pattern = ''
  let end = 0
  for (const found of output.matchAll(SHOWN)) {
    const form = FORMS.findIndex((_, i) => found[i + 1] !== undefined)
    pattern += literal(output.slice(end, found.index)) + FORMS[form]?.[1]
    end = found.index + found[0].length
  }
  return new RegExp(`^${pattern}${literal(output.slice(end))}$`).test(withoutSpace(printed))
}

/** Also without what steers a terminal. */
const withoutSpace = (text: string): string => stripVTControlCharacters(text).replace(/\s+/g, '')

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
