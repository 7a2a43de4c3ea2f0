// Mutants: the mutations of files, with what people call their places.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { readSource } from '../source/change.ts'
import type { Mutation } from './operators.ts'
import { mutationsOf } from './operators.ts'

export type Mutant = {
  file: string
  mutation: Mutation
  line: number
  /** The names around it, from the file's to the innermost function's: `sqlite.openStore.trim`. */
  within: string
  /** The code that is replaced, on one line, shortened. */
  code: string
}

/** A mutation that makes no difference. It is found by the function around it and by its code. */
export type Equivalent = {
  /** The end of `within`. */
  in: string
  code: string
  /** What stands there instead; without it, anything. */
  becomes?: string
  because: string
}

const CODE_MAX = 72

/** The mutants of these files without the equivalent ones, and the entries that fit none in its file. */
export function mutantsOf(
  root: string,
  files: string[],
  equivalent: Equivalent[],
): { mutants: Mutant[]; stale: Equivalent[] } {
  const used = new Set<Equivalent>()
  const mutants = files
    .flatMap((file) => mutantsOfText(file, readFileSync(join(root, file), 'utf8')))
    .filter((mutant) => {
      const fitting = equivalent.filter((entry) => isThat(mutant, entry))
      for (const entry of fitting) used.add(entry)
      return fitting.length === 0
    })
  const isOfFiles = (entry: Equivalent): boolean =>
    files.some((file) => file.endsWith(`/${entry.in.split('.')[0] ?? ''}.ts`))
  return { mutants, stale: equivalent.filter((entry) => !used.has(entry) && isOfFiles(entry)) }
}

const isThat = ({ within, code, mutation }: Mutant, entry: Equivalent): boolean =>
  `.${within}`.endsWith(`.${entry.in}`) &&
  code === entry.code &&
  (entry.becomes === undefined || entry.becomes === shortened(mutation.replacement))

export function mutantsOfText(file: string, text: string): Mutant[] {
  const source = readSource('', { [file]: text })
  return mutationsOf(text).map((mutation) => ({
    file,
    mutation,
    line: text.slice(0, mutation.start).split('\n').length,
    within: source.pathOf(file, mutation.start, mutation.end),
    code: shortened(text.slice(mutation.start, mutation.end)),
  }))
}

/** Code on one line. What is too long loses its middle. */
export function shortened(code: string): string {
  const line = code.trim().replace(/\s+/g, ' ')
  if (line.length <= CODE_MAX) return line
  return `${line.slice(0, CODE_MAX / 2)} … ${line.slice(-CODE_MAX / 2)}`
}
