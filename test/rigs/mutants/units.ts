// Whose tests own which files: the rooms whose mutations are tested.

import { globSync } from 'node:fs'

type Unit = {
  /** The files of the room, below the root. */
  files: (root: string) => string[]
  /** The unit tests that own their rules. */
  tests: (root: string) => string[]
}

const find = (root: string, pattern: string | string[]): string[] =>
  globSync(pattern, { cwd: root, exclude: ['**/*.system.test.ts'] }).toSorted()

function unit(files: string | string[], tests: string[]): Unit {
  return { files: (root) => find(root, files), tests: (root) => find(root, tests) }
}

export const UNITS: Unit[] = [
  unit('master/store/**/*.ts', ['test/master/store/**/*.test.ts']),
  unit('master/dispatch/*.ts', ['test/master/dispatch/*.test.ts', 'test/master/*.test.ts']),
  unit('master/jobs/*.ts', ['test/master/jobs/*.test.ts']),
  unit('shared/client/*.ts', ['test/shared/client/*.test.ts']),
  unit('slave/link/*.ts', ['test/slave/link/*.test.ts', 'test/slave/*.test.ts']),
  unit('slave/agent/*.ts', ['test/slave/agent/*.test.ts', 'test/slave/*.test.ts']),
]

export function unitOf(root: string, file: string): Unit {
  const found = UNITS.find((unit) => unit.files(root).includes(file))
  if (!found) throw new Error(`no room of units.ts has ${file}`)
  return found
}
