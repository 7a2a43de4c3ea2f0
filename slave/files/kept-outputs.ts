// Outcomes with output files, from the end of their run until the master has acknowledged them: what a run
// gave is not lost when the agent ends while it uploads. The files stay in the folder of the run, which is
// moved here.
//
//   root/<SHA-256 of the attempt>/run/...   the folder of the run
//   root/<SHA-256 of the attempt>/record    the files as JSON, a line feed, the callback; it makes it valid

import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { mkdir, open, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { encode } from '../../shared/data/raw-json.ts'
import type { Callback } from '../../shared/protocol/wire.ts'
import { readCallback } from '../link/raw-inputs.ts'
import { removeFolder } from './remove-folder.ts'
import type { HashedFile } from './upload.ts'

/** A callback of which the outcome lists no files yet, and its files. */
export type KeptOutcome = { callback: Callback; files: HashedFile[] }

export type KeptOutputs = ReturnType<typeof openKeptOutputs>

export function openKeptOutputs(root: string) {
  const attempts = new Set<string>()
  mkdirSync(root, { recursive: true })
  const placeOf = (attempt: string): string =>
    join(root, createHash('sha256').update(attempt).digest('hex'))

  return {
    /** What an earlier run of the agent kept. Removes what is not whole. */
    load(): KeptOutcome[] {
      const kept: KeptOutcome[] = []
      for (const name of readdirSync(root)) {
        const place = join(root, name)
        try {
          const outcome = readRecord(place)
          attempts.add(outcome.callback.attempt)
          kept.push(outcome)
        } catch {
          rmSync(place, { recursive: true, force: true })
        }
      }
      return kept
    },

    /** Moves the folder of a run here. Durable, but for the content of the files, when it resolves. */
    async keep(callback: Callback, folder: string, files: HashedFile[]): Promise<HashedFile[]> {
      const place = placeOf(callback.attempt)
      attempts.add(callback.attempt)
      const placed = files.map((file) => ({ ...file, root: file.root.slice(folder.length + 1) }))
      await mkdir(place)
      await rename(folder, join(place, 'run'))
      await writeDurably(join(place, 'new'), `${JSON.stringify(placed)}\n${encode(callback)}`)
      await rename(join(place, 'new'), join(place, 'record'))
      await syncFolder(place)
      await syncFolder(root)
      return placed.map((file) => ({ ...file, root: join(place, 'run', file.root) }))
    },

    /** These are acknowledged or no longer wanted. */
    async drop(dropped: readonly string[]): Promise<void> {
      if (attempts.size === 0) return
      for (const attempt of dropped) {
        if (attempts.delete(attempt)) await removeFolder(placeOf(attempt))
      }
    },
  }
}

function readRecord(place: string): KeptOutcome {
  const text = readFileSync(join(place, 'record'), 'utf8')
  const end = text.indexOf('\n')
  const files = JSON.parse(text.slice(0, end)) as HashedFile[]
  return {
    callback: readCallback(text.slice(end + 1)),
    files: files.map((file) => ({ ...file, root: join(place, 'run', file.root) })),
  }
}

async function writeDurably(path: string, text: string): Promise<void> {
  await using file = await open(path, 'w')
  await file.writeFile(text)
  await file.sync()
}

/** Windows has no such thing. */
async function syncFolder(path: string): Promise<void> {
  if (process.platform === 'win32') return
  await using folder = await open(path)
  await folder.sync()
}
