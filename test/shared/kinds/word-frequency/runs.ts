// Folders of files, and whole jobs over them in this process.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { Random } from '../../../../shared/data/random.ts'
import type { Kind } from '../../../../shared/kinds/kind.ts'
import { job, kinds } from '../../../../shared/kinds/word-frequency/kind.ts'
import { runJob } from '../../run-job.ts'

export type Teardown = { teardown(remove: () => void): unknown }

/** A folder with these files, for as long as the test runs. */
export function folderOf(t: Teardown, files: Record<string, string | Buffer> = {}): string {
  const folder = mkdtempSync(join(tmpdir(), 'askfirst-words-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), content)
  }
  return folder
}

export const kindsByName = new Map(kinds.map((kind) => [kind.name, kind]))

/** Runs a job; `replaced` stand in for kinds of the same name. */
export function countWords(given: {
  input: unknown
  random: Random
  parts?: number | null
  slots?: number
  shared?: string
  blobs?: Map<string, Buffer>
  replaced?: Kind[]
}) {
  const { parts = null, replaced = [], ...rest } = given
  const all = new Map([...kindsByName, ...replaced.map((kind) => [kind.name, kind] as const)])
  return runJob({ job, kinds: all, parts, ...rest })
}
