import { performance } from 'node:perf_hooks'
import t from 'tap'
import { NoResultError, ProblemError } from '../../../shared/client/errors.ts'
import { createTasks } from '../../../shared/client/tasks.ts'
import type { FakeReply } from './fake-connection.ts'
import { createFakeConnection } from './fake-connection.ts'

/** Tasks whose requests get these replies, one after the other; the last is repeated. */
function tasksWith(...replies: (FakeReply | Error)[]) {
  const { connection, requests } = createFakeConnection((_, number) => {
    const reply = replies[Math.min(number, replies.length - 1)]
    if (reply instanceof Error) throw reply
    return reply ?? {}
  })
  return { tasks: createTasks(connection), requests }
}
const open = { value: { id: 'a', status: 'in progress' } }
const done = { value: { id: 'a', status: 'done', result: 5 } }

t.test('submits with a new idempotency key each time, and may repeat the request', async (t) => {
  const { tasks, requests } = tasksWith(open)
  t.match(await tasks.submit({ expression: '1' }), { id: 'a', replayed: false })
  await tasks.submit({ expression: '1' })
  t.match(requests[0], {
    method: 'POST',
    path: '/tasks',
    json: { expression: '1' },
    repeatable: true,
  })
  const keys = requests.map(({ headers }) => headers?.['idempotency-key'])
  t.match(keys, [/^[0-9a-f-]{36}$/, /^[0-9a-f-]{36}$/])
  t.not(keys[0], keys[1])
})

t.test('submits with the key, hold, patience and signal that the caller gives', async (t) => {
  const { tasks, requests } = tasksWith({ ...open, headers: { 'idempotency-replayed': 'true' } })
  const { signal } = new AbortController()
  const manners = { idempotencyKey: 'mine', waitMs: 7, patienceMs: 3, signal }
  t.match(await tasks.submit({ expression: '1' }, manners), { replayed: true })
  t.match(requests, [{ headers: { 'idempotency-key': 'mine' }, waitMs: 7, patienceMs: 3 }])
  t.equal(requests[0]?.signal, signal)
})

t.test('retries a task by its address, without a body', async (t) => {
  const { tasks, requests } = tasksWith(open)
  await tasks.retry('a/b', { idempotencyKey: 'k' })
  t.match(requests, [{ method: 'POST', path: '/tasks/a%2Fb/retry', repeatable: true }])
  t.match(requests[0]?.headers, { 'idempotency-key': 'k' })
  t.notOk(requests[0] && 'json' in requests[0])
})

t.test('reads tasks, trails, lists and explanations at their addresses', async (t) => {
  const { tasks, requests } = tasksWith({ value: { tasks: [], next: null } })
  await tasks.get('a/b', { waitMs: 9 })
  await tasks.trail('a/b', { patienceMs: 1 })
  await tasks.explain({ expression: '1' }, { patienceMs: 2 })
  const filter: object = { limit: 2, status: 'done', slave: undefined }
  await tasks.list(filter, { patienceMs: 3 })
  t.same(await tasks.list(), { tasks: [], next: null })
  t.match(requests, [
    { method: 'GET', path: '/tasks/a%2Fb', waitMs: 9 },
    { method: 'GET', path: '/tasks/a%2Fb/trail', patienceMs: 1 },
    { method: 'POST', path: '/tasks?dry-run', json: { expression: '1' }, repeatable: true },
    { method: 'GET', path: /^\/tasks\?limit=2&status=done$/, patienceMs: 3 },
    { method: 'GET', path: /^\/tasks\??$/ },
  ])
  t.equal(requests[2]?.patienceMs, 2)
})

t.test('waits until a task has ended, each request held for at most 25 s', async (t) => {
  const { tasks, requests } = tasksWith(open, done)
  const began = performance.now()
  t.match(await tasks.wait('a', { patienceMs: 3 }), { status: 'done' })
  t.match(requests, [
    { method: 'GET', path: '/tasks/a', waitMs: 25_000, patienceMs: 3 },
    { waitMs: 25_000 },
  ])
  t.ok(performance.now() - began >= 490, 'pauses before it asks a master that did not hold it')
})

