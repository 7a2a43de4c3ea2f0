// mathjs, less what nobody here calls. Its entry also makes an instance of its own and lists what each
// function depends on, in some five hundred more modules: to load all that took 0.6 to 0.9 s of CPU at
// each start of an executor, in place of 0.3. The paths are not documented: mathjs is pinned exactly,
// and equal.system.test.ts compares with the whole.

import { createRequire, Module } from 'node:module'
import { dirname, join } from 'node:path'
import type { Create, Factories } from './factories.ts'
import { mathjsOf } from './factories.ts'
import type { Mathjs } from './mathjs-types.ts'
import { naturalSort } from './natural-sort.ts'

/** Its files that are loaded, from the folder of its entry. The packed executor contains the same. */
export const CREATE = 'core/create.js'
export const FACTORIES = 'entry/allFactoriesAny.js'

/** Loads it. */
export function loadMathjs(): Mathjs {
  const require = createRequire(import.meta.url)
  const folder = dirname(require.resolve('mathjs'))
  replaceNaturalSort(createRequire(join(folder, CREATE)))
  const { create } = require(join(folder, CREATE)) as { create: Create }
  const { all } = require(join(folder, FACTORIES)) as { all: Factories }
  return mathjsOf(create, all)
}

/** Gives mathjs our own natural order of texts, before it loads the package that backtracks. */
function replaceNaturalSort(require: NodeJS.Require): void {
  const path = require.resolve('javascript-natural-sort')
  const replacement = new Module(path)
  replacement.exports = naturalSort
  replacement.loaded = true
  require.cache[path] = replacement
}
