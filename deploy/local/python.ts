// Where Python is, for the slave that is written in it.

import { spawnSync } from 'node:child_process'

/** A python3 that has Pillow: the first on the PATH may be another than the system's. */
export function findPython(modules = 'PIL'): string | undefined {
  const needs = `import sys, ${modules}; sys.exit(sys.version_info < (3, 11))`
  return ['python3', '/usr/bin/python3'].find((name) => {
    return spawnSync(name, ['-c', needs], { stdio: 'ignore' }).status === 0
  })
}
