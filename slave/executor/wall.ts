// What a kind's code can reach once an executor is ready: nothing but its input and, for kinds that
// work on files, the slave's folders. Closed in the child when all kinds are loaded, in layers, so
// that a fault in one is not a way out:
//
//   flags        spawn.ts: no network, processes, threads, WASI, addons; no node:sqlite, node:ffi
//   permissions  dropped here for good: reading source and libraries, loading native libraries
//   modules      here: no module is loaded any more but built-in ones that only compute
//   functions    here: those of `process`, `os` and `v8` that no flag guards
//   kernel       confine.ts (Linux): no file or socket can be opened at all
//
// The layers of this file are JavaScript or Node's own; only the last is the kernel's. Must not
// know kinds, runs or the pool.

import { registerHooks, syncBuiltinESMExports } from 'node:module'
import type { Folders } from './spawn.ts'

/** Built-in modules that compute and nothing else; what follows a slash in a name goes with it. */
const PURE = [
  'assert',
  'async_hooks',
  'buffer',
  'constants',
  'crypto',
  'diagnostics_channel',
  'events',
  'path',
  'perf_hooks',
  'punycode',
  'querystring',
  'stream',
  'string_decoder',
  'timers',
  'url',
  'util',
  'zlib',
]
/** For kinds that work on files; the permissions say which. */
const FOR_FILES = ['fs']

/** They act on other processes, or on all of this one, and no permission is asked. */
const CLOSED = {
  process: [
    'kill',
    '_kill',
    '_debugProcess',
    '_debugEnd',
    'binding',
    '_linkedBinding',
    'dlopen',
    'execve',
    'loadEnvFile',
    'chdir',
    'umask',
    'setuid',
    'setgid',
    'seteuid',
    'setegid',
    'setgroups',
    'initgroups',
  ],
  os: ['setPriority'],
  v8: [
    'setFlagsFromString',
    'setHeapSnapshotNearHeapLimit',
    'writeHeapSnapshot',
    'startCpuProfile',
  ],
}

/** Closes the wall around this process for good. Everything that it needs must be loaded. */
export function closeWall(folders: Folders | undefined): void {
  const pure = new Set([...PURE, ...(folders ? FOR_FILES : [])])
  const isPure = (name: string) => pure.has(nameOf(name).split('/', 1)[0]!)
  const builtin = process.getBuiltinModule
  for (const [name, functions] of Object.entries(CLOSED)) {
    const owner = (name === 'process' ? process : builtin(name)) as Record<string, unknown>
    for (const each of functions) if (each in owner) close(owner, each, `${name}.${each}`)
  }
  close(process.report, 'writeReport', 'process.report.writeReport')
  syncBuiltinESMExports()
  replace(process, 'getBuiltinModule', (name: string) => {
    if (!isPure(String(name))) throw refusal(`load ${name}`)
    return builtin(String(name))
  })
  registerHooks({
    resolve(specifier, context, next) {
      if (!isPure(specifier)) throw refusal(`load ${specifier}`)
      return next(specifier, context)
    },
  })
  dropPermissions(folders)
}

function close(owner: object, name: string, words: string) {
  replace(owner, name, () => {
    throw refusal(`call ${words}`)
  })
}

function replace(owner: object, name: string, value: unknown) {
  Object.defineProperty(owner, name, { value, writable: false, configurable: false })
}

/** Node's own permissions, which were needed to load the kinds: no code can take them back. */
function dropPermissions(folders: Folders | undefined) {
  const { permission } = process
  permission.drop('addon')
  if (!folders) return permission.drop('fs')
  const kept = new Set([...folders.read, ...folders.write])
  for (const flag of process.execArgv) {
    const [name, ...path] = flag.split('=')
    if (name === '--allow-fs-read' && !kept.has(path.join('='))) {
      permission.drop('fs.read', path.join('='))
    }
  }
}

const nameOf = (specifier: string): string => specifier.replace(/^node:/, '')

const refusal = (what: string): Error =>
  Object.assign(new Error(`a kind may not ${what}`), { code: 'ERR_ACCESS_DENIED' })
