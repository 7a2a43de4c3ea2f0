// Runs many test files in one process, one after the other: those that a pattern in TESTS names, but for those
// that one with `!` names. (Not in arguments: tap names folders after those.) tap gives each file a process of its own, which costs half a second of a core before
// the first line of the test runs: for all unit tests together a minute.
//
// Each file becomes a subtest with the file's path as its name. The file still imports `tap`; a
// resolve hook gives it that subtest in place of tap's root. `npx tap FILE` runs a file by itself.
// Only test files import `tap` at run time: the hook refuses any other module of test/, because its
// subtests would belong to no file. Such a module takes its test as an argument.

import { globSync } from 'node:fs'
import { registerHooks } from 'node:module'
import { pathToFileURL } from 'node:url'
import type { Test } from 'tap'
import t from 'tap'

const ROOT = new URL('../', import.meta.url)
const TESTS = new URL('test/', ROOT).href
const SUBTEST = 'subtest-of:'

/** The subtest of each file that was started, by the file's URL. */
const subtests = new Map<string, Test>()

/** The modules that stand for `tap` read it there: they have no other way to this module. */
Object.assign(globalThis, { [Symbol.for('askfirst.subtests')]: subtests })

registerHooks({
  resolve: (specifier, context, next) => {
    const importer = context.parentURL ?? ''
    if (specifier !== 'tap' || !importer.startsWith(TESTS)) return next(specifier, context)
    if (subtests.has(importer)) return { url: SUBTEST + importer, shortCircuit: true }
    throw new Error(`${importer} imports tap and is not a test file: take the test as an argument`)
  },
  load: (url, context, next) =>
    url.startsWith(SUBTEST)
      ? { format: 'module', source: sourceOf(url.slice(SUBTEST.length)), shortCircuit: true }
      : next(url, context),
})

const sourceOf = (file: string): string => `
  const t = globalThis[Symbol.for('askfirst.subtests')].get(${JSON.stringify(file)})
  export default t
  export const test = t.test.bind(t)
`

const patterns = (process.env.TESTS ?? '').split(' ')
const exclude = patterns.flatMap((pattern) => (pattern.startsWith('!') ? [pattern.slice(1)] : []))
const files = globSync(
  patterns.filter((pattern) => !pattern.startsWith('!')),
  { cwd: ROOT, exclude: ['test/**/*.system.test.ts', ...exclude] },
)
for (const file of files.sort()) {
  const { href } = pathToFileURL(new URL(file, ROOT).pathname)
  void t.test(file, async (t) => {
    subtests.set(href, t)
    await import(href)
  })
}
