// Finds what a run left: regular files of its own, by name or pattern. A run may have made a link (symbolic
// or hard, to a file or a folder) to what only the agent can read: that would reach clients or peers.

import { constants } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { lstat, open, readdir, readlink, realpath } from 'node:fs/promises'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { filePathMistake, isGlob } from '../../shared/data/file-paths.ts'
import { TaskFailure } from '../../shared/kinds/kind.ts'
import type { Glob, Progress } from './globs.ts'
import { after, beginning, createGlob, isWhole } from './globs.ts'
import { createMeter } from './transfer.ts'

/** Outputs of a run. */
const OUTPUTS_MAX = 10_000
/** Files and folders that are looked at for a pattern. */
const LOOKED_AT_MAX = 200_000
/** After this much work the agent answers others first. In milliseconds. */
const TURN_MS = 10

/** Names in paths: jobs, tasks, files. */
export const PLAIN = /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}$/

/** A run left something as an output that is not a regular file of its own. */
export class NotAFileError extends Error {}

/** A run did not leave a file that was named. */
export class MissingOutputError extends Error {}

const refusal = (name: string, what: string): NotAFileError =>
  new NotAFileError(`the output ${name} is ${what}: outputs must be regular files, without links`)

/**
 * The names of outputs in a folder, sorted by their bytes. `wanted`: paths and patterns. A pattern passes
 * over folders and may match nothing. Throws NotAFileError and MissingOutputError; `lenient`: leaves out
 * what is missing or no file.
 */
export async function findOutputs(
  folder: string,
  wanted: readonly string[],
  { lenient = false, filesMax = OUTPUTS_MAX } = {},
): Promise<string[]> {
  const found = new Set<string>()
  for (const name of wanted.filter((each) => !isGlob(each))) {
    const mistake = await mistakeOf(folder, name)
    if (mistake === null) found.add(name)
    else if (!lenient) throw mistake
  }
  const globs = wanted.filter(isGlob).map(createGlob)
  if (globs.length > 0)
    await walk(folder, globs, (name, mistake) => {
      if (mistake === null) found.add(name)
      else if (!lenient) throw mistake
      if (found.size > filesMax) throw tooMany(`more than ${filesMax} outputs`)
    })
  return [...found].sort(compareBytes)
}

/** The order of names: that of their bytes. */
export const compareBytes = (a: string, b: string): number =>
  Buffer.compare(Buffer.from(a), Buffer.from(b))

const tooMany = (what: string): TaskFailure =>
  new TaskFailure('invalid-result', `the run left ${what}`)

/** What is wrong with the file of a name; null: nothing. */
async function mistakeOf(folder: string, name: string): Promise<Error | null> {
  const parts = name.split('/')
  let path = folder
  for (const [i, part] of parts.entries()) {
    path = join(path, part)
    const facts = await lstat(path).catch(() => null)
    const soFar = parts.slice(0, i + 1).join('/')
    if (facts === null) return new MissingOutputError(`the run left no file ${name}`)
    if (facts.isSymbolicLink()) return refusal(soFar, 'a symbolic link')
    const isLast = i === parts.length - 1
    if (isLast && !facts.isFile()) return refusal(name, 'not a file')
    if (isLast && facts.nlink > 1) return refusal(name, 'a hard link')
    if (!isLast && !facts.isDirectory())
      return new MissingOutputError(`the run left no file ${name}`)
  }
  return null
}

/** Calls `take` for everything that a pattern matches. Follows no links. */
async function walk(
  root: string,
  globs: Glob[],
  take: (name: string, mistake: Error | null) => void,
): Promise<void> {
  let looked = 0
  let since = performance.now()
  await enter(root, '', globs.map(beginning))

  async function enter(folder: string, prefix: string, progress: Progress[]): Promise<void> {
    for (const entry of await readdir(folder, { withFileTypes: true, encoding: 'buffer' })) {
      if (++looked > LOOKED_AT_MAX) throw tooMany(`more than ${LOOKED_AT_MAX} files`)
      const name = entry.name.toString()
      const next: Progress[] = []
      for (const [i, glob] of globs.entries()) {
        next.push(after(glob, progress[i]!, name))
        if (performance.now() - since < TURN_MS) continue
        await turn()
        since = performance.now()
      }
      const path = prefix + name
      const isMatch = next.some((each, i) => isWhole(globs[i]!, each))
      const leadsOn = next.some((each) => each.size > 0)
      if (!leadsOn) continue
      if (!entry.name.equals(Buffer.from(name))) {
        take(path, refusal(path, 'of a name that is not valid UTF-8'))
      } else if (entry.isDirectory()) {
        await enter(join(folder, name), `${path}/`, next)
      } else if (isMatch) take(path, pathMistake(path) ?? (await mistakeOf(root, path)))
    }
  }
}

function pathMistake(path: string): Error | null {
  const mistake = filePathMistake(path)
  return mistake === null ? null : new NotAFileError(`the output ${path} ${mistake}`)
}

/** What a part of a job left: everything in its folder that has a plain name. */
export async function plainOutputs(folder: string): Promise<string[]> {
  if (!(await lstat(folder)).isDirectory()) {
    throw new NotAFileError('the output folder was replaced: write into the given folder')
  }
  return (await readdir(folder)).filter((name) => PLAIN.test(name)).sort()
}

const flags: Partial<typeof constants> = constants
/** O_NONBLOCK: opening a FIFO must not wait for a writer. Windows has neither flag. */
const { O_RDONLY = 0, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = flags

/** Opens an output file, which must be in `root` without links. */
export async function openOutput(root: string, name: string): Promise<FileHandle> {
  const path = join(root, name)
  let file: FileHandle
  try {
    if ((await lstat(path)).isSymbolicLink()) throw refusal(name, 'a symbolic link')
    file = await open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
  } catch (error) {
    // It became a link, or a socket, in between.
    const { code = '' } = error as NodeJS.ErrnoException
    throw ['ELOOP', 'EMLINK', 'ENXIO'].includes(code) ? refusal(name, 'not a file') : error
  }
  const facts = await file.stat()
  const isPlain = facts.isFile() && facts.nlink === 1
  if (isPlain && (await placeOf(file, path)) === join(await realpath(root), name)) return file
  await file.close()
  if (isPlain) throw refusal(name, 'behind a symbolic link')
  throw refusal(name, facts.isFile() ? 'a hard link' : 'not a file')
}

/** Where an open file is: a folder above it may have become a link. */
const placeOf = (file: FileHandle, path: string): Promise<string> =>
  process.platform === 'linux' ? readlink(`/proc/self/fd/${file.fd}`) : realpath(path)

/** Length and SHA-256 of an output file. */
export async function hashOfOutput(
  root: string,
  name: string,
): Promise<{ bytes: number; sha256: string }> {
  const meter = createMeter()
  await using file = await openOutput(root, name)
  for await (const chunk of file.createReadStream({ autoClose: false })) meter.take(chunk as Buffer)
  return meter.facts()
}
