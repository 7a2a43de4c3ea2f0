// Files of jobs of earlier versions: the first had all texts in the rows of jobs, later ones wrote a very
// long input in pieces, and none knew which job uses which blob.

import { DatabaseSync } from 'node:sqlite'
import t from 'tap'
import { openHere } from '../../../../master/store/jobs/open.ts'
import { storedParts } from '../../../../master/views/job-json.ts'
import { wallTime } from '../../../../shared/data/clock.ts'

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
const [A, B, C] = ['a', 'b', 'c'].map((letter) => letter.repeat(64))
const LONG = JSON.stringify({ text: 'ü'.repeat(50_000), blob: A })
const OUTCOME = JSON.stringify({ result: { result: 'r'.repeat(10_000), file: { blobs: [B] } } })
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

/** As it was before a table said which job uses which blob. */
const LATER = `
  ${OLD}
  ALTER TABLE jobs ADD COLUMN trace TEXT;
  ALTER TABLE jobs ADD COLUMN client TEXT;
  ALTER TABLE jobs ADD COLUMN inputBytes INTEGER;
  ALTER TABLE jobs ADD COLUMN outcomeBytes INTEGER;
  CREATE TABLE texts (
    job TEXT NOT NULL, name TEXT NOT NULL, text TEXT NOT NULL, PRIMARY KEY (job, name)
  );
  CREATE TABLE blobs (
    sha256 TEXT NOT NULL PRIMARY KEY, bytes INTEGER NOT NULL, type TEXT NOT NULL,
    usedAt INTEGER NOT NULL
  ) WITHOUT ROWID;
  CREATE TABLE blobOwners (
    sha256 TEXT NOT NULL, client TEXT NOT NULL, bytes INTEGER NOT NULL, PRIMARY KEY (sha256, client)
  ) WITHOUT ROWID;
`

function laterFile(folder: string): string {
  const path = `${folder}/jobs.sqlite`
  const database = new DatabaseSync(path)
  database.exec(LATER)
  const insert = database.prepare(
    `INSERT INTO jobs VALUES (?, 'word-count', '', NULL, 1, 1, 0, 1000, '[]', 'ticket', NULL, NULL,
     ?, 1, ?, NULL, NULL, NULL, NULL, ?, NULL)`,
  )
  insert.run('job-1', 'in progress', null, Buffer.byteLength(LONG))
  insert.run('job-2', 'done', 2, 2)
  const text = database.prepare('INSERT INTO texts VALUES (?, ?, ?)')
  // The name of the blob stands across an edge.
  const edge = LONG.indexOf(A as string) + 30
  text.run('job-1', 'input/00000', LONG.slice(0, edge))
  text.run('job-1', 'input/00001', LONG.slice(edge))
  text.run('job-2', 'input', '{}')
  text.run('job-2', 'outcome', OUTCOME)
  text.run('job-3', 'input/00000', '{"its job":"never came"')
  const blob = database.prepare(`INSERT INTO blobs VALUES (?, 1, 'text/plain', 1)`)
  for (const name of [A, B, C]) blob.run(name as string)
  database.close()
  return path
}

t.test(
  'a file in pieces is read as one of this version, and its uses of blobs are found',
  async (t) => {
    const path = laterFile(t.testdir())
    const first = openHere({ path })
    t.equal(await first.jobs.text('job-1', 'input'), LONG)
    t.equal(await first.jobs.text('job-2', 'outcome'), OUTCOME)
    t.equal(await first.jobs.text('job-3', 'input'), null, 'its job never came')
    t.same(await first.blobs.unused(wallTime(2), ''), [C])
    await first.close()
    const again = openHere({ path })
    t.same(await again.blobs.unused(wallTime(2), ''), [C], 'once')
    t.equal(await again.jobs.trim(wallTime(9)), 1)
    t.same(await again.blobs.unused(wallTime(2), ''), [B, C])
    await again.close()
  },
)

t.test('a live job whose input has a damaged piece is found at the start', async (t) => {
  const path = laterFile(t.testdir())
  const database = new DatabaseSync(path)
  database.exec(`DELETE FROM texts WHERE name = 'input/00001'`)
  database.close()
  t.throws(() => openHere({ path }), /jobs.sqlite is damaged \(1 jobs cannot be read\)/)
})

t.test('a file of a newer version is refused', async (t) => {
  const path = laterFile(t.testdir())
  await openHere({ path }).close()
  const database = new DatabaseSync(path)
  database.exec('PRAGMA user_version = 99')
  database.close()
  t.throws(() => openHere({ path }), /was written by a newer askfirst \(store version 99/)
})

t.test('jobs of an earlier version are read as those of this one', async (t) => {
  const { jobs, close } = openHere({ path: oldFile(t.testdir()) })
  t.teardown(close)
  t.match(await jobs.list({ limit: 10, client: null }), [
    { id: 'job-3', input: null, inputBytes: Buffer.byteLength(LONG), outcome: null },
    { id: 'job-2', input: '{"text":"short"}', outcome: '{"failure":{}}', stages: '[]' },
    { id: 'job-1', input: null, outcome: null, outcomeBytes: OUTCOME.length, client: null },
  ])
  t.match((await jobs.load()).live, [{ id: 'job-3', input: null, outcomeBytes: null }])
  t.match(await jobs.get({ key: 'key-1' }), { id: 'job-1', requestHash: 'hash' })
  t.equal(await jobs.text('job-1', 'input'), LONG)
  t.equal(await jobs.text('job-1', 'outcome'), OUTCOME)
  t.equal(await jobs.text('job-3', 'input'), LONG)
  t.equal(await jobs.text('job-3', 'outcome'), null)
  const stored = storedParts((await jobs.text('job-1', 'parts')) ?? '', { limit: 10 })
  t.match(stored, [{ name: 'count', total: 1, next: null, parts: [{ part: 1, status: 'done' }] }])
})

t.test(
  'a job of an earlier version ends as one of this one, and is removed with its texts',
  async (t) => {
    const path = oldFile(t.testdir())
    const { jobs, blobs, close } = openHere({ path })
    for (const sha256 of [A, B, C]) {
      await blobs.put({ sha256: sha256 as string, bytes: 1, type: 'text/plain' }, null, wallTime(1))
    }
    t.same(await blobs.unused(wallTime(2), ''), [C], 'texts in the row name blobs too')
    const end = {
      id: 'job-3',
      status: 'done',
      endedAt: wallTime(9),
      stages: '[]',
      parts: '[1]',
    } as const
    await jobs.end({ ...end, outcome: OUTCOME })
    await jobs.end({ ...end, outcome: '"later"', parts: '[2]' })
    t.match(await jobs.get({ id: 'job-3' }), {
      status: 'done',
      outcome: null,
      outcomeBytes: OUTCOME.length,
    })
    t.equal(await jobs.text('job-3', 'outcome'), OUTCOME, 'written once')
    t.equal(await jobs.text('job-3', 'parts'), '[1]')
    t.equal(await jobs.trim(wallTime(4)), 2)
    t.same(
      (await jobs.list({ limit: 10, client: null })).map(({ id }) => id),
      ['job-3'],
    )
    t.equal(await jobs.trim(wallTime(10)), 1)
    await close()
    const database = new DatabaseSync(path)
    t.match(database.prepare('SELECT count(*) AS left FROM texts').get(), { left: 0 })
    t.match(database.prepare('SELECT count(*) AS left FROM blobUses').get(), { left: 0 })
    database.close()
    await openHere({ path }).close()
  },
)
