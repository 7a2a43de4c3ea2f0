import { performance } from 'node:perf_hooks'
import t from 'tap'
import type { Request } from '../../../shared/client/connection.ts'
import type { ProblemDocument } from '../../../shared/client/errors.ts'
import { ProblemError, UnreachableError } from '../../../shared/client/errors.ts'
import { createMany } from '../../../shared/client/many.ts'
import { createFakeConnection } from './fake-connection.ts'

type Sent = { expression: string; idempotencyKey: string; queue: boolean }
type Reply = Record<string, unknown>

/** The body of a batch, which is no stream. */
const textOf = (bytes: unknown): string => (Buffer.isBuffer(bytes) ? bytes.toString() : '')
const tasksOf = ({ bytes }: Request): Sent[] =>
  (JSON.parse(textOf(bytes?.())) as { tasks: Sent[] }).tasks
const done = ({ expression }: Sent): Reply => ({ code: 200, id: expression, status: 'done' })
const refused = (retryAfter?: number): Reply => ({
  code: 503,
  problem: { type: 'at-capacity', status: 503 },
  ...(retryAfter === undefined ? {} : { retryAfter }),
})

/** A client whose batches get these replies. */
function clientOf(reply: (tasks: Sent[], number: number) => Reply[] | Error, patienceMs?: number) {
  const batches: Sent[][] = []
  const { connection, requests } = createFakeConnection((request, number) => {
    const tasks = tasksOf(request)
    batches.push(tasks)
    const given = reply(tasks, number)
    if (given instanceof Error) throw given
    return { value: { tasks: given } }
  })
  return { submitMany: createMany(connection, patienceMs), batches, requests }
}
const requests = (...names: string[]) => names.map((expression) => ({ expression }))

t.test('sends tasks in batches, into the queue, each with a key of its own', async (t) => {
  const { submitMany, batches, requests: sent } = clientOf((tasks) => tasks.map(done))
  const all = [...requests('1', '2'), { expression: '3', queue: false }]
  const results = await Array.fromAsync(submitMany(all, { batchTasksMax: 2, patienceMs: 7 }))
  t.match(results, [
    { index: 0, task: { id: '1', replayed: false } },
    { index: 1, task: { id: '2' } },
    { index: 2, task: { id: '3' } },
  ])
  t.notOk('code' in (results[0]?.task ?? {}))
  t.match(
    batches.map((batch) => batch.map(({ queue }) => queue)),
    [[true, true], [false]],
  )
  t.equal(new Set(batches.flat().map(({ idempotencyKey }) => idempotencyKey)).size, 3)
  t.match(batches[0]?.[0]?.idempotencyKey, /^[0-9a-f-]{36}$/)
  t.match(sent[0], {
    method: 'POST',
    path: '/tasks/batch',
    headers: { 'content-type': 'application/json' },
    repeatable: true,
    waitMs: 2_000,
    patienceMs: 7,
  })
})

t.test('asks for the keys of the caller', async (t) => {
  const { submitMany, batches } = clientOf((tasks) => tasks.map(done))
  const idempotencyKey = ({ expression }: { expression?: string }, index: number): string =>
    `${expression}-${index}`
  await Array.fromAsync(submitMany(requests('a', 'b') as never, { idempotencyKey } as never))
  t.same(
    batches.flat().map((task) => task.idempotencyKey),
    ['a-0', 'b-1'],
  )
})

t.test('has 200 tasks in a batch, or a million characters, whichever is less', async (t) => {
  const { submitMany, batches } = clientOf((tasks) => tasks.map(done))
  const long = 'x'.repeat(400_000)
  const names = [...Array.from({ length: 201 }, (_, i) => `${i}`), long, long, long]
  await Array.fromAsync(submitMany(requests(...names)))
  t.same(
    batches.map((batch) => batch.length),
    [200, 3, 1],
  )
})

t.test('has four batches under way', async (t) => {
  const { connection, requests: sent } = createFakeConnection(() => new Promise(() => {}))
  const reading = createMany(connection)(requests('a', 'b', 'c', 'd', 'e', 'f'), {
    batchTasksMax: 1,
  })
  void reading.next()
  for (let i = 0; i < 20; i++) await new Promise<void>((resolve) => setImmediate(resolve))
  t.equal(sent.length, 4)
})

t.test('asks again for those that have not ended, with the same keys', async (t) => {
  const { submitMany, batches } = clientOf((tasks, number) =>
    tasks.map((task) =>
      number === 0 && task.expression === 'b'
        ? { code: 202, id: 'b', status: 'pending' }
        : { ...done(task), replayed: number > 0 },
    ),
  )
  const began = performance.now()
  const results = await Array.fromAsync(submitMany(requests('a', 'b', 'c')))
  t.match(results, [{ task: { id: 'a' } }, { task: { id: 'b', status: 'done' } }, { index: 2 }])
  t.equal(results[1]?.task?.replayed, false, 'the repetition is that of the client')
  t.match(batches, [[{}, {}, {}], [{ expression: 'b' }]])
  t.equal(batches[1]?.[0]?.idempotencyKey, batches[0]?.[1]?.idempotencyKey)
  t.ok(performance.now() - began >= 490, 'pauses when the master did not hold the request')
})

t.test('says which the master had before', async (t) => {
  const { submitMany } = clientOf((tasks, number) =>
    tasks.map((task, i) => ({ ...(number === 0 ? refused(0) : done(task)), replayed: i === 0 })),
  )
  const results = await Array.fromAsync(submitMany(requests('a', 'b')))
  t.match(results, [{ task: { replayed: true } }, { task: { replayed: false } }])
})

