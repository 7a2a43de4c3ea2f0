// Libraries in few files: a master or slave imports some 1,000 modules of libraries, and Node takes up to a
// millisecond of processor time for each, however small it is. `npm run pack` (deploy/pack/) writes them
// as a handful of modules, from which they are imported in place of node_modules/.
//
// The pack is code, like the compile cache, and lies beside it. It is used only when its stamp says that it
// was made by this Node from the packages that are installed now; without it everything works, and starts
// slower. Executors do not use it: their snapshot contains what they need.

import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { registerHooks } from 'node:module'

const NODE_MODULES = new URL('../../node_modules/', import.meta.url)
export const LIBRARIES_FOLDER = new URL('.cache/askfirst/libraries/', NODE_MODULES)

/** The libraries that a master or slave imports at its start, as it names them. */
export const LIBRARIES = [
  'typebox',
  'typebox/value',
  'typebox/compile',
  'undici',
  'fastify',
  'pino',
  'prom-client',
]

/** The file of a library in the pack. */
export const fileOfLibrary = (name: string): string => `${name.replaceAll('/', '-')}.mjs`

/** What the pack depends on: Node, and the packages as npm has installed them. */
export function stampOfLibraries(): string | undefined {
  const path = new URL('.package-lock.json', NODE_MODULES)
  if (!existsSync(path)) return undefined
  const installed = readFileSync(path)
  const hash = createHash('sha256').update(installed).digest('hex')
  return `${process.version} ${LIBRARIES.join(' ')} ${hash}`
}

/** Imports libraries from the pack from now on, where a fitting one exists. The arguments are for tests. */
export function usePackedLibraries(folder = LIBRARIES_FOLDER, stamp = stampOfLibraries()): void {
  if (stamp === undefined || readStamp(folder) !== stamp) return
  const packed = new Map(LIBRARIES.map((name) => [name, new URL(fileOfLibrary(name), folder).href]))
  registerHooks({
    resolve(specifier, context, next) {
      const url = packed.get(specifier)
      // A library finds its own dependencies: it may need another version.
      if (url === undefined || context.parentURL?.includes('/node_modules/')) {
        return next(specifier, context)
      }
      return { url, format: 'module', shortCircuit: true }
    },
  })
}

function readStamp(folder: URL): string | undefined {
  try {
    return readFileSync(new URL('stamp', folder), 'utf8')
  } catch {
    return undefined
  }
}
