// Which files of a run's folder are its outputs.

import { linkSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import {
  findOutputs,
  hashOfOutput,
  MissingOutputError,
  NotAFileError,
} from '../../../slave/files/outputs.ts'

t.test(
  'outputs are found by name and pattern, each once, in the order of their bytes',
  async (t) => {
    const folder = t.testdir({
      'b.txt': '',
      'a.txt': '',
      'é.txt': '',
      'z.txt': '',
      sub: { deep: { 'c.txt': '' }, 'd.bin': '' },
      '.hidden': { 'e.txt': '' },
    })
    const find = (...wanted: string[]) => findOutputs(folder, wanted)
    t.same(await find('sub/d.bin', 'b.txt', '*.txt'), [
      'a.txt',
      'b.txt',
      'sub/d.bin',
      'z.txt',
      'é.txt',
    ])
    t.same(await find('**/*.txt'), ['a.txt', 'b.txt', 'sub/deep/c.txt', 'z.txt', 'é.txt'])
    t.same(await find('**'), ['a.txt', 'b.txt', 'sub/d.bin', 'sub/deep/c.txt', 'z.txt', 'é.txt'])
    t.same(await find('.hidden/*'), ['.hidden/e.txt'])
    t.same(await find('*.flac', 'gone/**'), [], 'a pattern may match nothing')
  },
)

t.test('a name that the run did not leave is missing', async (t) => {
  const folder = t.testdir({ a: '', sub: {} })
  for (const name of ['b', 'a/b', 'sub/b', '..b']) {
    await t.rejects(findOutputs(folder, ['a', name]), {
      constructor: MissingOutputError,
      message: `the run left no file ${name}`,
    })
    t.same(await findOutputs(folder, ['a', name], { lenient: true }), ['a'])
  }
})

t.test('a link or a folder is no output, by whatever name it is asked for', async (t) => {
  const outside = t.testdir({ secret: 'secret', folder: { inner: 'secret' } })
  const ways: [name: string, wanted: string[], make: (folder: string) => void][] = [
    ['a', ['a', '*', '**'], (folder) => symlinkSync(join(outside, 'secret'), join(folder, 'a'))],
    ['a', ['a', '*'], (folder) => symlinkSync('nowhere', join(folder, 'a'))],
    ['a', ['a/inner', '*'], (folder) => symlinkSync(join(outside, 'folder'), join(folder, 'a'))],
    ['a', ['a', '?'], (folder) => linkSync(join(outside, 'secret'), join(folder, 'a'))],
    ['a', ['a'], (folder) => mkdirSync(join(folder, 'a'))],
  ]
  for (const [i, [name, wanted, make]] of ways.entries()) {
    const folder = join(t.testdirName, `run-${i}`)
    mkdirSync(folder)
    make(folder)
    for (const each of wanted) {
      await t.rejects(
        findOutputs(folder, [each]),
        { constructor: NotAFileError, message: new RegExp(`output ${name} is `) },
        `${i} ${each}`,
      )
      t.same(await findOutputs(folder, [each], { lenient: true }), [])
    }
    await t.rejects(hashOfOutput(folder, name), { message: /is (a|not a)/ })
  }
})

t.test('a pattern does not follow a link to a folder', async (t) => {
  const outside = t.testdir({ folder: { inner: 'secret' } })
  const run = join(t.testdirName, 'run')
  mkdirSync(run)
  symlinkSync(join(outside, 'folder'), join(run, 'a'))
  t.same(await findOutputs(run, ['a/*', '**/inner']), [])
  await t.rejects(hashOfOutput(run, 'a/inner'), { message: /behind a symbolic link/ })
})

t.test(
  'a name that is no UTF-8 cannot be an output',
  { skip: process.platform === 'win32' },
  async (t) => {
    const folder = t.testdir({ good: '' })
    writeFileSync(Buffer.concat([Buffer.from(`${folder}/x`), Buffer.from([0xff])]), '')
    t.same(await findOutputs(folder, ['g*']), ['good'])
    await t.rejects(findOutputs(folder, ['*']), { message: /not valid UTF-8/ })
  },
)

t.test('a run that leaves too many files fails', async (t) => {
  const folder = t.testdir({})
  for (let i = 0; i < 5; i++) writeFileSync(join(folder, `f${i}`), '')
  await t.rejects(findOutputs(folder, ['*'], { filesMax: 4 }), {
    type: 'invalid-result',
    message: 'the run left more than 4 outputs',
  })
  t.equal((await findOutputs(folder, ['f*'], { filesMax: 5 })).length, 5)
})
