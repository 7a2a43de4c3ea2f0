// What word-frequency must equal, byte for byte: a pipeline of a POSIX shell with GNU tools.

import { spawnSync } from 'node:child_process'
import { PIPELINE } from '../../../../deploy/local/corpus.ts'

/** GNU grep is needed: others do not read NUL bytes and long lines in the same way. */
export const hasShell = /GNU grep/.test(
  spawnSync('grep', ['--version'], { encoding: 'utf8' }).stdout ?? '',
)

/** The lines that the pipeline gives for these files. */
export function frequencies(folder: string, files: string[]): Buffer {
  const { stdout, stderr, error } = spawnSync('sh', ['-c', PIPELINE, 'sh', ...files], {
    cwd: folder,
    env: { PATH: process.env.PATH, LC_ALL: 'C' },
    maxBuffer: 2 ** 30,
  })
  if (error) throw error
  if (stderr.length > 0) throw new Error(String(stderr))
  return stdout
}
