import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { Test } from 'tap'
import { test } from 'tap'
import { MIGRATIONS } from '../../../master/store/migrations.ts'
import { FILE_NAME, openSqliteStore } from '../../../master/store/sqlite.ts'
import type { TaskRecord } from '../../../master/store/store.ts'
import { idWith, numberOf } from '../../../master/store/task-numbers.ts'
import { msOf, wallTime } from '../../../shared/data/clock.ts'
import { createIds } from '../../../shared/data/ids.ts'
import { anEndedTask, aTask, commit, end, idAt, insert, listAll } from './records.ts'

const FIXTURE = join(import.meta.dirname, '../../fixtures/store-1.sqlite')
/** The last version that kept a task as one row. */
const ONE_ROW = 6

/** A store of the version that kept a task as one row, with these tasks. */
function before(t: Test, tasks: TaskRecord[]): string {
  const folder = t.testdir({})
  copyFileSync(FIXTURE, join(folder, FILE_NAME))
  const database = new DatabaseSync(join(folder, FILE_NAME))
  for (const step of MIGRATIONS.slice(1, ONE_ROW)) database.exec(step as string)
  database.exec(`PRAGMA user_version = ${ONE_ROW}; DELETE FROM tasks`)
  // Stores of that form have no terms.
  const columns = Object.keys(aTask()).filter((column) => column !== 'terms')
  const values = columns.map((column) => `:${column}`).join()
  const put = database.prepare(`INSERT INTO tasks (${columns.join()}) VALUES (${values})`)
  const totals: Record<string, number> = {}
  database.exec('BEGIN')
  for (const task of tasks) {
    const { createdAt, startedAt, endedAt, waitUntil } = task
    const times = { createdAt, startedAt, endedAt, waitUntil }
    const stored = Object.entries(times).map(([name, time]) => [name, time && msOf(time)])
    const { terms: _terms, ...more } = task
    put.run({
      ...(more as Omit<TaskRecord, keyof typeof times | 'terms'>),
      ...Object.fromEntries(stored),
      tags: JSON.stringify(task.tags),
      trail: JSON.stringify(task.trail),
    })
    totals[task.status] = (totals[task.status] ?? 0) + 1
  }
  const { pending = 0, done = 0 } = totals
  database.exec(`UPDATE totals SET pending = ${pending}, inProgress = 0, done = ${done},
    failed = 0, cancelled = 0, expired = 0; COMMIT`)
  database.close()
  return folder
}

function open(t: Test, folder: string, onCarriedOver?: (tasks: number) => void) {
  const store = openSqliteStore({
    folder,
    reserveBytes: 0,
    ...(onCarriedOver && { onCarriedOver }),
  })
  t.teardown(() => store.close())
  return store
}

test('carries every field of every task over, and works on with them', async (t) => {
  const full = {
    priority: 3,
    attempt: 'attempt-1',
    waitUntil: wallTime(9),
    tags: ['a', 'b'],
    idempotencyKey: 'key',
    requestHash: 'hash',
    queueMs: 5,
    client: 'client-1',
    trace: 'trace',
    work: '"x":1',
  }
  const tasks = [aTask(), anEndedTask(), aTask(full), anEndedTask({ ...full, idempotencyKey: 'b' })]
  const folder = before(t, tasks)
  const store = open(t, folder)
  for (const task of tasks) t.strictSame(await store.get(task.id), task)
  t.match(await store.counts(), { pending: 2, done: 2 })
  t.equal((await store.load()).tasks.length, 2)
  t.strictSame(await store.find('key'), { id: tasks[2]!.id, requestHash: 'hash' })
  const next = aTask()
  await commit(store, insert(next), end(tasks[0]!))
  await store.close()
  const again = open(t, folder)
  t.strictSame(
    (await listAll(again)).map(({ id, status }) => [id, status]),
    [next, ...tasks.toReversed()].map(({ id, status }) => [
      id,
      id === tasks[0]!.id ? 'done' : status,
    ]),
  )
})

test('carries ids over that have the same number, or none, in their order', async (t) => {
  const same = ['a', 'b', 'c'].map((rest) => `${idAt(1).slice(0, 18)}-8000-00000000000${rest}`)
  const next = idAt(2)
  const odd = ['z-no-uuid', `${idAt(3).slice(0, 14)}4${idAt(3).slice(15)}`]
  const wanted = [...same, next, ...odd].toSorted()
  const folder = before(t, [
    ...wanted.map((id) => anEndedTask({ id })),
    anEndedTask({ id: 'zz-live', status: 'pending', endedAt: null }),
  ])
  const store = open(t, folder)
  for (const id of wanted) t.equal((await store.get(id))?.id, id)
  t.equal(await store.get(`${idAt(1).slice(0, 18)}-8000-00000000000d`), undefined)
  const listed = (await listAll(store, { limit: 1 })).map(({ id }) => id)
  t.strictSame(listed, ['zz-live', ...wanted.toReversed()])
  await commit(store, end(aTask({ id: 'zz-live' })))
  t.equal((await store.get('zz-live'))?.status, 'done')
  await store.trim({ endedBefore: wallTime(Infinity), keepMax: 0, rowsMax: 100 })
  t.strictSame(await listAll(store), [])
  for (const id of wanted) t.equal(await store.get(id), undefined)
})

test('new ids go on after a task whose number is not that of its id', async (t) => {
  const same = ['a', 'b', 'c'].map((rest) => `${idAt(1).slice(0, 18)}-8000-00000000000${rest}`)
  const store = open(
    t,
    before(
      t,
      same.map((id) => anEndedTask({ id })),
    ),
  )
  const { newestId } = await store.load()
  // The clock was set back: ids go on by their counter.
  const next = createIds(() => 0).after(newestId)
  const tasks = Array.from({ length: 3 }, () => aTask({ id: next() }))
  await commit(store, ...tasks.map(insert))
  const wanted = [...tasks.map(({ id }) => id).toReversed(), ...same.toReversed()]
  t.strictSame(
    (await listAll(store)).map(({ id }) => id),
    wanted,
  )
})

test('numbers ids from the first to the last that have one', async (t) => {
  for (const id of [
    '00000000-0000-7001-8000-000000000000',
    '01ffffff-ffff-7fff-8000-000000000000',
    '02000000-0000-7000-8000-000000000000',
    '03ffffff-ffff-7fff-8000-000000000000',
  ]) {
    t.equal(idWith(numberOf(id) as number), id)
  }
  t.equal(numberOf('04000000-0000-7000-8000-000000000000'), undefined)
  t.equal(numberOf(idAt(1).replace('-8000-', '-c000-')), undefined)
})

test('goes on where an interrupted start ended, and says how far it is', async (t) => {
  const tasks = Array.from({ length: 12_000 }, () => anEndedTask())
  const folder = before(t, tasks)
  const said: number[] = []
  const stop = new Error('killed')
  t.throws(
    () =>
      openSqliteStore({
        folder,
        onCarriedOver: (n) => {
          said.push(n)
          throw stop
        },
      }),
    stop,
  )
  const store = open(t, folder, (n) => said.push(n))
  t.strictSame(said, [5_000, 5_000])
  t.match(await store.counts(), { done: tasks.length })
  const listed = await listAll(store, { limit: 1000 })
  t.strictSame(
    listed.map(({ id }) => id),
    tasks.map(({ id }) => id).toReversed(),
  )
})
