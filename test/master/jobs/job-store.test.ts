// The store of jobs and blobs: each column that is written is read back, also by the next process.

import { statSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { JobRecord } from '../../../master/jobs/job-store.ts'
import { LISTED_BYTES_MAX, openJobStore } from '../../../master/jobs/job-store.ts'
import { wallTime } from '../../../shared/data/clock.ts'
import { aJob } from '../store/records.ts'

t.test('keeps each column of a job over a restart', async (t) => {
  const path = join(t.testdir(), 'jobs.sqlite')
  const first = openJobStore(path)
  const columns: Partial<JobRecord> = {
    kind: 'word-count',
    input: '{"text":"a"}',
    inputBytes: 12,
    parts: 3,
    slots: 5,
    slaves: 6,
    priority: -7,
    runLimitMs: 8,
    tags: '["a"]',
    ticket: 'another',
    trace: 'trace',
    idempotencyKey: 'key',
    requestHash: 'hash',
    client: 'alice',
    createdAt: wallTime(9),
  }
  const jobs = Object.entries(columns).map(([column, value]) => aJob({ [column]: value }))
  for (const job of jobs) first.insert(job, job.input ?? '')
  first.close()
  const again = openJobStore(path)
  t.teardown(() => again.close())
  for (const job of jobs) t.strictSame({ ...again.get(job.id) }, job)
  t.strictSame(
    again.live().map(({ id }) => id),
    jobs.map(({ id }) => id),
  )
  t.equal(again.find('key')?.idempotencyKey, 'key')
})

t.test('keeps each column of the end of a job, once', async (t) => {
  const path = join(t.testdir(), 'jobs.sqlite')
  const first = openJobStore(path)
  const long = JSON.stringify({ result: 'x'.repeat(LISTED_BYTES_MAX) })
  const ends = [
    {
      status: 'done',
      endedAt: wallTime(11),
      outcome: '{"result":1}',
      stages: '[1]',
      parts: '[[1]]',
    },
    { status: 'failed', endedAt: wallTime(12), outcome: long, stages: '[2]', parts: '[[2]]' },
    { status: 'cancelled', endedAt: wallTime(13), outcome: null, stages: null, parts: '[]' },
  ] as const
  const jobs = ends.map(() => aJob())
  for (const [i, job] of jobs.entries()) {
    first.insert(job, '{}')
    first.end({ id: job.id, ...ends[i]! })
    first.end({ id: job.id, ...ends[(i + 1) % 3]! })
  }
  first.close()
  const again = openJobStore(path)
  t.teardown(() => again.close())
  for (const [i, job] of jobs.entries()) {
    const { parts, ...end } = ends[i]!
    const isLong = end.outcome === long
    const outcomeBytes = end.outcome === null ? null : Buffer.byteLength(end.outcome)
    const outcome = isLong ? null : end.outcome
    t.strictSame({ ...again.get(job.id) }, { ...job, ...end, outcome, outcomeBytes })
    t.equal(again.textOf(job.id, 'outcome'), end.outcome)
    t.equal(again.textOf(job.id, 'parts'), parts)
  }
  t.same(again.live(), [])
})

t.test('a long input is read by itself, and is not in the row of its job', async (t) => {
  const store = openJobStore(':memory:')
  t.teardown(() => store.close())
  const input = JSON.stringify('x'.repeat(LISTED_BYTES_MAX))
  const job = aJob({ input: null, inputBytes: Buffer.byteLength(input) })
  store.insert(job, input)
  t.strictSame({ ...store.get(job.id) }, job)
  t.equal(store.textOf(job.id, 'input'), input)
  t.same(store.textAfter(''), { id: job.id, texts: [input, ''] })
})

t.test('a very long input is written in pieces before its job, and read as one', async (t) => {
  const path = join(t.testdir(), 'jobs.sqlite')
  const first = openJobStore(path)
  const input = JSON.stringify('\u{1F600}x'.repeat(1 << 18))
  const [job, other] = ['job-1', 'job-2'].map((id) =>
    aJob({ id, idempotencyKey: null, input: null, inputBytes: Buffer.byteLength(input) }),
  ) as [JobRecord, JobRecord]
  const steps = first.longInput(job.id, input)
  t.ok(steps.length >= 3, `${steps.length} steps`)
  for (const step of steps) step()
  first.insert(job)
  for (const step of first.longInput(other.id, input)) step()
  for (const step of first.longInput('job-3', input)) step()
  first.dropLongInput('job-3')
  t.equal(first.textOf('job-3', 'input'), null)
  t.equal(first.textOf(other.id, 'input'), input, 'its job has not come yet')
  first.close()

  const again = openJobStore(path)
  t.teardown(() => again.close())
  t.equal(again.textOf(job.id, 'input'), input)
  t.equal(again.textOf(job.id, 'outcome'), null)
  t.same(again.textAfter(''), { id: job.id, texts: [input, ''] })
  t.equal(again.textOf(other.id, 'input'), null, 'its job never came')
})

t.test('a piece of a long input that is damaged is found at the start', async (t) => {
  const path = join(t.testdir(), 'jobs.sqlite')
  const first = openJobStore(path)
  const input = JSON.stringify('x'.repeat(1 << 20))
  const job = aJob({ input: null, inputBytes: input.length, status: 'in progress' })
  for (const step of first.longInput(job.id, input).slice(0, -1)) step()
  first.insert(job)
  first.close()
  t.throws(() => openJobStore(path), /1 jobs cannot be read/)
})

t.test('keeps each column of a blob, and who brought it, over a restart', async (t) => {
  const path = join(t.testdir(), 'jobs.sqlite')
  const first = openJobStore(path)
  const [a, b] = ['a', 'b'].map((letter) => letter.repeat(64)) as [string, string]
  first.putBlob({ sha256: a, bytes: 10, type: 'text/plain' }, wallTime(100))
  first.putBlob({ sha256: b, bytes: 20, type: 'image/png' }, wallTime(200))
  t.ok(first.ownBlob({ sha256: a, bytes: 10, type: '' }, 'alice'))
  t.notOk(first.ownBlob({ sha256: a, bytes: 10, type: '' }, 'alice'), 'she has it already')
  t.ok(first.ownBlob({ sha256: a, bytes: 10, type: '' }, 'bob'))
  first.useBlob(a, wallTime(300))
  first.close()
  const again = openJobStore(path)
  t.teardown(() => again.close())
  t.same(again.findBlob(a), { sha256: a, bytes: 10, type: 'text/plain', usedAt: 300 })
  t.same(again.findBlob(b), { sha256: b, bytes: 20, type: 'image/png', usedAt: 200 })
  t.same(again.blobBytes(), {
    bytes: 30,
    byClient: new Map([
      ['alice', 10],
      ['bob', 10],
    ]),
  })
  t.same(again.blobsBefore(wallTime(300)), [b])
  t.notOk(again.dropBlob(a, wallTime(300)), 'it was used since')
  t.ok(again.dropBlob(b, wallTime(300)))
  t.same(again.disownBlob(a).toSorted(), ['alice', 'bob'])
})

t.test('removes jobs that ended before a time with their texts, and no others', async (t) => {
  const store = openJobStore(':memory:')
  t.teardown(() => store.close())
  const [old, recent, live] = [aJob(), aJob(), aJob()]
  const end = { status: 'done', outcome: '{}', stages: '[]', parts: '[]' } as const
  for (const job of [old, recent, live]) store.insert(job, '{}')
  store.end({ id: old.id, endedAt: wallTime(10), ...end })
  store.end({ id: recent.id, endedAt: wallTime(20), ...end })
  t.equal(store.trim(wallTime(20)), 1)
  t.equal(store.get(old.id), undefined)
  t.equal(store.textOf(old.id, 'parts'), null)
  t.ok(store.get(recent.id) && store.get(live.id))
})

t.test('what removed jobs took is given back to the disk, the log included', async (t) => {
  const path = join(t.testdir(), 'jobs.sqlite')
  const store = openJobStore(path)
  t.teardown(() => store.close())
  const input = JSON.stringify('x'.repeat(1e6))
  for (let i = 0; i < 12; i++) {
    const job = aJob({ input: null, inputBytes: input.length })
    store.insert(job, input)
    const ended = { status: 'done', endedAt: wallTime(1), outcome: '1', stages: null } as const
    store.end({ id: job.id, ...ended, parts: '[]' })
  }
  const bytes = (end = '') => statSync(`${path}${end}`).size
  t.ok(bytes() + bytes('-wal') > 12e6, 'at the peak')
  while (store.trim(wallTime(2)) > 0);
  const deadline = performance.now() + 60_000
  while (bytes() > 2e6 || bytes('-wal') > 0) {
    if (performance.now() > deadline) throw new Error(`${bytes()} bytes, log ${bytes('-wal')}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  t.same(store.list(undefined, 10), [])
})
