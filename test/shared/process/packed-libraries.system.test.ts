// The pack of libraries, in processes of their own: libraries are imported once.

import { execFileSync } from 'node:child_process'
import { pathToFileURL } from 'node:url'
import t from 'tap'
import { packLibraries } from '../../../deploy/pack/libraries.ts'
import { LIBRARIES } from '../../../shared/process/packed-libraries.ts'

const MODULE = new URL('../../../shared/process/packed-libraries.ts', import.meta.url)
const folder = pathToFileURL(`${t.testdir()}/libraries/`)
await packLibraries(folder)

/** What a module of ours gets: the names that each library exports, and where it came from. */
const run = (stamp?: string): Record<string, { names: string[]; files: string[] }> => {
  const program = `
    import { registerHooks } from 'node:module'
    import { usePackedLibraries } from '${MODULE.href}'
    const files = []
    registerHooks({ load(url, context, next) { files.push(url); return next(url, context) } })
    usePackedLibraries(new URL('${folder.href}'), ${JSON.stringify(stamp)})
    const found = {}
    for (const name of ${JSON.stringify(LIBRARIES)}) {
      files.length = 0
      found[name] = { names: Object.keys(await import(name)).sort(), files: [...files] }
    }
    process.stdout.write(JSON.stringify(found))`
  const args = ['--input-type=module', '--eval', program]
  const env = { PATH: process.env.PATH }
  return JSON.parse(
    execFileSync(process.execPath, args, { env, encoding: 'utf8', maxBuffer: 2 ** 26 }),
  )
}

t.test('libraries come from the pack with all that they export', (t) => {
  const packed = run()
  const unpacked = run('a stamp of other packages')
  for (const name of LIBRARIES) {
    const plain = (names: string[]) => names.filter((each) => each !== 'module.exports')
    t.same(plain(packed[name]!.names), plain(unpacked[name]!.names), name)
    const ours = packed[name]!.files.filter((url) => !url.startsWith('node:'))
    t.ok(
      ours.every((url) => url.startsWith(folder.href)),
      `${name} comes from the pack`,
    )
    t.notOk(unpacked[name]!.files.some((url) => url.startsWith(folder.href)))
  }
  t.end()
})
