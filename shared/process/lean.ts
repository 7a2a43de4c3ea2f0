// Memory of a master or slave: options that Node takes at its start only. A program that was started without
// them replaces itself by one that has them (execve: the same process, with the same id and files).
//
// Node's defaults let the young generation grow to 64 MiB and the old one to several times what lives: they
// suit programs that keep much. Ours keep 30 MiB, and make garbage for as long as they run. A cache of
// compiled code that is there from the first module on spares 20 MiB more, the compiler of TypeScript.

import { compileCacheFolder } from './compile-cache.ts'

/** Options of Node for a process that keeps little. With 8 MiB, or less growth of the heap, batches cost a quarter more; with 16 a tenth. */
export const LEAN_OPTIONS = ['--max-semi-space-size=32']

/**
 * Starts this program again with LEAN_OPTIONS, unless it has them or others of their names. Returns where
 * that cannot be: on Windows, and in a child that talks with its parent over Node's channel.
 */
export function startLean(): void {
  const { execve, execArgv, execPath, argv, env, connected } = process
  const has = (option: string): boolean => execArgv.some((given) => given.startsWith(option))
  const options = LEAN_OPTIONS.filter((option) => !has(option.split('=')[0] as string))
  if (execve === undefined || connected || options.length < LEAN_OPTIONS.length) return
  const cache = { NODE_COMPILE_CACHE: compileCacheFolder }
  execve(execPath, [execPath, ...options, ...execArgv, ...argv.slice(1)], { ...cache, ...env })
}