t.test('gives a task as it stands when the time is over', async (t) => {
  const { tasks, requests } = tasksWith({ value: { id: 'a', status: 'pending' } })
  t.match(await tasks.wait('a', { timeoutMs: 0 }), { status: 'pending' })
  t.match(requests, [{ waitMs: 0 }])
  t.equal(requests.length, 1)
  await tasks.wait('a', { timeoutMs: 60 })
  const { waitMs = 0 } = requests[1] ?? {}
  t.ok(waitMs > 0 && waitMs <= 60, 'a request is held no longer than the rest of the time')
})

t.test('stops to wait when the signal says so, also in a pause', async (t) => {
  const { tasks, requests } = tasksWith(open)
  const signal = AbortSignal.timeout(20)
  const submitted = await tasks.submit({ expression: '1' })
  await t.rejects(tasks.wait(submitted, { signal }), { name: 'AbortError' })
  t.equal(requests.length, 2)
  t.equal(requests[1]?.signal, signal)
})

t.test('runs a task: gives its result, waits only when the master did not', async (t) => {
  const fast = tasksWith(done)
  t.equal(await fast.tasks.run({ expression: '1' }, { waitMs: 9 }), 5)
  t.match(fast.requests, [{ method: 'POST', waitMs: 9 }])
  t.equal(fast.requests.length, 1)

  const slow = tasksWith(open, done)
  const { signal } = new AbortController()
  t.equal(await slow.tasks.run({ expression: '1' }, { signal, patienceMs: 4 }), 5)
  t.match(slow.requests, [{ method: 'POST' }, { method: 'GET', waitMs: 25_000, patienceMs: 4 }])
  t.equal(slow.requests[1]?.signal, signal)
})

t.test('throws when a task that was run has no result', async (t) => {
  const failure = { type: 'evaluation', message: 'words' }
  const failed = tasksWith({ value: { id: 'a', status: 'failed', failure } })
  const error = await failed.tasks.run({ expression: '1' }).catch((error: unknown) => error)
  t.ok(error instanceof NoResultError)
  t.match(error, { message: 'a is failed: evaluation: words', ended: { status: 'failed' } })

  const late = tasksWith(open)
  await t.rejects(late.tasks.run({ expression: '1' }, { timeoutMs: 0 }), {
    message: 'a is in progress',
  })
  t.match(late.requests[1], { waitMs: 0 }, 'the time limit is that of the wait')
})

t.test('cancels a task, also when the answer to the first try was lost', async (t) => {
  const problem = (type: string) => new ProblemError({ type, status: 409 })
  const ended = problem('already-ended')
  const cancelled = { value: { id: 'a', status: 'cancelled' } }

  const first = tasksWith(cancelled)
  t.match(await first.tasks.cancel('a', { patienceMs: 1 }), { status: 'cancelled' })
  t.match(first.requests, [{ method: 'DELETE', path: '/tasks/a', patienceMs: 1 }])
  t.equal(first.requests.length, 1)

  const second = tasksWith(ended, cancelled)
  t.match(await second.tasks.cancel('a', { patienceMs: 2 }), { status: 'cancelled' })
  t.match(second.requests[1], { method: 'GET', path: '/tasks/a', patienceMs: 2 })

  await t.rejects(tasksWith(ended, done).tasks.cancel('a'), ended, 'it ended in another way')
  const unknown = tasksWith(problem('unknown-task'), cancelled)
  await t.rejects(unknown.tasks.cancel('a'), { name: 'ProblemError', type: 'unknown-task' })
  t.equal(unknown.requests.length, 1)
})

t.test('knows what a program takes and gives, also one that fails', async (t) => {
  const result = { exitCode: 3, signal: null, stdout: '', stderr: 'no' }
  const files = [{ name: 'a', bytes: 1, sha256: 'x' }]
  const failure = { type: 'exit-code', message: 'sh ended with exit code 3', exitCode: 3 }
  const failed = { value: { id: 'a', status: 'failed', failure, result, files } }
  const { tasks, requests } = tasksWith(failed)
  const input = { program: 'sh', args: ['-c', 'exit 3'], secretEnv: { TOKEN: 'x' } }
  const request = { kind: 'command' as const, input, outputs: ['a'], retryOn: [75] }
  const task = await tasks.submit(request)
  t.same(requests[0]?.json, request)
  if (task.status !== 'failed') return t.fail(task.status)
  t.equal(task.failure.exitCode, 3)
  t.equal(task.result?.stderr, 'no')
  t.equal(task.files?.[0]?.name, 'a')
})
