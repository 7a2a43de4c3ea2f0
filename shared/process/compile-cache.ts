// Keeps the compiled code of this program on disk, so that its next start takes about half the processor
// time. Node checks each entry against the source that it came from.
//
// The cache is code. It lies inside node_modules, where whoever can write can replace the program anyway.
// Where that folder cannot be written, there is no cache. Executors have none: Node uses one only with the
// permission to write it (--allow-fs-write), which would let a task change what others run.

import { enableCompileCache, flushCompileCache } from 'node:module'
import { fileURLToPath } from 'node:url'

/** The folder of the cache, where none is named. */
export const compileCacheFolder = fileURLToPath(
  new URL('../../node_modules/.cache/askfirst', import.meta.url),
)

/** Caches modules that are imported from now on. NODE_COMPILE_CACHE names another folder. */
export const useCompileCache = (): void => void enableCompileCache(compileCacheFolder)

/** Writes what has been compiled so far. A process that is killed writes nothing at its end. */
export const saveCompileCache = (): void => flushCompileCache()

/**
 * The environment of a thread that uses the cache from its first module on. Without it the thread loads the
 * compiler of TypeScript for that module, which takes 24 MiB and 65 ms; its `env` is not this process's.
 */
export const environmentOfThread = (): NodeJS.ProcessEnv => ({
  NODE_COMPILE_CACHE: compileCacheFolder,
  ...process.env,
})
