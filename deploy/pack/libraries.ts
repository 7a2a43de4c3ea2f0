// Writes the pack of libraries (shared/process/packed-libraries.ts).

import assert from 'node:assert'
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import {
  fileOfLibrary,
  LIBRARIES,
  LIBRARIES_FOLDER,
  stampOfLibraries,
} from '../../shared/process/packed-libraries.ts'
import type { Plugin } from './bundle.ts'
import { bundle } from './bundle.ts'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
/** CommonJS modules in the pack call it for Node's own modules. */
const REQUIRE =
  "import { createRequire as createRequireOfPack } from 'node:module'; const require = createRequireOfPack(import.meta.url);"

/** Packs the libraries as they are installed, in the place of an earlier pack; `to` is for tests. */
export async function packLibraries(to = LIBRARIES_FOLDER): Promise<void> {
  const stamp = stampOfLibraries()
  assert(stamp !== undefined, 'npm has not installed the packages')
  const folder = fileURLToPath(to).replace(/[/\\]$/, '')
  const draft = `${folder}.${process.pid}`
  const entries = new Map<string, string>()
  for (const name of LIBRARIES) entries.set(name, await entryOf(name))
  mkdirSync(draft, { recursive: true })
  await bundle({
    entryPoints: LIBRARIES.map((name) => ({
      in: `library:${name}`,
      out: fileOfLibrary(name).replace(/\.mjs$/, ''),
    })),
    plugins: [entriesPlugin(entries)],
    // What two libraries have in common exists once, in a file of its own.
    splitting: true,
    format: 'esm',
    outdir: draft,
    outExtension: { '.js': '.mjs' },
    banner: { js: REQUIRE },
  })
  writeFileSync(`${draft}/stamp`, stamp)
  rmSync(folder, { recursive: true, force: true })
  renameSync(draft, folder)
}

/** A module with the exports that an import of the library gives: those of CommonJS are found by Node. */
async function entryOf(name: string): Promise<string> {
  const names = Object.keys((await import(name)) as object)
  const quoted = JSON.stringify(name)
  const plain = names.filter((each) => /^[A-Za-z_$][\w$]*$/.test(each) && each !== 'default')
  const byDefault = names.includes('default') ? `export { default } from ${quoted}\n` : ''
  return `export { ${plain.join(', ')} } from ${quoted}\n${byDefault}`
}

const entriesPlugin = (entries: ReadonlyMap<string, string>): Plugin => ({
  name: 'entries',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^library:/ }, ({ path }) => ({
      path: path.slice('library:'.length),
      namespace: 'library',
    }))
    onLoad({ filter: /.*/, namespace: 'library' }, ({ path }) => ({
      contents: entries.get(path) ?? '',
      resolveDir: ROOT,
    }))
  },
})
