// Slaves that cannot be reached, on real processes: no master ever connects to them.

import t from 'tap'
import type { Teardown } from '../folder.ts'
import { folderOf } from '../folder.ts'
import type { Json } from '../requests.ts'
import { ended, getJson, post, request, sleep, until } from '../requests.ts'
import type { RunningProcess } from '../rigs/cluster/programs.ts'
import { startMaster, startSlave } from '../rigs/cluster/programs.ts'
import { inState, poll, QUICK, rowOf, SLEEPER, SLOW, startPulling } from './pulling.ts'

/** What somebody writes in ten lines: fetch a task, compute it, hand the result in. */
async function workSimply(t: Teardown, url: string, slave: string): Promise<void> {
  const stop = new AbortController()
  t.teardown(() => stop.abort())
  while (!stop.signal.aborted) {
    try {
      const task = await poll(url, `slave=${slave}&kinds=sleep&wait=5`, stop.signal)
      if (!task) continue
      await new Promise((resolve) => setTimeout(resolve, task.input.ms))
      const result = { sleptMs: task.input.ms }
      await post(`${url}/submit_result`, { slave, attempt: task.attempt, result })
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
}

type Checks = Pick<typeof t, 'same'>

async function postTen(url: string): Promise<Json[]> {
  const bodies = Array.from({ length: 10 }, (_, i) => ({ ...sleep(50 + i), queue: true }))
  const posts = await Promise.all(bodies.map((body) => post(`${url}/tasks`, body)))
  for (const { status } of posts) t.equal(status, 202)
  return Promise.all(posts.map(({ body }) => ended(url, body.id)))
}

function checkTen(t: Checks, tasks: Json[], names: string[]): void {
  for (const { status, input, result, tries } of tasks) {
    t.same({ status, result, tries }, { status: 'done', result: { sleptMs: input.ms }, tries: 1 })
  }
  t.same([...new Set(tasks.map(({ slave }) => slave))].toSorted(), names, 'all had some')
}

t.test('three slaves that pull do ten tasks, which nobody brought to them', async (t) => {
  const { url } = await startMaster(t, folderOf(t), QUICK)
  const names = ['pull-1', 'pull-2', 'pull-3']
  const slaves = await Promise.all(names.map((name) => startPulling(t, url, name)))
  checkTen(t, await postTen(url), names)
  for (const name of names) {
    const row = await rowOf(url, name)
    t.match(row, { url: null, pull: true, simple: false, running: 0 })
  }
  await until(async () => (await rowOf(url, 'pull-1')).polling)
  const [first] = slaves as [RunningProcess]
  t.match(await getJson(`${first.url}/availability`), { message: 'I am available.', free: 1 })
})

t.test('three simple slaves do ten tasks, as in the classroom', async (t) => {
  const { url } = await startMaster(t, folderOf(t), QUICK)
  const names = ['w1', 'w2', 'w3']
  for (const name of names) void workSimply(t, url, name)
  for (const name of names) await inState(url, name, 'free')
  checkTen(t, await postTen(url), names)
  t.match(await getJson(`${url}/status`), { slaves: { registered: 3, alive: 3 } })
})

/** The loop of the seed: three threads that name nothing, count words and hand in a number. */
async function countWords(t: Teardown, url: string): Promise<void> {
  const stop = new AbortController()
  t.teardown(() => stop.abort())
  while (!stop.signal.aborted) {
    try {
      const response = await fetch(`${url}/get_task`, { signal: stop.signal })
      if (response.status !== 200) continue
      const { task, input } = (await response.json()) as Json
      await post(`${url}/submit_result`, { task, result: input.text.split(' ').length })
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
}

t.test('three threads that name nothing count the words of ten paragraphs', async (t) => {
  const { url } = await startMaster(t, folderOf(t), QUICK)
  for (let i = 0; i < 3; i++) void countWords(t, url)
  for (const name of ['worker-1', 'worker-2', 'worker-3']) await inState(url, name, 'free')
  const { kinds } = await rowOf(url, 'worker-1')
  t.ok(['expression', 'word-count', 'sleep', 'range-sum'].every((kind) => kinds.includes(kind)))
  t.notOk(
    kinds.some((kind: string) => /^(image-filter|word-frequency)/.test(kind)),
    'no files',
  )

  const paragraphs = Array.from({ length: 10 }, (_, i) =>
    Array(i + 1)
      .fill('word')
      .join(' '),
  )
  const { body } = await post(`${url}/jobs`, { kind: 'word-count', input: { paragraphs } })
  const job = await getJson(`${url}/jobs/${body.id}`, { prefer: 'wait=60' })
  const perParagraph = paragraphs.map((_, i) => i + 1)
  t.match(job, { status: 'done', result: { total: 55, perParagraph } })
  const { stages } = await getJson(`${url}/jobs/${body.id}/parts`)
  const { parts } = stages[0]
  t.equal(parts.length, 10)
  for (const { slave, tries } of parts)
    t.match({ slave, tries }, { slave: /^worker-[123]$/, tries: 1 })
  const { slaves } = await getJson(`${url}/slaves`)
  t.equal(slaves.length, 3, 'no poll made a further slave of a thread')
})

t.test('an answer tells a slave without a name how it is called, and of what it is', async (t) => {
  const { url } = await startMaster(t, folderOf(t), SLOW)
  const first = poll(url, '')
  await inState(url, 'worker-1', 'free')
  const { body } = await post(`${url}/tasks`, { kind: 'word-count', input: { text: 'a b' } })
  const offer = await first
  t.match(offer, { slave: 'worker-1', task: body.id, kind: 'word-count', input: { text: 'a b' } })
  const wrong = await post(`${url}/submit_result`, { task: body.id, result: 'two' })
  t.match(wrong, { status: 200, body: { acknowledged: [offer.attempt] } })
  t.match(await ended(url, body.id), { status: 'failed', failure: { type: 'invalid-result' } })
  t.match(await post(`${url}/submit_result`, { task: body.id, result: 2 }), { status: 404 })
})

t.test('a mixed fleet is asked in one order', async (t) => {
  const { url } = await startMaster(t, folderOf(t), QUICK)
  await startSlave(t, url, 'asked-1', SLEEPER)
  const pulling = await startPulling(t, url, 'pull-2')
  const simply = poll(url, 'slave=w3&kinds=sleep&wait=60')
  await inState(url, 'w3', 'free')

  t.match(await getJson(`${url}/slaves`), {
    slaves: [
      { name: 'asked-1', pull: false },
      { name: 'pull-2', pull: true, polling: true },
      { name: 'w3', pull: true, simple: true, polling: true },
    ],
  })
  const posts: Json[] = []
  for (let i = 0; i < 4; i++) posts.push(await post(`${url}/tasks`, sleep(60_000)))
  t.same(
    posts.map(({ body }) => body.slave),
    ['asked-1', 'pull-2', 'w3', undefined],
  )
  t.equal(posts[2].body.message, 'Task successfully assigned to w3.')
  t.match(posts[3], {
    status: 503,
    body: {
      type: 'at-capacity',
      asked: ['asked-1', 'pull-2', 'w3'].map((slave) => ({
        slave,
        answer: 'not available',
        reason: 'running 1 of 1',
      })),
    },
  })
  const offer = await simply
  t.match(offer, { task: posts[2].body.id, kind: 'sleep', input: { ms: 60_000 } })

  await t.test('where a dry run says who is not polling', async (t) => {
    const { attempt } = offer
    const result = { sleptMs: 1 }
    const { body } = await post(`${url}/submit_result`, { slave: 'w3', attempt, result })
    t.same(body, { acknowledged: [attempt] })
    t.match(await ended(url, offer.task), { status: 'done', result, slave: 'w3' })
    const dry = await post(`${url}/tasks?dry-run`, sleep(1))
    t.match(dry.body.slaves[2], { slave: 'w3', available: false, reason: 'is not polling' })
  })

  await t.test('and a cancelled task frees the slave that pulls at once', async (t) => {
    const { id } = posts[1].body
    await until(async () => (await getJson(`${pulling.url}/attempts`)).attempts.length === 1)
    t.match(await request('DELETE', `${url}/tasks/${id}`), { body: { status: 'cancelled' } })
    await until(async () => (await getJson(`${pulling.url}/attempts`)).attempts.length === 0)
    await inState(url, 'pull-2', 'free')
  })

  await t.test('and one that is drained is handed nothing until it is resumed', async (t) => {
    await request('POST', `${url}/slaves/pull-2/drain`)
    t.equal((await post(`${url}/tasks`, sleep(1))).status, 503)
    const queued = await post(`${url}/tasks`, { ...sleep(1), queue: true })
    await request('POST', `${url}/slaves/pull-2/resume`)
    t.match(await ended(url, queued.body.id), { status: 'done', slave: 'pull-2' })
  })
})

t.test('what is wrong with a poll or a result is said', async (t) => {
  const { url } = await startMaster(t, folderOf(t), SLOW)
  await startPulling(t, url, 'pull-1')

  const wrongPolls: [query: string, status: number, type: string, detail: RegExp][] = [
    ['boot=x&generation=1&free=1', 400, 'invalid-request', /slave is missing.*together with boot/],
    ['slave=w1&kinds=', 400, 'invalid-request', /kinds must be/],
    ['slave=w1&kinds=a,,b', 400, 'invalid-request', /kinds must be/],
    ['slave=w%201&kinds=a', 400, 'invalid-request', /slave must be a name/],
    ['slave=w1&slave=w2&kinds=a', 400, 'invalid-request', /slave must be string/],
    ['slave=w1&kinds=a&wait=61', 400, 'invalid-request', /wait must be <= 60/],
    ['slave=w1&kinds=a&wait=-1', 400, 'invalid-request', /wait must be >= 0/],
    ['slave=w1&kinds=a&wait=long', 400, 'invalid-request', /wait must be number/],
    ['slave=pull-1&boot=x', 400, 'invalid-request', /generation is missing/],
    ['slave=pull-1&boot=x&generation=1', 400, 'invalid-request', /free is missing/],
    ['slave=pull-1&boot=x&generation=x&free=1', 400, 'invalid-request', /generation must be/],
    ['slave=pull-1&boot=x&generation=1&free=1', 404, 'no-such-slave', /with this boot/],
    ['slave=w1&boot=x&generation=1&free=1', 404, 'no-such-slave', /"w1"/],
    ['slave=pull-1&kinds=sleep', 409, 'name-taken', /pull-1 has registered/],
  ]
  for (const [query, status, type, detail] of wrongPolls) {
    const answer = await request('GET', `${url}/get_task?${query}`)
    t.match({ status: answer.status, ...answer.body }, { status, type, detail }, query)
  }
  const named = { slave: 'w1', attempt: 'x' }
  const failure = { type: 'evaluation', message: '' }
  const wrongResults: [body: unknown, status: number, type: string, detail: RegExp][] = [
    ['{', 400, 'invalid-json', /./],
    [[named], 400, 'invalid-request', /body must be object/],
    [null, 400, 'invalid-request', /body must be object/],
    [{ slave: 'w1' }, 400, 'invalid-request', /result is missing/],
    [{ slave: 'w1', result: 1 }, 400, 'invalid-request', /task is missing.*attempt is absent/],
    [{ attempt: 'x', task: 'y', result: 1 }, 400, 'invalid-request', /slave is missing.*attempt/],
    [{ task: 'no task', result: 1 }, 404, 'no-such-task', /has the task no task now/],
    [{ task: 7, result: 1 }, 400, 'invalid-request', /task must be string/],
    [{ ...named, failure: {} }, 400, 'invalid-request', /failure.type/],
    [{ ...named, failure, result: 1 }, 400, 'invalid-request', /must not be given together/],
    [{ ...named, result: 1, ranMs: -1 }, 400, 'invalid-request', /ranMs must be >= 0/],
    [{ callbacks: [] }, 400, 'invalid-request', /state is missing/],
    [{ ...named, result: 1 }, 404, 'no-such-task', /does not hold the attempt x/],
  ]
  for (const [body, status, type, detail] of wrongResults) {
    const answer = await post(`${url}/submit_result`, body)
    t.match({ status: answer.status, ...answer.body }, { status, type, detail })
  }
  const unknown = { ...named, task: 'no task', result: 1 }
  t.match(await post(`${url}/submit_result`, unknown), {
    status: 200,
    body: { acknowledged: ['x'] },
  })
  const head = await fetch(`${url}/get_task?slave=w1&kinds=sleep`, { method: 'HEAD' })
  t.equal(head.status, 405, 'HEAD would take a task and drop it')

  const card = { boot: 'b', version: '1', kinds: [], tags: [], slots: 1 }
  const register = (more: object) => post(`${url}/slaves`, { name: 'x', ...card, ...more })
  t.match(await register({}), { status: 400, body: { detail: /url is missing/ } })
  t.match(await register({ url: 'http://x', pull: true }), {
    status: 400,
    body: { detail: /url must not be given together with pull/ },
  })
  t.match(await register({ pull: false }), { status: 400 })
  t.match(await register({ pull: true, name: 'pull-1' }), {
    status: 409,
    body: { type: 'name-taken' },
  })
  const { slaves } = await getJson(`${url}/slaves`)
  t.same(
    slaves.map(({ name }: Json) => name),
    ['pull-1'],
    'none of it registered anybody',
  )
  const { counters } = await getJson(`${url}/status`)
  t.match(counters, { callbacksUnattached: 1, callbacksForged: 0 })
})
