// `npm run kernel`: compiles the kernel of word-frequency with clang and writes it beside its source,
// with the hashes by which kernel.test.ts sees that both belong together. Debian: clang, lld.

import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const FOLDER = join(import.meta.dirname, '../../../../shared/kinds/word-frequency/kernel')
const SOURCE = join(FOLDER, 'kernel.c')
const BINARY = join(FOLDER, 'binary.ts')
/** Where COUNTS ends in kernel.c. */
const MEMORY_BYTES = 216 * 2 ** 20

const FLAGS = [
  '--target=wasm32',
  '-O3',
  '-msimd128',
  '-mbulk-memory',
  '-nostdlib',
  '-ffreestanding',
  // An empty slot leads to place 0, which may be read.
  '-fno-delete-null-pointer-checks',
  '-Wall',
  '-Wextra',
  '-Werror',
  '-Wl,--no-entry',
  `-Wl,--initial-memory=${MEMORY_BYTES}`,
  `-Wl,--max-memory=${MEMORY_BYTES}`,
  '-Wl,-z,stack-size=8192',
  '-Wl,--strip-all',
]

const sha256Of = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

/** The version of clang that is installed; null when there is none. */
export function compilerVersion(): string | null {
  try {
    const said = execFileSync('clang', ['--version'], { encoding: 'utf8', stdio: 'pipe' })
    return /version (\S+)/.exec(said)?.[1] ?? null
  } catch {
    return null
  }
}

/** Compiles the source. */
export function compile(): Buffer {
  const folder = mkdtempSync(join(tmpdir(), 'askfirst-kernel-'))
  const out = join(folder, 'kernel.wasm')
  try {
    execFileSync('clang', [...FLAGS, '-o', out, SOURCE], {
      stdio: ['ignore', 'inherit', 'inherit'],
    })
    return readFileSync(out)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

if (import.meta.main) {
  const compiled = compile()
  writeFileSync(
    BINARY,
    `// kernel.c, compiled: written by \`npm run kernel\`, checked by kernel.test.ts. Not to be edited.

/** By this version of clang. */
export const COMPILER = '${compilerVersion()}'
export const SOURCE_SHA256 = '${sha256Of(readFileSync(SOURCE))}'
export const KERNEL_SHA256 = '${sha256Of(compiled)}'
/** WebAssembly, in base64. */
export const KERNEL =
  '${compiled.toString('base64')}'
`,
  )
}
