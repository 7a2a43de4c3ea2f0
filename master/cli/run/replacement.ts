// Replacement strings as GNU parallel has them: what `{}`, `{.}`, `{/}`, `{//}`, `{/.}`, `{#}` and `{2}` in a
// word of the command line become for one input. Pure: text in, text out.

import { posix } from 'node:path'
import { UsageError } from '../../../shared/process/usage-error.ts'

/** What of an input is meant. */
type Form = '' | '.' | '/' | '//' | '/.'
/** `from`: which source, from 1; null is all of them. */
type Piece = { text: string } | { form: Form; from: number | null } | { number: true }
/** One word of the command line, in pieces. */
export type Word = { pieces: Piece[]; replaces: boolean }

const REPLACEMENT = /\{(?:(?<from>[1-9]\d*)?(?<form>\.|\/\.|\/\/|\/)?|(?<number>#))\}/g
/** Those of GNU parallel that have no meaning here: the slot that a task gets is not known, and no Perl runs. */
const OTHERS = /\{%\}|\{=/

/** Splits a word. Throws UsageError if it names a source after the last. */
export function wordOf(text: string, sources: number): Word {
  const other = OTHERS.exec(text)
  if (other) throw new UsageError(`askfirst run has no replacement string ${other[0]}`)
  const pieces: Piece[] = []
  let at = 0
  for (const { index, groups, 0: found } of text.matchAll(REPLACEMENT)) {
    if (index > at) pieces.push({ text: text.slice(at, index) })
    at = index + found.length
    const from = groups?.from === undefined ? null : Number(groups.from)
    if (from !== null && from > sources) {
      throw new UsageError(`${found} names input source ${from}, and there are ${sources}`)
    }
    if (groups?.number !== undefined) pieces.push({ number: true })
    else pieces.push({ form: (groups?.form ?? '') as Form, from })
  }
  if (at < text.length) pieces.push({ text: text.slice(at) })
  return { pieces, replaces: pieces.some((piece) => !('text' in piece)) }
}

/**
 * The words that a word becomes for one input, whose values from each source are given. As with a shell,
 * `x{}` becomes two words where there are two sources.
 */
export function expand({ pieces }: Word, values: readonly string[], number: number): string[] {
  const words = ['']
  const add = (text: string): void => void words.push(`${words.pop()}${text}`)
  for (const piece of pieces) {
    if ('text' in piece) add(piece.text)
    else if ('number' in piece) add(`${number}`)
    else {
      const meant = piece.from === null ? values : values.slice(piece.from - 1, piece.from)
      for (const [i, value] of meant.entries()) {
        if (i > 0) words.push('')
        add(formed(value, piece.form))
      }
    }
  }
  return words
}

/** The same as one word, for a path or a pattern. */
export const expandOne = (word: Word, values: readonly string[], number: number): string =>
  expand(word, values, number).join(' ')

function formed(value: string, form: Form): string {
  switch (form) {
    case '':
      return value
    case '.':
      return withoutExtension(value)
    case '/':
      return baseOf(value)
    case '/.':
      return withoutExtension(baseOf(value))
    case '//':
      return withoutSlashes(posix.dirname(value))
  }
}

/** Without slashes at its end; the root keeps one. */
function withoutSlashes(path: string): string {
  let end = path.length
  while (end > 1 && path[end - 1] === '/') end--
  return path.slice(0, end)
}

const withoutExtension = (path: string): string => path.replace(/\.[^/.]*$/, '')
const baseOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1)
