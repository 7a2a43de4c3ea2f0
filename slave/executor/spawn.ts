// Starts a child process with as little permission as it can compute with. Owns the flags, the
// environment and what ties a child to the agent's life. Must not know runs or channels.
//
// No orphans: a child exits when its stdin closes, and so with the agent, unless an endless loop
// keeps it from noticing. Against that one:
//   Linux    `setpriv --pdeathsig KILL` (util-linux): the kernel kills it when the agent dies
//   Windows  libuv puts children into a job object that dies with the agent
//   other    nothing; a service manager's process group ends them, or a person does
// Rejected: `ulimit -t` (bounds a child's whole life, not its run), the timeout of node:vm (a
// thread a call, and blind after the first await), native addons, --allow-ffi.

import type { ChildProcess } from 'node:child_process'
import { spawn, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
/** All that a child may read to start from source: never the agent's data or settings. */
const READABLE = ['package.json', 'node_modules', 'shared', join('slave', 'executor')]

/**
 * Modules that reach past --permission or are of no use to a kind: node:sqlite opens any file. Web
 * storage is SQLite too.
 */
const CLOSED_FLAGS = [
  '--no-experimental-sqlite',
  '--no-experimental-webstorage',
  '--no-experimental-ffi',
  '--no-experimental-websocket',
]

/** Of each child, and of the process that a snapshot is made of. */
export const CHILD_FLAGS = [
  ...CLOSED_FLAGS,
  '--disable-proto=delete',
  '--disallow-code-generation-from-strings',
  '--disable-sigusr1',
  '--no-warnings',
]
/** Date.parse in expressions must not depend on the zone of the slave. */
export const CHILD_ENVIRONMENT = { TZ: 'UTC' }

/** What a child that works on files may do besides: the agent trusts the kinds that it runs. */
export type Folders = { read: string[]; write: string[] }

export type ChildProgram = {
  program: URL
  /** Its folder may be read too. */
  kindsModule: URL
  heapMb: number
  /** Then it may also use native libraries: only for kinds of ours, never for what a client wrote. */
  folders?: Folders | undefined
  /** A child starts from it in place of `program`, and reads no source. */
  snapshot?: string | undefined
  argument: string
  /** What goes before the command, from findTie(). */
  tie: string[]
  /** An open file that becomes the child's fd 4. */
  markFd: number
}

/** Starts a child with pipes on stdin, stderr and fd 3, a file on fd 4, and no environment but UTC. */
export function spawnChild(options: ChildProgram): ChildProcess {
  const { snapshot } = options
  const [command, ...args] = [
    ...options.tie,
    process.execPath,
    '--permission',
    ...(snapshot === undefined ? sourceFlags(options) : []),
    ...foldersFlags(options.folders),
    ...CHILD_FLAGS,
    `--max-old-space-size=${options.heapMb}`,
    ...(snapshot === undefined ? [fileURLToPath(options.program)] : ['--snapshot-blob', snapshot]),
    options.argument,
  ]
  return spawn(command!, args, {
    cwd: ROOT,
    env: CHILD_ENVIRONMENT,
    stdio: ['pipe', 'ignore', 'pipe', 'pipe', options.markFd],
    windowsHide: true,
  })
}

/** A child that starts from source reads it. */
function sourceFlags({ program, kindsModule }: ChildProgram): string[] {
  const readable = READABLE.map((path) => join(ROOT, path))
  for (const url of [program, kindsModule]) readable.push(dirname(fileURLToPath(url)))
  return readable.map((path) => `--allow-fs-read=${path}`)
}

function foldersFlags(folders: Folders | undefined): string[] {
  if (!folders) return ['--no-addons']
  const { read, write } = folders
  return [
    '--allow-addons',
    ...[...read, ...write].map((path) => `--allow-fs-read=${path}`),
    ...write.map((path) => `--allow-fs-write=${path}`),
  ]
}

/** The words before a command that let the kernel kill it with us; none where that is not to be had. */
export function findTie(): string[] {
  const setpriv = process.platform === 'linux' ? findProgram('setpriv') : undefined
  if (!setpriv) return []
  const tie = [setpriv, '--pdeathsig', 'KILL', '--']
  // busybox has a setpriv without it, and a container may forbid it: try.
  const tried = spawnSync(setpriv, [...tie.slice(1), setpriv, '--version'])
  return tried.status === 0 ? tie : []
}

/** The path of a program of the system. */
export function findProgram(name: string): string | undefined {
  const folders = (process.env.PATH ?? '').split(delimiter).concat('/usr/bin')
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path))
}