t.test('does not wait for ends when it is told so', async (t) => {
  const { submitMany, requests: sent } = clientOf((tasks) =>
    tasks.map(() => ({ code: 202, id: 'a', status: 'pending' })),
  )
  t.match(await Array.fromAsync(submitMany(requests('a'), { wait: false })), [
    { task: { status: 'pending' } },
  ])
  t.match(sent, [{ waitMs: 0 }])
  t.equal(sent.length, 1)
})

t.test('repeats refusals for now after Retry-After, as long as it is patient', async (t) => {
  const { submitMany, batches } = clientOf((tasks, number) =>
    tasks.map((task) => (number < 3 && task.expression === 'b' ? refused(0) : done(task))),
  )
  const results = await Array.fromAsync(submitMany(requests('a', 'b')))
  t.match(results, [{ task: { id: 'a' } }, { task: { id: 'b' } }])
  t.same(
    batches.map((batch) => batch.map(({ expression }) => expression)),
    [['a', 'b'], ['b'], ['b'], ['b']],
  )
})

t.test('yields a refusal at once when its time is beyond the patience', async (t) => {
  const { submitMany, batches } = clientOf((tasks) => tasks.map(() => refused(9)), 5_000)
  const [result] = await Array.fromAsync(submitMany(requests('a')))
  t.match(result, { index: 0, problem: { type: 'at-capacity', retryAfterMs: 9_000 } })
  t.ok(result?.problem instanceof ProblemError)
  t.equal(batches.length, 1)
  const impatient = clientOf((tasks) => tasks.map(() => refused()), 5_000)
  const manners = { patienceMs: 0 }
  t.match(await Array.fromAsync(impatient.submitMany(requests('a'), manners)), [
    { problem: { retryAfterMs: null } },
  ])
})

t.test('yields refusals for good at once, beside the tasks', async (t) => {
  const problem = { type: 'no-capable-slave', status: 422 }
  const { submitMany, batches } = clientOf((tasks) =>
    tasks.map((task) => (task.expression === 'a' ? { code: 422, problem } : done(task))),
  )
  t.match(await Array.fromAsync(submitMany(requests('a', 'b'))), [
    { index: 0, problem: { type: 'no-capable-slave', status: 422 } },
    { index: 1, task: { id: 'b' } },
  ])
  t.equal(batches.length, 1)
})

const invalid = (...fields: string[]): ProblemError => {
  const errors = fields.map((field) => ({ field, rule: `is wrong` }))
  return new ProblemError({ type: 'invalid-body', status: 400, errors } as ProblemDocument)
}

t.test('sends a batch again without the tasks that the master blames', async (t) => {
  const { submitMany, batches } = clientOf((tasks, number) =>
    number === 0 ? invalid('tasks.1.priority', 'tasks.1', 'tasks.3.kind') : tasks.map(done),
  )
  const results = await Array.fromAsync(submitMany(requests('a', 'b', 'c', 'd')))
  t.match(results, [
    { task: { id: 'a' } },
    { index: 1, problem: { message: 'priority is wrong; body is wrong', type: 'invalid-body' } },
    { task: { id: 'c' } },
    { index: 3, problem: { message: 'kind is wrong' } },
  ])
  t.match(results[1]?.problem?.document.errors, [{ field: 'priority' }, { field: 'body' }])
  t.same(
    batches.map((batch) => batch.length),
    [4, 2],
  )
})

t.test('sends nothing when all tasks of a batch are blamed', async (t) => {
  const { submitMany, batches } = clientOf(() => invalid('tasks.0.a', 'tasks.1.a'))
  t.match(await Array.fromAsync(submitMany(requests('a', 'b'))), [{ problem: {} }, { problem: {} }])
  t.equal(batches.length, 1)
})

t.test('halves a batch that is too much for the master', async (t) => {
  const tooLarge = new ProblemError({ type: 'body-too-large', status: 413 })
  for (const refusal of [tooLarge, invalid('tasks')]) {
    const { submitMany, batches } = clientOf((tasks) =>
      tasks.length > 2 ? refusal : tasks.map(done),
    )
    const results = await Array.fromAsync(submitMany(requests('a', 'b', 'c', 'd', 'e')))
    t.match(
      results,
      requests('a', 'b', 'c', 'd', 'e').map(({ expression: id }) => ({ task: { id } })),
    )
    t.same(batches.map((batch) => batch.length).toSorted(), [1, 2, 2, 3, 5])
  }
})

t.test('yields the problem of a task that is too large by itself', async (t) => {
  const { submitMany } = clientOf(() => new ProblemError({ type: 'body-too-large', status: 413 }))
  t.match(await Array.fromAsync(submitMany(requests('a'))), [
    { problem: { type: 'body-too-large' } },
  ])
})

t.test('throws other problems of a batch, and an unreachable master', async (t) => {
  const forbidden = new ProblemError({ type: 'forbidden', status: 403 })
  const away = new UnreachableError('http://a', 'refused', false)
  for (const error of [forbidden, away]) {
    const { submitMany } = clientOf(() => error)
    await t.rejects(Array.fromAsync(submitMany(requests('a', 'b'))), error)
  }
})

t.test('stops when the signal says so, also in a pause', async (t) => {
  const { submitMany, requests: sent } = clientOf((tasks) => tasks.map(() => refused(9)))
  const signal = AbortSignal.timeout(20)
  await t.rejects(Array.fromAsync(submitMany(requests('a'), { signal })), { name: 'AbortError' })
  t.equal(sent[0]?.signal, signal)
  t.equal(sent.length, 1)
})
