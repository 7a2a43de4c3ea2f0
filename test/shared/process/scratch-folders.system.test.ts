// Scratch folders: the locks of living processes keep them, whoever made them; those of processes that
// were killed are removed by a later start. Processes are real, and end by SIGKILL.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import type { Test } from 'tap'
import t from 'tap'
import {
  makeScratch,
  openFolder,
  removeDeadScratch,
} from '../../../shared/process/scratch-folders.ts'
import { folderOf } from '../../folder.ts'
import { own, withoutHooks } from '../../rigs/cluster/launch.ts'

const SCRATCH = new URL('../../../shared/process/scratch-folders.ts', import.meta.url).href

/** From here on this is the folder for temporary files, of this process and those that it starts. */
function temporaryFolder(t: Test): string {
  const folder = folderOf(t)
  const before = process.env.TMPDIR
  process.env.TMPDIR = folder
  t.teardown(() => {
    if (before === undefined) delete process.env.TMPDIR
    else process.env.TMPDIR = before
  })
  return folder
}

/** A process that opens a folder and lives until it is killed. Gives what it opened. */
async function aProcess(t: Test, data?: string) {
  const code = `const { openFolder } = await import('${SCRATCH}')
    const { path } = openFolder(${JSON.stringify(data)})
    process.stdout.write(path)
    setInterval(() => {}, 1e6)`
  const [program = '', ...args] = evaluating(code)
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const { end } = own(child)
  const kill = () => end('SIGKILL')
  t.teardown(kill)
  const [text] = (await once(child.stdout, 'data')) as [Buffer]
  return { path: text.toString(), kill }
}

const evaluating = (code: string): string[] =>
  withoutHooks([process.execPath, '--input-type=module', '--eval', code])

t.test('a folder goes when its process is killed and another starts, not before', async (t) => {
  const temporary = temporaryFolder(t)
  const { path, kill } = await aProcess(t)
  writeFileSync(join(path, 'blob'), 'x'.repeat(1000))
  mkdirSync(join(path, 'work', 'runs'), { recursive: true })
  t.same(await removeDeadScratch(), [], 'it lives')
  t.ok(existsSync(join(path, 'blob')))
  await kill()
  t.ok(existsSync(join(path, 'blob')), 'a killed process removes nothing')
  t.same(await removeDeadScratch(), [path])
  t.same(readdirSync(temporary), [])
})

t.test('a folder stays while a process whose data is in it lives', async (t) => {
  const temporary = temporaryFolder(t)
  const maker = await aProcess(t)
  const data = join(maker.path, 'slaves', 'one')
  const user = await aProcess(t, data)
  t.equal(user.path, data)
  await maker.kill()
  t.same(await removeDeadScratch(), [], 'its maker is dead, its user lives')
  t.ok(existsSync(maker.path))
  await user.kill()
  t.same(await removeDeadScratch(), [maker.path])
  t.same(readdirSync(temporary), [])
})

t.test('a folder of this process stays until it is closed', async (t) => {
  const temporary = temporaryFolder(t)
  const scratch = makeScratch()
  const inside = openFolder(join(scratch.path, 'data'))
  t.same(await removeDeadScratch(), [])
  inside.close()
  t.same(await removeDeadScratch(), [], 'one of two holders has closed it')
  t.ok(existsSync(scratch.path))
  scratch.close()
  scratch.close()
  inside.close()
  t.same(readdirSync(temporary), [])
})

t.test('a data folder elsewhere is used as it is', async (t) => {
  const temporary = temporaryFolder(t)
  const folder = openFolder(join(temporary, 'data'))
  t.equal(folder.path, join(temporary, 'data'))
  folder.close()
  t.same(readdirSync(temporary), [], 'nothing was made')
})

t.test('only what this module made is removed', async (t) => {
  const temporary = temporaryFolder(t)
  const others = ['askfirst-master-AbCdEf', 'askfirst-scratch', 'other']
  for (const name of others) mkdirSync(join(temporary, name))
  const elsewhere = join(temporary, 'other', 'precious')
  writeFileSync(elsewhere, '')
  writeFileSync(join(temporary, 'other', 'owner.lock'), '')
  const { path, kill } = await aProcess(t)
  await kill()
  symlinkSync(join(temporary, 'other'), `${path}x`)
  symlinkSync(join(temporary, 'other'), join(path, 'link'))
  writeFileSync(join(temporary, 'askfirst-scratch-file'), '')
  t.same(await removeDeadScratch(), [path])
  const left = [...others, 'askfirst-scratch-file', `${basename(path)}x`]
  t.same(readdirSync(temporary).toSorted(), left.toSorted())
  t.ok(existsSync(elsewhere), 'links are not followed')
})

t.test('many that start at once keep their folders, and remove the dead', async (t) => {
  const temporary = temporaryFolder(t)
  const dead = await Promise.all([aProcess(t), aProcess(t)])
  await Promise.all(dead.map(({ kill }) => kill()))
  const code = `const { openFolder, removeDeadScratch } = await import('${SCRATCH}')
    const { statSync } = await import('node:fs')
    for (let i = 0; i < 50; i++) {
      await removeDeadScratch()
      const folder = openFolder(undefined)
      await new Promise((resolve) => setImmediate(resolve))
      statSync(folder.path + '/owner.lock')
      folder.close()
    }`
  const codes = await Promise.all(
    Array.from({ length: 3 }, async () => {
      const [program = '', ...args] = evaluating(code)
      const child = spawn(program, args, { stdio: 'inherit' })
      const [exit] = await once(child, 'exit')
      return exit
    }),
  )
  t.same(codes, [0, 0, 0])
  t.same(readdirSync(temporary), [])
})
