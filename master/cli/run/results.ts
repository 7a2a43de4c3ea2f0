// Files that runs leave on their way back: each is written under a temporary name, compared with its SHA-256,
// synced, and then renamed, so that a file with the right name is always whole.

import { createHash } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { mkdir, open, rename, rm } from 'node:fs/promises'
import { basename, dirname, join, matchesGlob } from 'node:path'
import { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Client, TaskFile } from '../../../shared/client/client.ts'
import { isProblem } from '../../../shared/client/client.ts'
import { filePathMistake } from '../../../shared/data/file-paths.ts'

/** A file that breaks off or is not what was said is fetched so often. */
const TRIES = 4

export type Wanted = {
  /** The outputs that the task was given. */
  outputs: readonly string[]
  /** Where one belongs. */
  destinationOf: (name: string) => string
}

/** Results that cannot be written as they are. */
export class ResultError extends Error {
  override name = 'ResultError'
}

/** Writes the files of a task. `mark` is a part of the temporary names. Throws ResultError. */
export async function fetchResults(
  master: Pick<Client, 'taskFile'>,
  task: string,
  files: readonly TaskFile[],
  { wanted, mark, signal }: { wanted: Wanted; mark: string; signal: AbortSignal },
): Promise<string[]> {
  const written: string[] = []
  for (const file of files) {
    const mistake = filePathMistake(file.name)
    if (mistake !== null) throw new ResultError(`a result file ${mistake}: "${file.name}"`)
    if (!wanted.outputs.some((output) => output === file.name || matchesGlob(file.name, output))) {
      throw new ResultError(`the task gave a file that --out does not name: "${file.name}"`)
    }
    const path = wanted.destinationOf(file.name)
    await mkdir(dirname(path), { recursive: true })
    await fetchOne(master, task, file, { path, mark, signal })
    written.push(path)
  }
  return written
}

async function fetchOne(
  master: Pick<Client, 'taskFile'>,
  task: string,
  file: TaskFile,
  { path, mark, signal }: { path: string; mark: string; signal: AbortSignal },
): Promise<void> {
  const folder = dirname(path)
  const part = join(folder, `.${basename(path).slice(0, 200)}.${mark}.part`)
  for (let tries = 1; ; tries++) {
    try {
      const sha256 = await download(master, task, file.name, { part, signal })
      if (sha256 !== file.sha256) throw new ResultError(`${file.name} arrived with other content`)
      await rename(part, path)
      await syncFolder(folder)
      return
    } catch (error) {
      await rm(part, { force: true })
      const isOver = tries >= TRIES || signal.aborted || isLocal(error)
      if (isOver || isProblem(error)) throw error
    }
  }
}

/** Writes and syncs it; its SHA-256. */
async function download(
  master: Pick<Client, 'taskFile'>,
  task: string,
  name: string,
  { part, signal }: { part: string; signal: AbortSignal },
): Promise<string> {
  const { body } = await master.taskFile(task, name, { signal })
  const hash = createHash('sha256')
  const hashed = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk)
      done(null, chunk)
    },
  })
  await pipeline(body, hashed, createWriteStream(part, { flush: true }), { signal })
  return hash.digest('hex')
}

async function syncFolder(folder: string): Promise<void> {
  // Windows has no such thing.
  if (process.platform === 'win32') return
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** An error of the local disk does not go away by trying again. */
const isLocal = (error: unknown): boolean =>
  ['ENOSPC', 'EACCES', 'EPERM', 'EROFS', 'EISDIR', 'ENOTDIR', 'EDQUOT', 'ENAMETOOLONG'].includes(
    (error as NodeJS.ErrnoException).code ?? '',
  )
