// The slaves' folder: names that lead out of it are refused twice, by the master and by the slave.

import { linkSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { createRandom } from '../../../../shared/data/random.ts'
import { listFiles, openListed } from '../../../../shared/kinds/word-frequency/folder.ts'
import { job } from '../../../../shared/kinds/word-frequency/kind.ts'
import { countWords, folderOf } from './runs.ts'

const OUTSIDE = ['../b', '/etc/passwd', 'a/../../b', './a', 'a//b', 'a/', '..', '.', 'a\\b', 'a\0b']

t.test('the job refuses names that are no plain paths in the folder', async (t) => {
  for (const name of OUTSIDE) t.equal(job.mistakes?.({ files: [name] }).length, 1, name)
  t.same(job.mistakes?.({ files: ['a', '../b'] }), [
    { field: 'input.files.1', rule: 'must not contain empty steps, . or ..' },
  ])
  t.same(job.mistakes?.({ files: ['a', '..b', 'sub/c d', '...', 'ü'] }), [])
})

t.test('the job refuses two sources, none, and a file that is named twice', async (t) => {
  const rule = 'must have exactly one of files, blobs and text'
  t.same(job.mistakes?.({}), [{ field: 'input', rule }])
  t.same(job.mistakes?.({ files: 'all', text: '' }), [{ field: 'input', rule }])
  t.same(job.mistakes?.({ files: [] }), [
    { field: 'input.files', rule: 'must name 1 to 10000 files' },
  ])
  t.match(job.mistakes?.({ files: ['a', 'b', 'a'] }), [{ field: 'input.files.2' }])
})

t.test('the slave refuses them too', async (t) => {
  const folder = folderOf(t, { a: 'x' })
  for (const name of OUTSIDE) {
    t.throws(() => listFiles(folder, [name]), {
      type: 'rejected-input',
      message: /^the file name /,
    })
    t.throws(() => openListed(folder, { name, bytes: 1 }), {
      type: 'rejected-input',
      message: /^the file name /,
    })
  }
})

t.test(
  'no symbolic link is followed, nor listed',
  { skip: process.platform === 'win32' },
  async (t) => {
    const outside = folderOf(t, { secret: 'x' })
    const folder = folderOf(t, { a: 'x' })
    symlinkSync(join(outside, 'secret'), join(folder, 'link'))
    symlinkSync(outside, join(folder, 'sub'))
    t.same(listFiles(folder, 'all'), [{ name: 'a', bytes: 1 }])
    for (const name of ['link', 'sub/secret', 'sub']) {
      t.throws(() => listFiles(folder, [name]), {
        type: 'rejected-input',
        message: /symbolic link/,
      })
      t.throws(() => openListed(folder, { name, bytes: 1 }), { message: /symbolic link/ })
    }
  },
)

t.test('lists regular files in folders too, without hidden ones, sorted', async (t) => {
  const folder = folderOf(t, { 'b/x': '12', 'b/.hidden': '', '.git/c': '', a: '1', 'b/a/y': '123' })
  t.same(listFiles(folder, 'all'), [
    { name: 'a', bytes: 1 },
    { name: 'b/a/y', bytes: 3 },
    { name: 'b/x', bytes: 2 },
  ])
  t.same(listFiles(folder, ['b/x', 'a', 'b/.hidden']), [
    { name: 'b/x', bytes: 2 },
    { name: 'a', bytes: 1 },
    { name: 'b/.hidden', bytes: 0 },
  ])
})

t.test('says what is missing', async (t) => {
  const random = createRandom(1)
  const shared = folderOf(t, { 'b/x': '' })
  const count = (files: string[]) => countWords({ input: { files }, shared, random })
  await t.rejects(count(['a.txt']), {
    type: 'missing-file',
    message: 'a.txt is not in the folder of files of this slave',
  })
  await t.rejects(count(['c/x']), { type: 'missing-file', message: /^c is not in/ })
  await t.rejects(count(['b']), { type: 'rejected-input', message: 'b is not a regular file' })
  await t.rejects(countWords({ input: { files: 'all' }, random }), {
    type: 'missing-file',
    message: 'this slave has no folder of files (--files)',
  })
  await t.rejects(countWords({ input: { files: 'all' }, shared: folderOf(t), random }), {
    type: 'rejected-input',
    message: "the slaves' folder has no files",
  })
})

t.test('a file that has another name outside is not read by this one', async (t) => {
  const folder = t.testdir({ files: { plain: 'x' }, secret: 'x' })
  const files = `${folder}/files`
  linkSync(`${folder}/secret`, `${files}/linked`)
  const message = /linked has a second hard link/
  t.throws(() => listFiles(files, ['linked']), { type: 'rejected-input', message })
  t.throws(() => listFiles(files, 'all'), { message })
  t.throws(() => openListed(files, { name: 'linked', bytes: 1 }), { message })
  t.same(listFiles(files, ['plain']), [{ name: 'plain', bytes: 1 }])
})

t.test(
  'a file name that text cannot express is shown by its bytes, with what to do',
  { skip: process.platform !== 'linux' && 'names of files are text here' },
  async (t) => {
    const names: [Buffer, string][] = [
      [Buffer.from('gr\xfcn.txt', 'latin1'), 'the name of "sub/gr\\xfcn.txt"'],
      [Buffer.from('a\\b'), 'the name of "sub/a\\x5cb"'],
    ]
    for (const [name, shown] of names) {
      const folder = folderOf(t, { 'sub/good': 'x' })
      writeFileSync(Buffer.concat([Buffer.from(`${folder}/sub/`), name]), 'y')
      t.throws(() => listFiles(folder, 'all'), {
        type: 'rejected-input',
        message: new RegExp(`^${RegExp.escape(shown)} in .* rename it, or list the files`),
      })
      t.same(listFiles(folder, ['sub/good']), [{ name: 'sub/good', bytes: 1 }])
    }
    const folder = folderOf(t, { 'grün.txt': 'x' })
    t.same(listFiles(folder, 'all'), [{ name: 'grün.txt', bytes: 1 }])
  },
)
