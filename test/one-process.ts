// Runs many test files in one process. tap gives each file a process of its own, which costs half a
// second of a core before the first line of the test runs: for all unit tests together a minute.
//
// Each file becomes a subtest with the file's path as its name. The file still imports `tap`; a
// resolve hook gives it that subtest in place of tap's root. `npx tap FILE` runs a file by itself.

import { globSync } from 'node:fs'
import { registerHooks } from 'node:module'
import { pathToFileURL } from 'node:url'
import type { Test } from 'tap'
import t from 'tap'

const ROOT = new URL('../', import.meta.url)
const SUBTEST = 'subtest-of:'

/** The subtest of each file that was started, by the file's URL. */
const subtests = new Map<string, Test>()

/** The modules that stand for `tap` read it there: they have no other way to this module. */
Object.assign(globalThis, { [Symbol.for('askfirst.subtests')]: subtests })

registerHooks({
  resolve: (specifier, context, next) =>
    specifier === 'tap' && subtests.has(context.parentURL ?? '')
      ? { url: SUBTEST + context.parentURL, shortCircuit: true }
      : next(specifier, context),
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

/** Runs the unit tests that a pattern finds and no other excludes, one file after the other. */
export function runInOneProcess(include: string[], exclude: string[] = []): void {
  const files = globSync(include, { cwd: ROOT, exclude: ['test/**/*.system.test.ts', ...exclude] })
  for (const file of files.sort()) {
    const { href } = pathToFileURL(new URL(file, ROOT).pathname)
    void t.test(file, async (t) => {
      subtests.set(href, t)
      await import(href)
    })
  }
}
