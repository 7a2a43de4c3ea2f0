// Who may read and who hears of a commit, before and after the sync of the log.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { test } from 'tap'
import { createLogSync } from '../../../master/store/log-sync.ts'

/** A log whose syncs end when the test says so. */
function setUp(t: Test) {
  const path = join(t.testdir(), 'log')
  writeFileSync(path, '')
  const syncs: ((error: Error | null) => void)[] = []
  const log = createLogSync(path, (_file, done) => void syncs.push(done))
  t.teardown(() => log.close())
  const said: string[] = []
  return {
    said,
    sync: (name: string) =>
      log.sync((error) => said.push(error ? `${name}: ${error.message}` : name)),
    read: (name: string) => log.whenDurable(() => said.push(name)),
    endSync: (error: Error | null = null) => syncs.shift()?.(error),
    underWay: () => syncs.length,
  }
}

test('a read waits for the sync of what is written, and is not held without one', async (t) => {
  const log = setUp(t)
  log.read('first read')
  t.same(log.said, ['first read'])
  log.sync('commit')
  log.read('second read')
  t.same(log.said, ['first read'], 'neither read nor commit before the sync')
  log.endSync()
  t.same(log.said.toSorted(), ['commit', 'first read', 'second read'])
})

test('a commit that comes during a sync has the next one, and reads wait for that too', async (t) => {
  const log = setUp(t)
  log.sync('one')
  log.sync('two')
  log.sync('three')
  log.read('read')
  t.equal(log.underWay(), 1, 'one sync at a time')
  log.endSync()
  t.same(log.said, ['one'], 'it does not cover what was written after it began')
  log.endSync()
  t.same(log.said.toSorted(), ['one', 'read', 'three', 'two'], 'and one more covers the rest')
})

test('the error of a sync reaches every commit that it was to cover, and no other', async (t) => {
  const log = setUp(t)
  log.sync('one')
  log.sync('two')
  log.endSync(new Error('EIO'))
  t.same(log.said, ['one: EIO'])
  log.endSync()
  t.same(log.said, ['one: EIO', 'two'])
})
