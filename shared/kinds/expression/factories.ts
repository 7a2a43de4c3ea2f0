// mathjs from its parts, wherever they were loaded from.

import type { Instance, Mathjs } from './mathjs-types.ts'

export type Factories = Record<string, unknown>
export type Create = (factories: Factories, config: object) => Instance

export function mathjsOf(create: Create, all: Factories): Mathjs {
  // In the order in which an import lists them: error messages follow it.
  const sorted = Object.fromEntries(Object.entries(all).sort(([a], [b]) => (a < b ? -1 : 1)))
  return { create: (config) => create(sorted, config) }
}
