// From the command line and one input to the task that runs it: words with the input in them, files and where
// they stand, outputs and where they belong.

import { createHash } from 'node:crypto'
import { stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { UsageError } from '../../../shared/process/usage-error.ts'
import type { Input } from './inputs.ts'
import type { Word } from './replacement.ts'
import { expand, expandOne, wordOf } from './replacement.ts'
import { destinationOf, mistakeIn, nameOf, outputOf, placeOf } from './run-folder.ts'

export type Template = {
  command: Word[]
  files: Word[]
  outputs: Word[]
  results: Word | null
  /** Sent as it is. */
  env: Record<string, string>
}

/** What runs one input. */
export type Work = {
  n: number
  /** What the user calls it. */
  label: string
  /** Of all that the command line says of it, not of the content of its files. */
  hash: string
  program: string
  args: string[]
  env: Record<string, string>
  /** Where a file stands in the run folder, and where it is here. */
  files: Map<string, string>
  outputs: string[]
  destinationOf: (output: string) => string
}

/** Parses the words once. Throws UsageError. */
export function templateOf(
  words: readonly string[],
  given: {
    sources: number
    files: readonly string[]
    outputs: readonly string[]
    results: string | null
    env: Record<string, string>
  },
): Template {
  const parse = (text: string): Word => wordOf(text, given.sources)
  const command = words.map(parse)
  // As GNU parallel and xargs do.
  if (!command.some(({ replaces }) => replaces)) command.push(parse('{}'))
  const outputs = given.outputs.map(parse)
  const results = given.results === null ? null : parse(given.results)
  return { command, files: given.files.map(parse), outputs, results, env: given.env }
}

/**
 * Refuses outputs that are the same file for each input: one would replace the other. Throws UsageError.
 */
export function checkOutputs({ outputs, results }: Template, inputs: number | null): void {
  if (inputs === 1 || results?.replaces) return
  const same = outputs.find(({ replaces }) => !replaces)
  if (same === undefined) return
  const name = same.pieces.map((piece) => ('text' in piece ? piece.text : '')).join('')
  if (/[*?[]/.test(name)) return
  throw new UsageError(
    `--out ${name} is the same file for each input: put {} in it, or in --results, such as --results 'results/{#}'`,
  )
}

/** Throws UsageError for an input that cannot be run as the command line says. */
export async function workOf(template: Template, { number, values }: Input): Promise<Work> {
  const label = values.join(' ')
  const areFiles = await Promise.all(values.map(isFile))
  const named = values.map((value, i) => (areFiles[i] ? nameOf(value) : value))
  const [program = '', ...args] = template.command.flatMap((word) => expand(word, named, number))
  if (program.includes('/') || program === '') {
    throw new UsageError(
      `"${program}" is no name of a program: slaves run programs by names that they allow, without "/". A script of yours is an input: --file script.sh -- sh script.sh {}`,
    )
  }
  const locals = [
    ...values.filter((_, i) => areFiles[i]),
    ...template.files.map((word) => expandOne(word, values, number)),
  ]
  const files = new Map<string, string>()
  for (const local of locals) stand(files, local)
  const outputs = template.outputs.map((word) => outputOf(expandOne(word, named, number)))
  for (const output of outputs) {
    const mistake = mistakeIn(output)
    if (mistake !== null) throw new UsageError(`--out ${mistake}: "${output}"`)
  }
  const results = template.results === null ? null : expandOne(template.results, named, number)
  const all = { program, args, env: template.env, files: [...files], outputs, results }
  return {
    n: number,
    label,
    hash: createHash('sha256').update(JSON.stringify(all)).digest('hex').slice(0, 24),
    program,
    args,
    env: template.env,
    files,
    outputs,
    destinationOf: (output) => destinationOf(output, { results, inputs: locals }),
  }
}

/** Gives a local file its place. */
function stand(files: Map<string, string>, local: string): void {
  const place = placeOf(local)
  const mistake = mistakeIn(place)
  if (mistake !== null) throw new UsageError(`the file "${local}" ${mistake}`)
  const other = files.get(place)
  if (other !== undefined && resolve(other) !== resolve(local)) {
    throw new UsageError(`"${other}" and "${local}" would both stand at ${place} in the run folder`)
  }
  files.set(place, local)
}

/** An input that names a regular file is uploaded; any other is text. */
async function isFile(value: string): Promise<boolean> {
  if (value === '' || value.includes('\0')) return false
  try {
    return (await stat(value)).isFile()
  } catch {
    return false
  }
}
