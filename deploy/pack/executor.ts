// Writes the packed executor (slave/executor/packed.ts): bundles the program with its kinds and their
// libraries, and lets Node make the snapshot. It contains the kinds that work on no files.

import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { CREATE, FACTORIES } from '../../shared/kinds/expression/mathjs.ts'
import { loadKinds } from '../../shared/kinds/load-kinds.ts'
import { listOf, PACKED_FOLDER } from '../../slave/executor/packed.ts'
import { CHILD_ENVIRONMENT, CHILD_FLAGS } from '../../slave/executor/spawn.ts'
import type { Plugin } from './bundle.ts'
import { bundle } from './bundle.ts'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const BUNDLE = 'executor.cjs'

/** Packs the executor of a slave, in the place of an earlier one; `to` is another folder, for tests. */
export async function packExecutor(to = PACKED_FOLDER): Promise<void> {
  const kinds = [...(await loadKinds()).values()].filter(
    ({ files = false, program = false }) => !files && !program,
  )
  const names = kinds.map(({ name }) => name)
  await packKinds([...new Set(names.map(pathOf))], names, to)
}

/** Packs an executor with kinds of these modules, by path from the root. They export `kind` or `kinds`. */
export async function packKinds(paths: string[], names: string[], to: URL): Promise<void> {
  const folder = fileURLToPath(to).replace(/[/\\]$/, '')
  const draft = `${folder}.${process.pid}`
  mkdirSync(draft, { recursive: true })
  const modules = await bundle({
    stdin: { contents: entryOf(paths, names), resolveDir: ROOT, loader: 'ts' },
    format: 'cjs',
    outfile: join(draft, BUNDLE),
    plugins: [mathjsPlugin],
  })
  const flags = [...CHILD_FLAGS, '--snapshot-blob', join(draft, 'snapshot'), '--build-snapshot']
  await promisify(execFile)(process.execPath, [...flags, join(draft, BUNDLE)], {
    env: CHILD_ENVIRONMENT,
  })
  const ours = modules.filter((path) => !/node_modules\/|^<|:/.test(path))
  writeFileSync(join(draft, 'list.json'), JSON.stringify(listOf(names, [...ours, ...LOADERS])))
  rmSync(join(draft, BUNDLE))
  rmSync(folder, { recursive: true, force: true })
  renameSync(draft, folder)
}

/** Files whose text is not in the bundle, and that say what is. */
const LOADERS = [
  'shared/kinds/expression/mathjs.ts',
  'slave/executor/packed.ts',
  'slave/executor/spawn.ts',
]

/** The module of a kind: a file, or a folder with a kind.ts. */
function pathOf(kind: string): string {
  const path = `./shared/kinds/${kind.split('.', 1)[0]}`
  return existsSync(join(ROOT, `${path}.ts`)) ? `${path}.ts` : `${path}/kind.ts`
}

function entryOf(paths: string[], names: string[]): string {
  const imports = paths.map((path, n) => `import * as file${n} from ${JSON.stringify(path)}`)
  const modules = paths.map((_, n) => `file${n}`).join(', ')
  return `${imports.join('\n')}
    import { saveSnapshot } from './slave/executor/snapshot.ts'
    const all = [${modules}].flatMap(({ kind, kinds = [] }) => kind ? [kind, ...kinds] : kinds)
    void saveSnapshot(all.filter(({ name }) => ${JSON.stringify(names)}.includes(name)))`
}

/** Gives the bundle what mathjs.ts loads by path, and naturalSort in place of what it replaces. */
const mathjsPlugin: Plugin = {
  name: 'mathjs',
  setup({ onLoad, onResolve }) {
    const folder = dirname(createRequire(import.meta.url).resolve('mathjs'))
    onLoad({ filter: /kinds[/\\]expression[/\\]mathjs\.ts$/ }, ({ path }) => ({
      resolveDir: dirname(path),
      contents: `
        import { create } from ${JSON.stringify(join(folder, CREATE))}
        import { all } from ${JSON.stringify(join(folder, FACTORIES))}
        import { mathjsOf } from './factories.ts'
        export const loadMathjs = () => mathjsOf(create, all)`,
    }))
    onResolve({ filter: /^javascript-natural-sort$/ }, () => ({
      path: 'natural-sort',
      namespace: 'ours',
    }))
    onLoad({ filter: /.*/, namespace: 'ours' }, () => ({
      resolveDir: join(ROOT, 'shared/kinds/expression'),
      contents: "module.exports = require('./natural-sort.ts').naturalSort",
    }))
  },
}
