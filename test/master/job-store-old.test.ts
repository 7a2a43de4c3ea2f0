// The file of jobs, and files of earlier versions: they had all that is long in the rows of jobs.

import { DatabaseSync } from 'node:sqlite'
import t from 'tap'
import { openJobStore } from '../../master/jobs/job-store.ts'
import { storedParts } from '../../master/views/job-json.ts'
import { wallTime } from '../../shared/data/clock.ts'

/** As it was before there were `texts`, clients and traces. */
const OLD = `
  CREATE TABLE jobs (
    id TEXT NOT NULL PRIMARY KEY, kind TEXT NOT NULL, input TEXT NOT NULL, parts INTEGER,
    slots INTEGER NOT NULL, slaves INTEGER NOT NULL, priority INTEGER NOT NULL,
    runLimitMs INTEGER NOT NULL, tags TEXT NOT NULL, ticket TEXT NOT NULL,
    idempotencyKey TEXT UNIQUE, requestHash TEXT, status TEXT NOT NULL,
    createdAt INTEGER NOT NULL, endedAt INTEGER, outcome TEXT, stages TEXT
  ) WITHOUT ROWID;
`
const LONG = JSON.stringify({ text: 'ü'.repeat(50_000) })
const OUTCOME = JSON.stringify({ result: { result: 'r'.repeat(10_000) } })
const part = { part: 1, kind: 'work', status: 'done', task: null, slave: 'a', bytes: 0 }
const STAGES = JSON.stringify([
  { name: 'count', total: 1, done: 1, running: 1, endedAt: null, transfers: [], parts: [part] },
])

function oldFile(folder: string): string {
  const path = `${folder}/jobs.sqlite`
  const database = new DatabaseSync(path)
  database.exec(OLD)
  const insert = database.prepare(
    `INSERT INTO jobs VALUES (?, 'word-count', ?, NULL, 1, 1, 0, 1000, '[]', 'ticket', ?, 'hash', ?,
     1, ?, ?, ?)`,
  )
  insert.run('job-1', LONG, 'key-1', 'done', 2, OUTCOME, STAGES)
  insert.run('job-2', '{"text":"short"}', null, 'failed', 3, '{"failure":{}}', '[]')
  insert.run('job-3', LONG, null, 'in progress', null, null, null)
  database.close()
  return path
}

t.test('jobs of an earlier version are read as those of this one', (t) => {
  const store = openJobStore(oldFile(t.testdir()))
  t.teardown(store.close)
  t.match(store.list(undefined, 10), [
    { id: 'job-3', input: null, inputBytes: Buffer.byteLength(LONG), outcome: null },
    { id: 'job-2', input: '{"text":"short"}', outcome: '{"failure":{}}', stages: '[]' },
    { id: 'job-1', input: null, outcome: null, outcomeBytes: OUTCOME.length, client: null },
  ])
  t.match(store.live(), [{ id: 'job-3', input: null, outcomeBytes: null }])
  t.match(store.find('key-1'), { id: 'job-1', requestHash: 'hash' })
  t.equal(store.textOf('job-1', 'input'), LONG)
  t.equal(store.textOf('job-1', 'outcome'), OUTCOME)
  t.equal(store.textOf('job-3', 'input'), LONG)
  t.equal(store.textOf('job-3', 'outcome'), null)
  t.same(store.textAfter(''), { id: 'job-1', texts: [LONG, OUTCOME] }, 'where blobs are named')
  const stored = storedParts(store.textOf('job-1', 'parts') as string, { limit: 10 })
  t.match(stored, [{ name: 'count', total: 1, next: null, parts: [{ part: 1, status: 'done' }] }])
  t.end()
})

t.test(
  'a job of an earlier version ends as one of this one, and is removed with its texts',
  (t) => {
    const path = oldFile(t.testdir())
    const store = openJobStore(path)
    const end = {
      id: 'job-3',
      status: 'done',
      endedAt: wallTime(9),
      stages: '[]',
      parts: '[1]',
    } as const
    store.end({ ...end, outcome: OUTCOME })
    store.end({ ...end, outcome: '"later"', parts: '[2]' })
    t.match(store.get('job-3'), { status: 'done', outcome: null, outcomeBytes: OUTCOME.length })
    t.equal(store.textOf('job-3', 'outcome'), OUTCOME, 'written once')
    t.equal(store.textOf('job-3', 'parts'), '[1]')
    t.equal(store.trim(wallTime(4)), 2)
    t.same(
      store.list(undefined, 10).map(({ id }) => id),
      ['job-3'],
    )
    t.equal(store.trim(wallTime(10)), 1)
    store.close()
    const database = new DatabaseSync(path)
    t.match(database.prepare('SELECT count(*) AS left FROM texts').get(), { left: 0 })
    database.close()
    openJobStore(path).close()
    t.end()
  },
)
