import { text } from 'node:stream/consumers'
import t from 'tap'
import { ProblemError } from '../../../shared/client/errors.ts'
import { createJobs } from '../../../shared/client/jobs.ts'
import { createOperations } from '../../../shared/client/operations.ts'
import type { FakeReply } from './fake-connection.ts'
import { createFakeConnection } from './fake-connection.ts'

/** Jobs whose requests get these replies, one after the other; the last is repeated. */
function jobsWith(...replies: (FakeReply | Error)[]) {
  const { connection, requests } = createFakeConnection((_, number) => {
    const reply = replies[Math.min(number, replies.length - 1)]
    if (reply instanceof Error) throw reply
    return reply ?? {}
  })
  return { jobs: createJobs(connection), operations: createOperations(connection), requests }
}
const open = { value: { id: 'a', status: 'in progress' } }
const done = { value: { id: 'a', status: 'done', result: 5 } }

t.test('submits a job with a new idempotency key each time', async (t) => {
  const { jobs, requests } = jobsWith(open)
  const request = { kind: 'word-count', input: { text: 'a' } } as const
  t.match(await jobs.submitJob(request, { patienceMs: 2 }), { id: 'a' })
  await jobs.submitJob(request)
  await jobs.submitJob(request, { idempotencyKey: 'mine' })
  t.match(requests[0], {
    method: 'POST',
    path: '/jobs',
    json: request,
    repeatable: true,
    patienceMs: 2,
  })
  const keys = requests.map(({ headers }) => headers?.['idempotency-key'])
  t.match(keys, [/^[0-9a-f-]{36}$/, /^[0-9a-f-]{36}$/, /^mine$/])
  t.not(keys[0], keys[1])
})

t.test('waits until a job has ended, each request held for at most 25 s', async (t) => {
  const { jobs, requests } = jobsWith(open, open, done)
  const job = await jobs.getJob('a', { waitMs: 1 })
  t.match(await jobs.waitJob(job, { patienceMs: 3 }), { status: 'done' })
  t.match(requests, [
    { method: 'GET', path: '/jobs/a', waitMs: 1 },
    { method: 'GET', path: '/jobs/a', waitMs: 25_000, patienceMs: 3 },
    { waitMs: 25_000 },
  ])
})

t.test('gives a job as it stands when the time is over', async (t) => {
  const { jobs, requests } = jobsWith(open)
  t.match(await jobs.waitJob('a', { timeoutMs: 0 }), { status: 'in progress' })
  t.match(requests, [{ waitMs: 0 }])
  t.equal(requests.length, 1)
  await jobs.waitJob('a', { timeoutMs: 60 })
  const { waitMs = 0 } = requests[1] ?? {}
  t.ok(waitMs > 0 && waitMs <= 60)
})

t.test('stops to wait for a job when the signal says so', async (t) => {
  const { jobs, requests } = jobsWith(open)
  const signal = AbortSignal.timeout(20)
  await t.rejects(jobs.waitJob('a', { signal }), { name: 'AbortError' })
  t.equal(requests.length, 1)
})

t.test('reads lists and parts at their addresses', async (t) => {
  const { jobs, requests } = jobsWith({ value: { jobs: [] } })
  t.same(await jobs.listJobs(), { jobs: [] })
  await jobs.listJobs({ limit: 2, cursor: 'a b' })
  await jobs.jobParts('a/b')
  await jobs.jobParts('a', { stage: 'map 1', offset: 3, limit: 4 })
  t.same(
    requests.map(({ method, path }) => `${method} ${path.replaceAll('%20', '+')}`),
    [
      'GET /jobs?limit=100',
      'GET /jobs?limit=2&cursor=a+b',
      'GET /jobs/a%2Fb/parts?offset=0&limit=1000',
      'GET /jobs/a/parts?offset=3&limit=4&stage=map+1',
    ],
  )
})

t.test('gives bytes with their type and length, as far as the master says them', async (t) => {
  const headers = { 'content-type': 'image/png', 'content-length': '3' }
  const { jobs, requests } = jobsWith({ headers, bytes: 'abc' })
  const { body, ...known } = await jobs.jobResult('a/b', { patienceMs: 1 })
  t.same(known, { type: 'image/png', bytes: 3 })
  t.equal(await text(body), 'abc')
  t.match(requests, [{ method: 'GET', path: '/jobs/a%2Fb/result', patienceMs: 1 }])
})

t.test('cancels a job, also when the answer to the first try was lost', async (t) => {
  const problem = (type: string) => new ProblemError({ type, status: 409 })
  const ended = problem('already-ended')
  const cancelled = { value: { id: 'a', status: 'cancelled' } }

  const first = jobsWith(cancelled)
  t.match(await first.jobs.cancelJob('a', { patienceMs: 1 }), { status: 'cancelled' })
  t.match(first.requests, [{ method: 'DELETE', path: '/jobs/a', patienceMs: 1 }])
  t.equal(first.requests.length, 1)

  const second = jobsWith(ended, cancelled)
  t.match(await second.jobs.cancelJob('a', { patienceMs: 2 }), { status: 'cancelled' })
  t.match(second.requests[1], { method: 'GET', path: '/jobs/a', patienceMs: 2 })

  await t.rejects(jobsWith(ended, done).jobs.cancelJob('a'), ended, 'it ended in another way')
  const unknown = jobsWith(problem('unknown-job'), cancelled)
  await t.rejects(unknown.jobs.cancelJob('a'), { name: 'ProblemError', type: 'unknown-job' })
})

t.test('operates slaves by their names, and reads slaves and status', async (t) => {
  const { operations, requests } = jobsWith({ value: { slaves: [{ name: 's' }] } })
  t.same(await operations.slaves({ patienceMs: 1 }), [{ name: 's' }])
  t.match(await operations.status({ patienceMs: 2 }), { slaves: [{}] })
  await operations.drain('a/b', { patienceMs: 3 })
  await operations.resume('a/b')
  t.match(requests, [
    { method: 'GET', path: '/slaves', patienceMs: 1 },
    { method: 'GET', path: '/status', patienceMs: 2 },
    { method: 'POST', path: '/slaves/a%2Fb/drain', repeatable: true, patienceMs: 3 },
    { method: 'POST', path: '/slaves/a%2Fb/resume', repeatable: true },
  ])
})
