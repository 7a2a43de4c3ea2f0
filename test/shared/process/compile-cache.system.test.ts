// The compile cache, in processes of their own: a process has one from its first import on.

import { execFileSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import t from 'tap'

const MODULE = new URL('../../../shared/process/compile-cache.ts', import.meta.url)
const ROOT = fileURLToPath(new URL('../../../', import.meta.url))

const run = (program: string, env: NodeJS.ProcessEnv): string =>
  execFileSync(process.execPath, ['--input-type=module', '--eval', program], {
    env: { PATH: process.env.PATH, ...env },
    encoding: 'utf8',
  })

const WHERE = `
  import { getCompileCacheDir } from 'node:module'
  import { useCompileCache } from '${MODULE.href}'
  useCompileCache()
  process.stdout.write(getCompileCacheDir() ?? 'none')`

t.test('the compile cache lies inside node_modules of the program', async (t) => {
  t.ok(run(WHERE, {}).startsWith(`${ROOT}node_modules/.cache/askfirst/`))
})

t.test(
  'NODE_COMPILE_CACHE names another folder, and a process writes it before it ends',
  async (t) => {
    const folder = t.testdir()
    t.ok(run(WHERE, { NODE_COMPILE_CACHE: folder }).startsWith(folder))
    const saves = `
    import { readdirSync } from 'node:fs'
    import { getCompileCacheDir } from 'node:module'
    import { saveCompileCache, useCompileCache } from '${MODULE.href}'
    useCompileCache()
    await import('${new URL('../data/clock.ts', MODULE).href}')
    saveCompileCache()
    process.stdout.write(String(readdirSync(getCompileCacheDir()).length))
    process.kill(process.pid, 'SIGKILL')`
    t.throws(() => run(saves, { NODE_COMPILE_CACHE: folder }), 'it kills itself')
    const [versioned] = readdirSync(folder)
    t.not(readdirSync(`${folder}/${versioned}`).length, 0)
  },
)
