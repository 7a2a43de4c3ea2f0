// Module hooks of a child: many runs of test files in one process, each with its own instances of the
// modules that depend on the mutated file, and of the test files. A run's modules have its number in
// their URL (`?run=7`); what the mutated file does not reach is shared by all runs. `tap` is the small
// one (tap.ts) of that run. Sources are stripped of their types once.
//
// Preloaded with --import, so that the threads that a test starts have the hooks too. A thread has
// modules of its own anyway, and gets the mutation in its environment.

import { appendFileSync, readFileSync } from 'node:fs'
import { registerHooks } from 'node:module'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { isMainThread } from 'node:worker_threads'
import { stripped } from '../source/syntax.ts'
import { ENVIRONMENT } from './environment.ts'
import type { Mutation } from './operators.ts'
import { apply } from './operators.ts'
import type { Root } from './tap.ts'

type MutantOfFile = Mutation & { file: string }

const ROOT = pathToFileURL(`${process.env[ENVIRONMENT.root] ?? process.cwd()}/`).href
const TAP = 'small-tap:'
/** Where the module that stands for `tap` finds the tests of its run. */
const ROOTS = Symbol.for('askfirst.mutants.roots')

type Run = {
  number: number
  mutant: MutantOfFile | undefined
  fresh: ReadonlySet<string> | undefined
}

let current: Run | undefined
const roots = new Map<string, Root>()
const sources = new Map<string, string>()
/** Who imports a file, by its path. */
const importers = new Map<string, Set<string>>()

Object.assign(globalThis, { [ROOTS]: roots })
if (!isMainThread) {
  const given = process.env[ENVIRONMENT.mutant] ?? ''
  const mutant = given === '' ? undefined : (JSON.parse(given) as MutantOfFile)
  current = { number: 0, mutant, fresh: new Set() }
}

registerHooks({
  resolve(specifier, context, next) {
    const importer = pathOf(context.parentURL)
    if (specifier === 'tap' && importer?.startsWith('test/') && current) {
      return { url: `${TAP}${String(current.number)}`, shortCircuit: true }
    }
    const resolved = next(specifier, context)
    const path = pathOf(resolved.url)
    if (path === undefined || !current || !isMainThread) return resolved
    if (importer !== undefined) setOf(importers, path).add(importer)
    return isFresh(path) ? { ...resolved, url: urlOf(path) } : resolved
  },
  load(url, context, next) {
    if (url.startsWith(TAP)) return { format: 'module', source: tapOf(url), shortCircuit: true }
    const path = pathOf(url)
    if (path === undefined || !path.endsWith('.ts')) return next(url, context)
    if (!isMainThread) appendFileSync(process.env[ENVIRONMENT.threads] as string, `${path}\n`)
    return { format: 'module', source: sourceOf(path), shortCircuit: true }
  },
})

const setOf = <K>(sets: Map<K, Set<K>>, key: K): Set<K> => {
  const found = sets.get(key) ?? new Set()
  sets.set(key, found)
  return found
}

/** The path of one of our files below the root. */
function pathOf(url: string | undefined): string | undefined {
  if (!url?.startsWith(ROOT) || url.includes('/node_modules/')) return undefined
  return fileURLToPath(url).slice(fileURLToPath(ROOT).length)
}

const urlOf = (path: string): string => `${ROOT}${path}?run=${String(current?.number)}`

/** Without a mutation all modules are the run's own. */
const isFresh = (path: string): boolean => current?.fresh?.has(path) ?? true

function sourceOf(path: string): string {
  const source = sources.get(path) ?? stripped(readFileSync(new URL(path, ROOT), 'utf8'))
  sources.set(path, source)
  return current?.mutant?.file === path ? apply(source, current.mutant) : source
}

const tapOf = (url: string): string => `
  const t = globalThis[Symbol.for('${ROOTS.description ?? ''}')].get(${JSON.stringify(url)})
  export default t
  export const test = t.test
`

let runs = 0

/**
 * Begins a run: what is imported from now on has the mutation. With `file`, modules that do not depend
 * on it are those of earlier runs.
 */
export function beginRun(file?: string, mutation?: Mutation): void {
  runs++
  const mutant = file !== undefined && mutation ? { file, ...mutation } : undefined
  current = { number: runs, mutant, fresh: file === undefined ? undefined : dependentsOf(file) }
  process.env[ENVIRONMENT.mutant] = mutant ? JSON.stringify(mutant) : ''
}

/** The file, and all that import it, also in turn. */
function dependentsOf(file: string): Set<string> {
  const found = new Set([file])
  for (const path of found) for (const importer of importers.get(path) ?? []) found.add(importer)
  return found
}

/** Imports a test file into the current run, with this root in place of tap. */
export async function importTest(path: string, root: Root): Promise<void> {
  const key = `${TAP}${String(current?.number)}`
  roots.set(key, root)
  try {
    await import(urlOf(path))
  } finally {
    roots.delete(key)
  }
}

/** The source files of the coverage of this run, by URL. */
export const pathOfCoverage = pathOf
