// The programs that a slave may run, as its operator lists them: `any`, or names, each with a path or not.
// A program without a path is the first file of its name in PATH. Relative folders of PATH do not count.

import { accessSync, constants, statSync } from 'node:fs'
import { delimiter, isAbsolute, join } from 'node:path'
import { UsageError } from '../../shared/process/usage-error.ts'
import type { Commands } from '../../shared/protocol/wire.ts'

const ANY = 'any'
const NAME_CHARACTERS_MAX = 255
const PROGRAMS_MAX = 1024

/** By name; the path is null when PATH decides. `any`: every name is allowed. */
export type Allowed = 'any' | ReadonlyMap<string, string | null>

/** Reads --commands. Throws UsageError. */
export function parseAllowed(list: readonly string[]): Allowed {
  const refuse = (why: string): never => {
    throw new UsageError(`--commands cannot be ${list.join(',')}: ${why}`)
  }
  if (list.includes(ANY)) return list.length === 1 ? ANY : refuse(`"${ANY}" must stand alone`)
  if (list.length > PROGRAMS_MAX) refuse(`more than ${PROGRAMS_MAX} programs`)
  const allowed = new Map<string, string | null>()
  for (const entry of list) {
    const at = entry.indexOf('=')
    const name = at < 0 ? entry : entry.slice(0, at)
    const path = at < 0 ? null : entry.slice(at + 1)
    if (name === '' || name.length > NAME_CHARACTERS_MAX) refuse('a name is empty or too long')
    if (/[/\0]/.test(name)) refuse(`${name} has a "/": give it a name, as in name=/absolute/path`)
    if (path !== null && !isAbsolute(path)) refuse(`${path} is not an absolute path`)
    if (allowed.has(name)) refuse(`${name} is listed twice`)
    allowed.set(name, path)
  }
  return allowed
}

export type Programs = {
  /** For the card. */
  names: Commands['programs']
  /** The folders in which programs are found, as a PATH. */
  path: string
  /** The file of a program, as it is now; or why it cannot run, in words for people. */
  find(name: string): { path: string } | { unable: string }
}

/** `searched`: the value of PATH. */
export function createPrograms(allowed: Allowed, searched: string): Programs {
  const folders = searched.split(delimiter).filter(isAbsolute)

  return {
    names: allowed === ANY ? ANY : [...allowed.keys()],
    path: folders.join(delimiter),

    find(name) {
      if (/[/\0]/.test(name)) return { unable: `does not run ${JSON.stringify(name)}` }
      const fixed = allowed === ANY ? null : allowed.get(name)
      if (fixed === undefined) return { unable: `does not run ${JSON.stringify(name)}` }
      const paths = fixed === null ? folders.map((folder) => join(folder, name)) : [fixed]
      const path = paths.find(isExecutable)
      return path === undefined
        ? { unable: `${JSON.stringify(name)} is not installed here` }
        : { path }
    },
  }
}

function isExecutable(path: string): boolean {
  try {
    // Most folders of PATH do not have it: no error is made for them.
    if (!statSync(path, { throwIfNoEntry: false })?.isFile()) return false
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
