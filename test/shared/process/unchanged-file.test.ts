// A file that changes while it is read: noticed whatever the writer does, and never without cause.

import { appendFileSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { openSteady, readSteady, watchFiles } from '../../../shared/process/unchanged-file.ts'
import { age, rewrite } from '../rewrite.ts'

const CHANGED = { type: 'file-changed', message: /^a\.txt changed while it was read\. It must not/ }

const CHANGES: Record<string, (path: string) => void> = {
  'rewritten at the same size, its modification time set back': rewrite,
  'that became longer': (path) => appendFileSync(path, 'more'),
  'that became shorter': (path) => writeFileSync(path, 'o'),
  'replaced by another': (path) => {
    writeFileSync(`${path}.new`, 'eno')
    renameSync(`${path}.new`, path)
  },
  removed: (path) => rmSync(path),
}

for (const [how, change] of Object.entries(CHANGES)) {
  t.test(`a file ${how} is noticed by each way to read it`, async (t) => {
    const folder = t.testdir()
    const path = join(folder, 'a.txt')
    const fresh = (): string => {
      writeFileSync(path, 'one')
      age(path)
      return path
    }
    const file = openSteady(fresh(), 'a.txt')
    t.teardown(() => file.close())
    file.check()
    change(path)
    t.throws(() => file.check(), CHANGED)

    const check = watchFiles({ 'a.txt': fresh() })
    check()
    change(path)
    t.throws(check, CHANGED)

    const read = readSteady(fresh(), 'a.txt', async () => change(path))
    await t.rejects(read, CHANGED)
    // The change explains why the read failed.
    const failed = readSteady(fresh(), 'a.txt', async () => {
      change(path)
      throw new Error('cut short')
    })
    await t.rejects(failed, CHANGED)
  })
}

t.test('a file that nobody writes to is read, by several readers at once', async (t) => {
  const path = join(t.testdir({ a: 'one' }), 'a')
  const file = openSteady(path, 'a')
  const check = watchFiles({ a: path })
  const bytes = await readSteady(path, 'a', () => readFile(path))
  t.same(bytes, readFileSync(path))
  file.check()
  check()
  file.close()
  await t.rejects(
    readSteady(path, 'a', () => Promise.reject(new Error('a fault of its own'))),
    { message: 'a fault of its own' },
  )
})
