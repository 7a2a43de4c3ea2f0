// Where a local file stands in the folder of a run on a slave, and where a file that the run leaves belongs
// here. A file stands under its relative path. The folder of a run has nothing above it: `/` becomes `root/`
// and `..` becomes `up`, so `../in/x.wav` stands at `up/in/x.wav` and `/srv/x.wav` at `root/srv/x.wav`.

import { join, posix } from 'node:path'
import { filePathMistake } from '../../../shared/data/file-paths.ts'

const ROOT = 'root'
const UP = 'up'

/** Where a local file stands in the run folder. */
export function placeOf(file: string): string {
  const path = posix.normalize(file)
  const parts = path.split('/').filter((part) => part !== '' && part !== '.')
  const safe = parts.map((part) => (part === '..' ? UP : part))
  return (path.startsWith('/') ? [ROOT, ...safe] : safe).join('/')
}

/** What a program is told of a file: its path as it was given where that is the same file in the run folder. */
export const nameOf = (file: string): string =>
  file.startsWith('/') || file.split('/').includes('..') ? placeOf(file) : file

/** An output as the run is asked for it: without `./`, doubled slashes and a slash at the end. */
export const outputOf = (path: string): string => posix.normalize(path).replace(/(?<=.)\/$/, '')

/** What is wrong with a path of the run folder, in words; null: nothing. */
export const mistakeIn = (path: string): string | null =>
  path === '.' ? 'names the folder itself' : filePathMistake(path)

/**
 * Where an output belongs. With `results`, under that folder. Otherwise beside the input: in the folder of
 * the one of `inputs` that stands in the same folder of the run, or in a folder above it.
 */
export function destinationOf(
  output: string,
  { results, inputs }: { results: string | null; inputs: readonly string[] },
): string {
  if (results !== null) return join(results, output)
  let folder = ''
  let here = ''
  for (const input of inputs) {
    const there = posix.dirname(placeOf(input))
    if (there === '.' || there.length <= folder.length || !output.startsWith(`${there}/`)) continue
    folder = there
    here = posix.dirname(input)
  }
  return folder === '' ? output : join(here, output.slice(folder.length + 1))
}
