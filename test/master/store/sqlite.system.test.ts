// The SQLite store and what is outside of its process: another process that has it, kill -9, a limit
// on the size of files, a disk that is full.

import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, statSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import { test } from 'tap'
import { FILE_NAME, openSqliteStore } from '../../../master/store/sqlite.ts'
import type { Store } from '../../../master/store/store.ts'
import { fillDisk, onSmallDisk } from '../../small-disk.ts'
import { aTask, commit, end, insert, listAll } from './records.ts'

const COMMIT_LOOP = fileURLToPath(new URL('commit-loop.ts', import.meta.url))

/** Opens the store in `folder` for this test. */
function open(t: Test, folder: string): Store {
  const store = openSqliteStore({ folder, reserveBytes: 1 << 16, busyTimeoutMs: 50 })
  t.teardown(() => store.close())
  return store
}

const IN_USE = { name: 'StoreRefusedError', message: /in use by another master/ }

type Line = { open?: true; saved?: string[]; ended?: string[]; failed?: string; name?: string }

/** Runs commit-loop.ts; `see` is given each line, and may kill the process. */
async function commitLoop(
  folder: string,
  see: (line: Line, kill: () => void) => void,
  limitKiB?: number,
): Promise<Line[]> {
  const limit = limitKiB === undefined ? '' : `trap '' XFSZ; ulimit -f ${limitKiB}; `
  // The test runner adds its loaders to every process, and they listen to SIGXFSZ.
  const script = `unset NODE_OPTIONS; ${limit}exec "$0" "$1" "$2"`
  const child = spawn('bash', ['-c', script, process.execPath, COMMIT_LOOP, folder], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const lines: Line[] = []
  const closed = once(child, 'close')
  let text = ''
  for await (const chunk of child.stdout) {
    text += chunk
    const whole = text.split('\n')
    text = whole.pop() ?? ''
    for (const line of whole.map((one): Line => JSON.parse(one))) {
      lines.push(line)
      see(line, () => child.kill('SIGKILL'))
    }
  }
  await closed
  return lines
}

test('is refused while another process has it, and opens once that is killed', async (t) => {
  const folder = t.testdir({})
  await commitLoop(folder, ({ open, saved }, kill) => {
    if (open) t.throws(() => openSqliteStore({ folder, busyTimeoutMs: 50 }), IN_USE)
    if (saved) kill()
  })
  t.ok((await open(t, folder).counts()).pending >= 5)
})

test('is refused to another process while this one has it', async (t) => {
  const folder = t.testdir({})
  const store = open(t, folder)
  await commit(store, insert(aTask()))
  const [line] = await commitLoop(folder, () => {})
  t.match(line, { failed: /in use by another master/, name: 'StoreRefusedError' })
  await store.close()
  t.match(await open(t, folder).counts(), { pending: 1, done: 0 })
})

test('loses nothing whose done was called when it is killed', async (t) => {
  const folder = t.testdir({})
  const saved = new Set<string>()
  const ended = new Set<string>()
  let commits = 0
  await commitLoop(folder, (line, kill) => {
    for (const id of line.saved ?? []) saved.add(id)
    for (const id of line.ended ?? []) ended.add(id)
    if (line.saved && ++commits === 300) kill()
  })
  t.ok(commits >= 300)
  const store = open(t, folder)
  const stored = new Map((await listAll(store, { limit: 1000 })).map((task) => [task.id, task]))
  t.strictSame(
    [...saved].filter((id) => !stored.has(id)),
    [],
  )
  t.strictSame(
    [...ended].filter((id) => stored.get(id)?.status !== 'done'),
    [],
  )
  t.equal(stored.size % 5, 0, 'commits are whole')
  const byStatus = await store.counts()
  t.equal(byStatus.done + byStatus.pending, stored.size)
  t.equal((await store.load()).tasks.length, byStatus.pending)
})

test('stops at an error of the disk and never tries again', async (t) => {
  if (process.platform === 'win32') {
    t.comment('skipped: needs ulimit')
    return
  }
  const folder = t.testdir({})
  const lines = await commitLoop(folder, () => {}, 1024)
  const failed = lines.filter((line) => line.failed)
  t.equal(failed.length, 3)
  t.equal(new Set(failed.map((line) => line.failed)).size, 1, 'the same error each time')
  t.match(failed[0], { name: 'Error', failed: /I\/O/ })
  const saved = lines.flatMap((line) => line.saved ?? [])
  const store = open(t, folder)
  const stored = new Set((await listAll(store, { limit: 1000 })).map(({ id }) => id))
  t.ok(saved.length > 0)
  t.strictSame(
    saved.filter((id) => !stored.has(id)),
    [],
  )
})

test('a full disk', (t) => onSmallDisk(t, (folder) => fullDisk(t, folder)))

test('new tasks leave room on the disk for outcomes', (t) =>
  onSmallDisk(t, async (folder) => {
    // A tenth of the disk, and new tasks leave half of it free: 200 kB.
    const store = openSqliteStore({ folder, reserveBytes: 1 << 16, diskReserveBytes: 1 << 30 })
    const ballast = join(folder, 'ballast')
    const running = Array.from({ length: 100 }, () => aTask({ status: 'in progress' }))
    await commit(store, ...running.map(insert))
    fillDisk(ballast)
    truncateSync(ballast, statSync(ballast).size - 150_000)
    t.equal((await failureOf(store))?.name, 'StoreFullError')
    for (const task of running.slice(0, 5)) await commit(store, end(task))
    t.equal((await store.counts()).done, 5, 'outcomes go into that room')
    t.ok(existsSync(join(folder, `${FILE_NAME}-reserve`)), 'and the last reserve is still there')
    spawnSync('rm', [ballast])
    t.equal(await failureOf(store), undefined, 'new tasks are taken again when there is room')
    await store.close()
  }))

async function fullDisk(t: Test, folder: string): Promise<void> {
  // As by default, the log is copied when it has half the size of the reserve: the file grows, too.
  const options = { folder, reserveBytes: 1 << 19, checkpointPages: 1 << 6 }
  let store = openSqliteStore(options)
  const reserve = join(folder, `${FILE_NAME}-reserve`)
  const ballast = join(folder, 'ballast')
  const running = Array.from({ length: 200 }, () => aTask({ status: 'in progress' }))
  await commit(store, ...running.map(insert))

  // All that is free goes, whatever else a commit would need.
  fillDisk(ballast)
  const refusal = await failureOf(store)
  t.equal(refusal?.name, 'StoreFullError')
  t.ok(existsSync(reserve), 'is not given up for a new task')
  const before = await store.counts()

  for (const task of running.slice(0, 100)) await commit(store, end(task))
  t.notOk(existsSync(reserve), 'is given up for outcomes')
  t.equal((await store.counts()).done, 100)
  t.equal((await failureOf(store))?.name, 'StoreFullError', 'new tasks stay refused')
  t.equal((await store.counts()).pending, before.pending, 'nothing of a refused commit is there')

  await store.close()
  store = openSqliteStore(options)
  t.equal((await store.counts()).done, 100, 'opens on a full disk')
  await commit(store, end(running[100]!))
  t.equal((await failureOf(store))?.name, 'StoreFullError')

  spawnSync('rm', [ballast])
  let error = await failureOf(store)
  while (error?.name === 'StoreFullError') error = await failureOf(store)
  t.equal(error, undefined, 'takes tasks again when there is room')
  t.ok(existsSync(reserve), 'keeps room again')
  await store.close()
}

/** Commits new tasks until that fails or a few went well. */
async function failureOf(store: Store): Promise<Error | undefined> {
  for (let i = 0; i < 20; i++) {
    const large = aTask({ input: `"${'x'.repeat(50_000)}"` })
    try {
      await commit(store, insert(large))
    } catch (error) {
      return error as Error
    }
  }
  return undefined
}
